"""The criteria of a new password: the source's five, and "difficile à deviner"."""

from __future__ import annotations

import time
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idp.errors import PasswordTooLong, PasswordTooWeak
from idp.passwords.policy import PRESETS, Policy, guessable, require, unmet
from idp.settings import PolicyPreset

SOURCE = PRESETS[PolicyPreset.SOURCE]
CNIL = PRESETS[PolicyPreset.CNIL]
NIST = PRESETS[PolicyPreset.NIST]
CLASSES_ONLY = Policy(minimum_length=6, classes=True, guessability=False)


def test_the_five_criteria_stand_in_the_order_of_the_page() -> None:
    assert [c.name for c in SOURCE.criteria] == ["length", "upper", "lower", "digit", "special"]


@pytest.mark.parametrize(
    ("password", "missing"),
    [
        ("", ("length", "upper", "lower", "digit", "special")),
        ("Ab1!x", ("length",)),
        ("Ab1!xy", ()),
        ("ab1!xy", ("upper",)),
        ("AB1!XY", ("lower",)),
        ("Abc!xy", ("digit",)),
        ("Ab1cxy", ("special",)),
        ("Éb1!xy", ()),
        ("ÉÀ1!XÇ", ("lower",)),
        ("éà1!xç", ("upper",)),
        ("Ab1éxy", ("special",)),
        ("Ab1 xy", ()),
        ("Ab1€xy", ()),
        ("Ab1🏠xy", ()),
        ("Ab١!xy", ("digit",)),
        ("      ", ("upper", "lower", "digit")),
    ],
)
def test_each_class_is_what_people_call_it(password: str, missing: tuple[str, ...]) -> None:
    assert unmet(password, CLASSES_ONLY) == missing


def test_a_decomposed_accent_is_one_letter_and_no_sign() -> None:
    assert unmet(unicodedata.normalize("NFD", "Ab1éxy"), CLASSES_ONLY) == ("special",)


@pytest.mark.parametrize(
    "password",
    [
        "Soleil1!",
        "Motdepasse2026!",
        "!!Azerty31",
        "@zerty123A!",
        "P@ssw0rd1!",
        "M0tdep@sse!1",
        "Motdepass3!",
        "Bonjour2026!",
        "Azerty123456!",
        "Doudou1234!",
        "Aa1!Aa1!",
        "Abcdef1!",
        "Qwerty12!",
        "Aaaaaa1!",
        "123456Aa!",
    ],
)
def test_what_people_choose_is_guessable(password: str) -> None:
    assert unmet(password, SOURCE) == ("guessable",)


@pytest.mark.parametrize("password", ["Hoareau1!", "hoareau-2026A", "!Rolande75!", "Toulouse31!!", "H0areau123!"])
def test_ones_own_name_and_town_are_guessable(password: str) -> None:
    words = ("HOAREAU", "Rolande", "Toulouse", "Agence du Port")

    assert guessable(password, words)


@pytest.mark.parametrize("password", ["lea.martin@exemple.org", "Lea.Martin-2026!", "Exemple.org-lea.martin"])
def test_ones_own_address_is_guessable(password: str) -> None:
    """Twenty characters are a phrase, which needs no classes, and an address is long: it was taken as one."""
    assert guessable(password, ("Rolande", "lea.martin", "exemple.org"))


@pytest.mark.parametrize(
    "password", ["Cheval-Bleu-42x", "Trois-Canards-77", "kX9!vTq2#m", "trois canards verts dans la mare"]
)
def test_what_is_hard_to_guess_passes(password: str) -> None:
    assert unmet(password, SOURCE, words=("HOAREAU", "Rolande")) == ()


def test_a_long_phrase_needs_no_classes_but_is_not_one_word_repeated() -> None:
    assert unmet("trois canards verts dans la mare", CNIL) == ()
    assert unmet("a" * 40, SOURCE) == ("guessable",)
    assert unmet("motdepasse" * 3, SOURCE) == ("guessable",)


def test_presets_ask_for_more_length() -> None:
    assert unmet("Kx9!vTq2#m", CNIL) == ("length",)
    assert unmet("Kx9!vTq2#m", NIST) == ("length",)
    assert unmet("kxqvtqwmzjrbnlp", NIST) == ()


def test_128_characters_are_accepted_and_129_are_not() -> None:
    phrase = "trois canards verts dans la mare et un cheval bleu sur la colline, puis " * 2
    require(phrase[:128], SOURCE)

    with pytest.raises(PasswordTooLong):
        require(phrase[:129], SOURCE)


def test_a_weak_password_is_told_all_that_is_missing() -> None:
    with pytest.raises(PasswordTooWeak) as told:
        require("abc", SOURCE)

    assert told.value.unmet == ("length", "upper", "digit", "special")


@pytest.mark.parametrize(
    "password", ["4@8({[<369|!10$5+7%2" * 4, "@4@4({[<69!1|0$5+7%2" * 4, "!1|iIlL" * 12, "Aa1!" * 32]
)
def test_no_password_takes_seconds_to_judge(password: str) -> None:
    """64 signs that each may stand for several letters took zxcvbn four seconds of this process."""
    began = time.process_time()

    unmet(password[:128], SOURCE)

    assert time.process_time() - began < 1


@given(st.text(max_size=140))
def test_any_text_gets_an_answer(password: str) -> None:
    for name in unmet(password, CLASSES_ONLY):
        assert name in ("length", "upper", "lower", "digit", "special")
    guessable(password[:24], ("é", "", "\x00"))
