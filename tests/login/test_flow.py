"""What a sign-in form lacks, decided before anything is looked up."""

from __future__ import annotations

import pytest

from idp.errors import IdentifierMissing, PasswordMissing
from idp.login.flow import looks_like_a_letters, require_complete


@pytest.mark.parametrize("identifier", ["", " ", "\u00a0\t"])
def test_an_identifier_of_spaces_is_missing(identifier: str) -> None:
    with pytest.raises(IdentifierMissing):
        require_complete(identifier, "x")


def test_a_password_of_spaces_is_a_password() -> None:
    require_complete("lea@exemple.org", " ")
    with pytest.raises(PasswordMissing):
        require_complete("lea@exemple.org", "")


def test_what_has_no_at_sign_may_be_a_letters() -> None:
    assert looks_like_a_letters("ID-1042")
    assert not looks_like_a_letters("lea@exemple.org")
