"""Mails as they are read: on a narrow screen, in the dark, as text; valid, and with contrast in any agency's colour."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser

from idp.mail.messages import Message, Voice, render
from tests.browser.mails import mails
from tests.browser.test_pages import _AXE_RUN, _OVERFLOW
from tests.browser.validator import Validator, started

# Tables with their old attributes are what old mail programs lay out by.
_OF_MAILS = ("no-deprecated-attr", "deprecated", "presentation-role-style", "prefer-tbody")
COLORS = ("#7a1f5c", "#ffd500", "#00a651")


@pytest.fixture(scope="module")
def validate() -> Iterator[Validator]:
    with started() as validator:
        yield validator


@pytest.mark.parametrize("kind", mails(Voice()))
@pytest.mark.parametrize("language", ["fr", "en"])
def test_mail_can_be_read_by_everybody(chromium: Browser, validate: Validator, kind: str, language: str) -> None:
    for color in COLORS:
        voice = Voice("Agence des Tilleuls", color, "+33562279530", language)
        message: Message = mails(voice)[kind]
        mail = render(message, timezone="Europe/Paris")
        assert [fault for fault in validate(f"mail-{kind}", mail.html) if not fault.startswith(_OF_MAILS)] == []
        page = chromium.new_page(viewport={"width": 320, "height": 640})
        try:
            for scheme in ("light", "dark"):
                page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
                page.set_content(mail.html)
                page.evaluate(Axe().axe_script)
                # A mail has no landmarks: it stands in the page of a mail program.
                faults = [f for f in page.evaluate(_AXE_RUN) if not f.startswith(("region", "landmark"))]
                assert faults == [], f"{color} {scheme}"
                assert page.evaluate(_OVERFLOW) <= 0
        finally:
            page.close()
        assert len(mail.html) < 20_000, "some programs cut at 102 kB"
        assert "\n\n\n" not in mail.text
        assert max(len(line) for line in mail.text.splitlines() if "https://" not in line) < 400
