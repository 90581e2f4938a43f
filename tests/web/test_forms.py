"""Reading what was posted."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idp.brand import Brand
from idp.texts import negotiate
from idp.web.forms import Form, tidy


@given(st.text(max_size=500))
def test_what_is_shown_again_has_no_control_character(text: str) -> None:
    shown = tidy(text)

    assert len(shown) <= 320
    assert not [c for c in shown if unicodedata.category(c) in ("Cc", "Cs")]
    assert not set(shown) & set("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def test_passwords_are_never_shown_again() -> None:
    form = Form(
        {"identifier": "lea", "password": "secret", "new_password": "x", "confirmation": "y", "current_password": "z"}
    )

    assert form.shown == {"identifier": "lea"}


@pytest.mark.parametrize(
    ("version", "read"),
    [("3", 3), ("", None), ("-1", None), ("1e3", None), ("٣", None), ("9" * 30, None), ("0x1", None)],
)
def test_a_version_is_a_small_number_or_none(version: str, read: int | None) -> None:
    assert Form({"version": version}).version == read


def test_a_missing_field_is_empty() -> None:
    assert Form({})["anything"] == ""


@pytest.mark.parametrize("color", [None, "", "red", "#fff", "#12345g", "#123456;}body{x:url(//evil)", "#123456\n"])
def test_a_malformed_colour_is_ours(color: str | None) -> None:
    assert Brand.of(color) == Brand.of(None)


@pytest.mark.parametrize(
    ("wanted", "language"),
    [
        (None, "fr"),
        ("", "fr"),
        ("en", "en"),
        ("en-GB,en;q=0.9,fr;q=0.8", "en"),
        ("de-DE,de;q=0.9", "fr"),
        ("fr-CA fr en", "fr"),
        ("," * 10_000, "fr"),
        ("<script>", "fr"),
    ],
)
def test_the_language_is_french_unless_english_is_asked_for(wanted: str | None, language: str) -> None:
    assert negotiate(wanted) == language
