"""docs/operating.md names commands, options, failures and words that exist: nobody looks a thing up while it burns."""

from __future__ import annotations

import re

import pytest

from idp.errors import catalogue
from idp.settings import ROOT
from idp.texts import catalogue as texts
from tests.cli.test_conventions import VERBS

GUIDE = (ROOT / "docs" / "operating.md").read_text(encoding="utf-8")
COMMANDS = sorted(
    set(re.findall(r"`(idp [a-z][^`]*)`", GUIDE)) | set(re.findall(r"^(idp [a-z].*?)\\?$", GUIDE, re.MULTILINE))
)
ALONE = {"serve", "demo"}  # nouns that are verbs, not among VERBS


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_of_the_guide_exists_with_its_options(command: str) -> None:
    words = command.split()[1:]
    verb = next((name for name in (" ".join(words[:3]), " ".join(words[:2]), words[0]) if name in VERBS), None)
    assert verb or words[0] in ALONE, command
    if verb:
        known = {option for one in VERBS[verb].params for option in one.opts}
        assert set(re.findall(r"--[a-z-]+", command)) <= known, command


def test_every_number_of_a_failure_in_the_guide_is_one() -> None:
    assert set(re.findall(r"\b[A-Z]{3}-\d{2}\b", GUIDE)) <= {error.code for error in catalogue()}


def test_what_people_read_stands_in_the_guide_as_it_stands_on_the_page() -> None:
    """Quoted words are French words of ours; … stands for what is left out."""
    words = " ".join(texts("fr").values()).replace("\u00a0", " ")
    quoted = [
        text
        for text in re.findall(r'"([A-ZÀ-Ý][^"\n]*(?:\n[^"\n]+)?)"', GUIDE)
        if not text.startswith(("Groupe", "Agence", "Extranet"))
    ]
    assert quoted
    for text in quoted:
        for piece in " ".join(text.split()).split("…"):
            assert piece.strip() in words, text
