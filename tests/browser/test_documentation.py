"""The screens of the documentation, in its order, as pictures in docs/screens. Made on request: IDP_SCREENS=1.

They are the product's own pages, so a reader of the documentation can compare, and a reviewer can look at a change.
"""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser

from idp.settings import ROOT
from tests.browser.conftest import Visit
from tests.browser.pictures import small
from tests.browser.screens import SCREENS, Scene
from tests.browser.visitor import DESKTOP, PHONE
from tests.support.world import World

FOLDER = ROOT / "docs" / "screens"
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


@pytest.mark.parametrize(("width", "viewport"), [("390", PHONE), ("1280", DESKTOP)])
@pytest.mark.parametrize("picture", PICTURES)
def test_picture(
    world: World, visit: Visit, picture: str, width: str, viewport: tuple[int, int], chromium: Browser
) -> None:
    visitor = visit(viewport, reduced_motion="reduce")
    SCREENS[PICTURES[picture]](Scene(world, visitor))
    visitor.page.wait_for_load_state("networkidle")
    # The addresses and numbers of the world are never the same twice; a picture is only to change when a page does.
    visitor.page.evaluate(
        """() => {
          const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
          for (let n; (n = walk.nextNode());) {
            n.data = n.data.replace(/roland\\.[0-9a-f]+/g, 'rolande.hoareau').replace(/^[0-9a-f-]{16}$/, '4f1c20d9');
          }
          for (const i of document.querySelectorAll('input')) i.value = i.value.replace(/roland\\.[0-9a-f]+/g, 'rolande.hoareau');
        }"""
    )

    FOLDER.mkdir(parents=True, exist_ok=True)
    taken = visitor.page.screenshot(full_page=True, caret="hide")
    (FOLDER / f"{picture}-{width}.png").write_bytes(small(chromium, taken))
