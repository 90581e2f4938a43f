"""Addresses: what is accepted, and which of them are one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idp.accounts import addresses
from idp.accounts.store import identifier_key
from idp.errors import AddressMalformed, AddressMissing


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("lea@exemple.org", "lea@exemple.org"),
        ("  Lea.Martin@Exemple.ORG ", "Lea.Martin@exemple.org"),
        ("lea+agence@exemple.org", "lea+agence@exemple.org"),
        ("o'neil@exemple.org", "o'neil@exemple.org"),
        ("lea@xn--exmple-cua.org", "lea@xn--exmple-cua.org"),
    ],
)
def test_an_address_is_kept_as_typed_with_its_domain_in_small_letters(typed: str, kept: str) -> None:
    assert addresses.accepted(typed) == kept


@pytest.mark.parametrize(
    "typed",
    [
        "lea",
        "lea@",
        "@exemple.org",
        "lea@exemple",
        "lea @exemple.org",
        "lea@exemple..org",
        "lea@-exemple.org",
        "léa@exemple.org",
        "lea@exämple.org",
        "lea@exemple.org, ana@exemple.org",
        "lea@exemple.org\nBcc: ana@exemple.org",
        '"lea martin"@exemple.org',
        "Lea <lea@exemple.org>",
        "lea@[192.0.2.1]",
        "lea@exemple.org.",
        "x" * 65 + "@exemple.org",
        "lea@" + "x" * 250 + ".org",
    ],
)
def test_what_no_mail_would_reach_is_refused(typed: str) -> None:
    with pytest.raises(AddressMalformed):
        addresses.accepted(typed)


@pytest.mark.parametrize("typed", ["", " ", "\t"])
def test_nothing_typed_is_told_apart(typed: str) -> None:
    with pytest.raises(AddressMissing):
        addresses.accepted(typed)


@pytest.mark.parametrize(
    "other",
    ["LEA@EXEMPLE.ORG", " lea@exemple.org ", "lea＠exemple.org", "lea@exemple.org.", "ｌｅａ@exemple.org"],
)
def test_every_way_to_write_an_address_has_one_key(other: str) -> None:
    assert addresses.key(other) == addresses.key("lea@exemple.org")


def test_a_domain_in_its_own_letters_and_in_ascii_have_one_key() -> None:
    assert addresses.key("lea@exämple.org") == addresses.key("lea@xn--exmple-cua.org")


@pytest.mark.parametrize(
    "other", ["lea.@exemple.org", "l.ea@exemple.org", "lea+x@exemple.org", "lea@exemple.fr", "léa@exemple.org"]
)
def test_other_addresses_have_other_keys(other: str) -> None:
    assert addresses.key(other) != addresses.key("lea@exemple.org")


@given(st.text(max_size=400))
def test_any_text_has_a_short_key(typed: str) -> None:
    assert len(addresses.key(typed)) <= addresses.LONGEST


@given(st.emails())
def test_what_is_accepted_has_the_key_of_what_was_typed(typed: str) -> None:
    try:
        kept = addresses.accepted(typed)
    except AddressMalformed:
        return
    assert addresses.key(kept) == addresses.key(typed)
    assert kept.isascii()


@pytest.mark.parametrize("other", ["id 1042", "ID-1042", "id.1042", "\u00a0ID\u20111042", "i d 1 0 4 2"])
def test_every_way_to_copy_an_identifier_has_one_key(other: str) -> None:
    assert identifier_key(other) == identifier_key("ID1042")


def test_zeros_and_signs_of_an_identifier_count() -> None:
    assert len({identifier_key(i) for i in ("1042", "01042", "1042A", "104/2", "104_2")}) == 5
