"""The screens of the documentation, in its order, as pictures in docs/screens. Made on request: IDP_SCREENS=1.

They are the product's own pages, so a reader of the documentation can compare, and a reviewer can look at a change.
"""

from __future__ import annotations

from html import escape

import pytest
from playwright.sync_api import Browser

from idp.mail.messages import Voice, render
from idp.settings import ROOT
from tests.browser.conftest import Visit
from tests.browser.mails import mails
from tests.browser.pictures import side_by_side, small
from tests.browser.screens import SCREENS, Scene
from tests.browser.visitor import DESKTOP, PHONE, Visitor
from tests.support.world import World

FOLDER = ROOT / "docs" / "screens"
_ON_A_PHONE, _AT_A_COMPUTER = 0.72, 0.55  # as small as can be read: hundreds of pictures are in the repository
PICTURES = {
    "01-letter": "letter",
    "02-email": "email",
    "03-password": "password-while-typing",
    "04-sent": "sent-delivered",
    "05-link": "link",
    "06-merge": "merge",
    "07-merged": "merge-done",
    "08-codes": "codes",
    "09-login": "login",
    "10-forgotten": "reset",
    "11-forgotten-sent": "reset-sent",
    "12-new-password": "reset-password",
    "13-password-reset": "reset-done",
    "14-profile": "profile-several-agencies",
    "15-change-password": "profile-password",
    "16-help": "help",
    "17-error": "login-wrong",
    "18-link-used": "link-used-already",
}


def steady(visitor: Visitor) -> None:
    """Addresses, numbers and moments are never the same twice; a picture is only to change when a page does."""
    visitor.page.wait_for_load_state("networkidle")
    visitor.page.evaluate(
        """() => {
          const same = words => words
            .replace(/roland\\.[0-9a-f]+/g, 'rolande.hoareau')
            .replace(/^[0-9a-f-]{12}$/, '4f1c20d98b3e')
            .replace(/^ID[0-9A-F]{6,}$/, 'ID0042')
            .replace(/[0-9]{1,2}\\s\\S+ 20[0-9]{2} à [0-9]{1,2}\\sh\\s[0-9]{2}/g, '24\\u00a0novembre 2026 à 14\\u00a0h\\u00a005');
          const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
          for (let n; (n = walk.nextNode());) n.data = same(n.data);
          for (const i of document.querySelectorAll('input')) i.value = same(i.value);
        }"""
    )


@pytest.mark.parametrize(("width", "viewport"), [("390", PHONE), ("1280", DESKTOP)])
@pytest.mark.parametrize("picture", PICTURES)
def test_picture(
    world: World, visit: Visit, picture: str, width: str, viewport: tuple[int, int], chromium: Browser
) -> None:
    visitor = visit(viewport, reduced_motion="reduce")
    SCREENS[PICTURES[picture]](Scene(world, visitor))
    steady(visitor)

    FOLDER.mkdir(parents=True, exist_ok=True)
    taken = visitor.page.screenshot(full_page=True, caret="hide")
    (FOLDER / f"{picture}-{width}.png").write_bytes(small(chromium, taken))


@pytest.mark.parametrize("name", SCREENS)
def test_picture_of_a_state(world: World, visit: Visit, name: str, chromium: Browser) -> None:
    """Every page in every state, on a phone and at a computer: light, and dark."""
    visitor = visit(PHONE, reduced_motion="reduce")
    SCREENS[name](Scene(world, visitor))
    steady(visitor)

    keep(chromium, f"states/{name}", in_both_schemes(visitor))
    visitor.size(DESKTOP)
    keep(chromium, f"computer/{name}", in_both_schemes(visitor), scale=_AT_A_COMPUTER)


@pytest.mark.parametrize("color", ["#ffd500", "#00a651", "#7a1f5c", "#111111"])
def test_picture_of_a_brand(world: World, visit: Visit, color: str, chromium: Browser) -> None:
    """Yellow, green, purple and black: what an agency chose, as its people can read it."""
    visitor = visit(PHONE, reduced_motion="reduce")
    visitor.open(f"/login?{world.agency(name='Agence des Tilleuls', brand_color=color).query}")

    keep(chromium, f"brands/{color.removeprefix('#')}", in_both_schemes(visitor))


def in_both_schemes(visitor: Visitor) -> list[bytes]:
    """The whole page as it is shown, light and then dark."""
    taken = []
    for scheme in ("light", "dark"):
        visitor.page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        taken.append(visitor.page.screenshot(full_page=True, caret="hide"))
    return taken


@pytest.mark.parametrize("kind", mails(Voice()))
def test_picture_of_a_mail(chromium: Browser, kind: str) -> None:
    """At a computer, on a phone in the dark, and as text."""
    voice = Voice("Agence des Tilleuls", "#7a1f5c", "+33562279530", "fr")
    mail = render(mails(voice)[kind], timezone="Europe/Paris")
    text = f"<meta name=color-scheme content=light><pre style='white-space:pre-wrap;font:15px monospace'>{escape(mail.text)}</pre>"
    taken = []
    for width, scheme, html in ((620, "light", mail.html), (360, "dark", mail.html), (420, "light", text)):
        page = chromium.new_page(viewport={"width": width, "height": 600}, color_scheme=scheme)  # type: ignore[arg-type]
        page.set_content(html)
        taken.append(page.screenshot(full_page=True))
        page.close()

    keep(chromium, f"mails/{kind}", taken)


def keep(chromium: Browser, name: str, taken: list[bytes], *, scale: float = _ON_A_PHONE) -> None:
    file = FOLDER / f"{name}.webp"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(side_by_side(chromium, taken, scale))
