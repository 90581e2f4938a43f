"""Group K: merging, linking, and whom a name belongs to."""

from __future__ import annotations

import pytest

from tests.attacks import attack
from tests.support.acts import ask_for_account, choose_address, choose_password, show_letter, sign_in, to_merge
from tests.support.person import Page
from tests.support.world import STRONG, World, claims


@attack("K1")
@pytest.mark.parametrize("password", [None, "", "{letter}", "wrong"])
def test_no_merge_without_the_accounts_password(world: World, password: str | None) -> None:
    member, _ = world.member()
    letter = world.letter(contracts=("STOLEN-1",))
    person = to_merge(world, letter, member.email or "")
    form = person.page.form(having="password")
    data = dict(form.fields)
    del data["password"]
    if password is not None:
        data["password"] = password.format(letter=letter.password)

    assert Page(person.http.post(form.action, data=data)).status == 400

    assert "STOLEN-1" not in world.signed_in(member).open("/profile").html


@attack("K4")
def test_an_address_that_was_typed_but_not_proven_is_nobodys(world: World) -> None:
    """Two letters with one address, neither proven: the second is no reason to merge with the first."""
    first, second = world.letter(), world.letter()
    ask_for_account(world, first)
    person = world.person()
    show_letter(person, second)

    page = choose_address(person, first.email)

    assert page.path.endswith("/password")


LOOKALIKES = [
    "{user}＠exemple.org",
    "{fullwidth}@exemple.org",
    "{user}@exemple.org\u200b",
    "{user}@ex\u0435mple.org",
    "{user}\u0131@exemple.org",
]


@attack("K5")
@pytest.mark.parametrize("written", LOOKALIKES, ids=range(len(LOOKALIKES)))
def test_an_address_that_only_looks_the_same_is_refused_or_another_one(world: World, written: str) -> None:
    victim, _ = world.member()
    assert victim.email
    user = victim.email.split("@")[0]
    typed = written.format(user=user, fullwidth="".join(chr(ord(c) + 0xFEE0) if c.isalnum() else c for c in user))
    person = world.person()
    show_letter(person, world.letter())
    page = choose_address(person, typed)

    assert page.status == 400 or not page.path.startswith("/merge/")
    if page.status < 400:
        choose_password(person)
        assert not [mail for mail in world.mails_to(victim.email) if typed in mail.text]


@attack("K6")
def test_every_portal_keeps_its_subject_and_its_tokens_through_a_merge(world: World) -> None:
    member, account_id = world.member()
    second = world.letter()
    portal = world.portal(member)
    person = world.signed_in(member)
    person.open(portal.authorize_url())
    tokens = portal.redeem(person.sent_to).json()

    to_merge(world, second, member.email or "", person=person)
    person.submit(password=STRONG)

    refreshed = portal.refresh(tokens["refresh_token"]).json()
    assert claims(refreshed["id_token"])["sub"] == claims(tokens["id_token"])["sub"] == account_id
    new_portal = world.portal(second)
    person.open(new_portal.authorize_url())
    assert claims(new_portal.redeem(person.sent_to).json()["id_token"])["sub"] == account_id
    assert world.member()[1] != account_id


@attack("K9")
def test_the_merge_page_tells_nothing_of_the_account_before_its_password(world: World) -> None:
    member, _ = world.member(world.agency(name="Agence Secrète"), contracts=("SECRET-1",), last_name="SECRETNOM")
    letter = world.letter()

    for page in (to_merge(world, letter, member.email or "").page, _wrong(world, letter, member.email or "")):
        assert "Secrète" not in page.html
        assert "SECRET-1" not in page.html
        assert "SECRETNOM" not in page.html


def _wrong(world: World, letter: object, email: str) -> Page:
    return to_merge(world, letter, email).submit(password="wrong")  # type: ignore[arg-type]


@attack("K13")
def test_a_letter_named_like_somebodys_address_shadows_nobody(world: World) -> None:
    victim, _ = world.member()
    assert victim.email
    trap = world.letter(identifier=victim.email, identifier_key=victim.email.upper(), password="trap-password")

    for _ in range(3):
        assert sign_in(world.person(), victim, password="trap-password", query=trap.query).status == 400
    show_letter(world.person(), trap, password="wrong")

    assert sign_in(world.person(), victim).heading == "Profil"
