"""Group G: signing in. Most of it stands in tests/hostile/test_guessing.py."""

from __future__ import annotations

import itertools
import time
import unicodedata

import pytest

from tests.attacks import attack
from tests.hostile.places import PLACES
from tests.support.acts import ask_for_account, choose_address, choose_password, confirm, show_letter, sign_in
from tests.support.person import Page
from tests.support.world import STRONG, World

CLAIMED = ("X-Forwarded-For", "Forwarded", "X-Real-IP", "True-Client-IP", "CF-Connecting-IP", "X-Client-IP")


@attack("G4")
@pytest.mark.parametrize("header", CLAIMED)
def test_a_claimed_address_buys_no_guess(world: World, header: str) -> None:
    letter, _ = world.member()
    answers = []
    for number in range(8):
        value = f"for=198.51.100.{number}" if header == "Forwarded" else f"198.51.100.{number}, unparsable"
        person = world.person(headers={header: value})
        answers.append(sign_in(person, letter, password="wrong").status)

    assert answers[-1] == 429
    assert sorted(answers) == answers


@attack("G7")
def test_own_sign_ins_buy_no_guess_at_others(world: World) -> None:
    agency = world.agency()
    victim, own = world.member(agency)[0], world.member(agency)[0]
    attacker = world.person()
    answers = []
    for _ in range(20):  # four wrong ones, then an own sign-in
        answers += [sign_in(attacker, victim, password="wrong").status for _ in range(4)]
        assert sign_in(attacker, own).heading == "Profil"

    assert answers == [400] * 5 + [429] * 75


@attack("G12")
@pytest.mark.parametrize("size", [1_000_000, 50_000_000])
def test_a_huge_password_is_refused_before_it_is_hashed(world: World, size: int) -> None:
    letter, _ = world.member()
    person = world.person()
    person.open(f"/login?{letter.query}")
    form = person.page.form(having="identifier")
    started = time.monotonic()

    page = Page(person.http.post(form.action, data={**form.fields, "identifier": letter.email, "password": "x" * size}))

    assert page.status == 413
    assert page.ways
    assert time.monotonic() - started < 5


@attack("G12")
@pytest.mark.parametrize("name", ["password", "reset link", "change", "merge", "link"])
def test_a_huge_password_is_refused_wherever_one_is_typed(world: World, name: str) -> None:
    place = PLACES[name]
    person = place.reach(world)
    form = person.page.form(having=place.field)
    with world.statements() as seen:
        for size in (60_000, 1_000_000):
            fields = {field: "x" * size if "password" in field else value for field, value in place.fields.items()}
            page = Page(person.http.post(form.action, data={**form.fields, **fields}))
            assert page.status in (400, 413)
            assert page.forms or page.ways

    assert not [s for s in seen if "password_hash" in s and s.startswith(("UPDATE", "INSERT"))]


@attack("G12")
def test_a_password_past_what_is_accepted_is_told_and_never_cut(world: World) -> None:
    letter = world.letter()
    person = world.person()
    show_letter(person, letter)
    choose_address(person)

    assert choose_password(person, "Aa1!" + "é" * 500).status == 400


@attack("G13")
def test_a_password_is_taken_as_it_was_typed(world: World) -> None:
    """Spaces count, case counts; the same letters by another keyboard are the same letters (NFC)."""
    typed = " Pass wörd1!é Tuile "
    letter = world.letter()
    person = ask_for_account(world, letter, password=typed)
    confirm(world, person, letter.email, typed)

    for wrong in (typed.strip(), typed.lower(), typed.swapcase(), typed.replace(" ", ""), typed[:-1], typed + " "):
        world.forget_attempts()
        assert sign_in(world.person(), letter, password=wrong).status == 400, wrong
    for right in (typed, unicodedata.normalize("NFD", typed)):
        assert sign_in(world.person(), letter, password=right).heading == "Profil"


@attack("G14")
@pytest.mark.parametrize(
    "weak",
    [
        "",
        "Aa1!",
        "azerty12!",
        "AZERTY12!",
        "Azertyui!",
        "Azerty123",
        "Azerty1!",
        "{email}",
        "Agence-2026!",
        "{provisional}",
    ],
)
def test_a_weak_password_posted_past_the_page_is_refused_with_words_and_not_echoed(world: World, weak: str) -> None:
    letter = world.letter()
    person = world.person()
    show_letter(person, letter)
    choose_address(person)

    password = weak.format(email=letter.email, provisional=letter.password)
    page = choose_password(person, password)

    assert page.status == 400
    assert page.errors
    assert not world.mails_to(letter.email)


@attack("G14")
@pytest.mark.parametrize("new", [STRONG, "Azerty1!", "{email}", "Agence-2026!", ""])
def test_a_change_to_the_same_or_a_weak_password_is_refused_with_words(world: World, new: str) -> None:
    letter, _ = world.member()
    person = world.signed_in(letter)
    person.open("/profile/password")
    new = new.format(email=letter.email)

    page = person.submit(current_password=STRONG, new_password=new, confirmation=new)

    assert page.status == 400
    assert page.errors
    assert sign_in(world.person(), letter).heading == "Profil"


@attack("G14")
def test_two_passwords_that_differ_are_refused(world: World) -> None:
    person = world.person()
    show_letter(person, world.letter())
    choose_address(person)

    page = person.submit(new_password=STRONG, confirmation=f"{STRONG}!", accept_terms="yes")

    assert page.status == 400


INJECTED = [
    "' OR 1=1--",
    "admin'/*",
    "*)(uid=*",
    '{"$gt":""}',
    "${jndi:ldap://x}",
    "a@b.fr' UNION SELECT 1--",
    "%' ESCAPE '!",
]


@attack("G16")
@pytest.mark.parametrize("identifier", INJECTED)
def test_a_statement_is_an_unknown_identifier(world: World, identifier: str) -> None:
    letter, _ = world.member()
    person = world.person()
    person.open(f"/login?{letter.query}")

    page = person.submit(identifier=identifier, password=STRONG)

    assert page.status == 400
    assert page.fields["identifier"]["value"] == identifier
    assert "session" not in person.cookies


@attack("G16")
@pytest.mark.parametrize("field", ["identifier[]", "identifier[$gt]", "identifier.0"])
def test_a_field_that_pretends_to_be_a_list_is_no_field(world: World, field: str) -> None:
    letter, _ = world.member()
    person = world.person()
    person.open(f"/login?{letter.query}")
    token = person.page.form(having="identifier").fields["csrf_token"]

    page = Page(
        person.http.post(f"/login?{letter.query}", data={field: letter.email, "password": STRONG, "csrf_token": token})
    )

    assert page.status == 400
    assert "session" not in person.cookies


@attack("G8")
def test_refused_attempts_do_not_lengthen_the_wait(world: World) -> None:
    """An attacker keeps asking; once the wait is over the owner gets in at the first try."""
    letter, _ = world.member()
    attacker = world.person()
    for _ in itertools.repeat(None, 6):
        sign_in(attacker, letter, password="wrong")
    for _ in range(20):
        assert sign_in(attacker, letter, password="wrong").status == 429

    world.clock.advance(minutes=3)

    assert sign_in(world.person(), letter).heading == "Profil"
