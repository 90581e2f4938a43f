"""Guessing passwords, codes and who has an account."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace

import pytest
from sqlalchemy import delete, func, select

from idp.audit.tables import AuditEvent
from idp.throttle.tables import ThrottleCounter
from tests.attacks import attack, inside
from tests.support.acts import ask_for_account, ask_reset, show_letter, sign_in, to_merge
from tests.support.person import Page, Person
from tests.support.world import OTHER_STRONG, STRONG, Letter, World


def test_after_five_wrong_passwords_the_page_says_when_to_come_back(world: World) -> None:
    letter, _ = world.member()
    person = world.person()
    for _ in range(5):
        assert sign_in(person, letter, password="wrong").status == 400

    page = sign_in(person, letter)

    assert page.status == 429
    assert "éessayez à partir du" in page.errors[0]
    assert 0 < int(page.response.headers["retry-after"]) <= 60
    assert page.fields["identifier"]["value"] == letter.email


@attack("G8")
def test_nobody_is_locked_out_for_good(world: World) -> None:
    letter, _ = world.member()
    person = world.person()
    for _ in range(20):
        sign_in(person, letter, password="wrong")

    world.clock.advance(hours=1, seconds=1)

    assert sign_in(person, letter).heading == "Profil"


def test_the_right_password_forgets_the_wrong_ones(world: World) -> None:
    letter, _ = world.member()
    for _ in range(3):
        person = world.person()
        for _ in range(4):
            assert sign_in(person, letter, password="wrong").status == 400
        assert sign_in(person, letter).heading == "Profil"


@pytest.mark.parametrize("known", [True, False])
@attack("G6")
def test_every_way_to_write_an_address_shares_one_count(world: World, known: bool) -> None:
    letter = world.member()[0] if known else world.letter()
    email = letter.email or ""
    local, domain = email.split("@")
    person = world.person()
    statuses = []
    for typed in (email, email.upper(), f" {email} ", f"{local}＠{domain}", f"{email}.", f"{local}@{domain.title()}"):
        person.open(f"/login?{letter.query}")
        statuses.append(person.submit(identifier=typed, password="wrong").status)

    assert statuses == [400, 400, 400, 400, 400, 429]


@attack("G6")
def test_every_way_to_write_a_letters_identifier_shares_one_count(world: World) -> None:
    letter = world.letter()
    person = world.person()
    i = letter.identifier
    statuses = []
    for typed in (i, i.lower(), f" {i}", f"{i[:2]}-{i[2:]}", f"{i[:2]}.{i[2:]}", f"{i[:4]} {i[4:]}"):
        person.open(f"/login/provisional?{letter.query}")
        statuses.append(person.submit(provisional_identifier=typed, provisional_password="wrong").status)

    assert statuses == [400, 400, 400, 400, 400, 429]


@attack("G9")
def test_a_hundred_wrong_passwords_at_once_are_five_guesses(world: World) -> None:
    letter, account_id = world.member()
    person = world.person()
    person.open(f"/login?{letter.query}")
    form = person.page.form(having="identifier")
    data = {**form.fields, "identifier": letter.email, "password": "wrong"}
    barrier = threading.Barrier(100)
    statuses: list[int] = []

    def guess() -> None:
        one = world.person(cookies=person.cookies)
        barrier.wait()
        statuses.append(one.http.post(form.action, data=data).status_code)

    threads = [threading.Thread(target=guess) for _ in range(100)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    with world.reading() as db:
        evaluated = db.scalars(
            select(func.count()).where(AuditEvent.subject == account_id, AuditEvent.name == "login.refused")
        ).one()
    # A machine that is too busy to ask its database in time says so; such an attempt may have been counted, and was no guess.
    assert {400, 429} <= set(statuses) <= {400, 429, 503}
    assert statuses.count(400) == evaluated <= 5
    assert evaluated == 5 or 503 in statuses


@attack("K1")
def test_the_merge_page_is_no_second_set_of_guesses(world: World) -> None:
    first, _ = world.member()
    person = to_merge(world, world.letter(), first.email or "")
    for _ in range(5):
        assert person.submit(password="wrong").status == 400

    assert person.submit(password=STRONG).status == 429
    assert sign_in(world.person(), first).status == 429


@attack("J11")
def test_the_change_of_password_is_no_second_set_of_guesses(world: World) -> None:
    """A browser where the person signed in has guesses of its own, then those of everybody, and no third set."""
    letter, _ = world.member()
    person = world.signed_in(letter)
    person.open("/profile/password")
    for _ in range(10):
        page = person.submit(current_password="wrong", new_password=OTHER_STRONG, confirmation=OTHER_STRONG)
        assert page.status == 400

    page = person.submit(current_password=STRONG, new_password=OTHER_STRONG, confirmation=OTHER_STRONG)
    assert page.status == 429
    assert sign_in(person, letter).status == 429
    assert sign_in(world.person(), letter).status == 429


def test_codes_are_not_guessed(world: World) -> None:
    letter = world.letter()
    person = ask_for_account(world, letter)
    for number in range(5):
        assert person.submit(code=f"0000 000{number}").status == 400

    page = person.submit(code=world.code_for(letter.email))
    assert page.status == 429
    show_letter(person, letter)
    assert person.submit(code=world.code_for(letter.email)).status == 429, "a new flow is no new set of guesses"
    world.clock.advance(minutes=2)
    assert person.submit(code=world.code_for(letter.email)).heading == "Profil"


def test_the_chosen_password_is_not_guessed_on_the_links_page(world: World) -> None:
    letter = world.letter()
    ask_for_account(world, letter)
    link = world.link_for(letter.email)
    for _ in range(5):
        person = world.person()
        person.open(link)
        assert person.submit(password="wrong").status == 400

    assert person.submit(password=STRONG).status == 429


@attack("G8")
def test_a_reset_ends_the_wait(world: World) -> None:
    letter, _ = world.member()
    person = world.person()
    for _ in range(6):
        sign_in(person, letter, password="wrong")
    ask_reset(person, letter)
    person.open(world.link_for(letter.email))
    person.submit(new_password=OTHER_STRONG, confirmation=OTHER_STRONG)

    assert sign_in(person, letter, password=OTHER_STRONG).heading == "Profil"


# --- who has an account ------------------------------------------------------------------------------------------------


def work(world: World, act: Callable[[], Page]) -> tuple[int, list[str], list[str]]:
    """Status, words and kinds of SQL statements of an act."""
    with world.transaction() as db:
        db.execute(delete(ThrottleCounter))
    with world.statements() as statements:
        page = act()
    return page.status, page.errors, [" ".join(s.split()[:3]) for s in statements]


def at_sign_in(world: World, letter: Letter) -> Person:
    person = world.person()
    person.open(f"/login?{letter.query}")
    return person


@attack("G2")
def test_known_and_unknown_addresses_get_the_same_words_for_the_same_work(world: World) -> None:
    """One hash is compared in both cases (`Hasher.verify` of nothing compares a decoy), and the statements are the same."""
    known, unknown = world.member()[0], world.letter()

    answers = [
        work(world, lambda letter=letter: at_sign_in(world, letter).submit(identifier=letter.email, password="wrong"))
        for letter in (known, unknown)
    ]

    assert answers[0] == answers[1]


@pytest.mark.parametrize(
    "password", ["", "x", "x" * 5000, "é" * 128, "\x00"], ids=["none", "one", "5000", "128", "NUL"]
)
@attack("G2")
def test_no_password_tells_by_its_length_or_the_accounts_state_who_has_an_account(world: World, password: str) -> None:
    from idp.accounts.tables import Account

    known, (closed, account_id), unknown = world.member()[0], world.member(), world.letter()
    with world.transaction() as db:
        db.get(Account, account_id).state = "disabled"

    def typed(letter: Letter) -> Page:
        person = at_sign_in(world, letter)
        response = person.send(having="identifier", identifier=letter.email, password=password)
        return Page(response)

    answers = [work(world, lambda letter=letter: typed(letter)) for letter in (known, closed, unknown)]

    assert answers[0] == answers[1] == answers[2]
    assert answers[0][0] == 400


@attack("H1")
def test_known_used_expired_and_unknown_letters_get_the_same_words_for_the_same_work(world: World) -> None:
    agency = world.agency()
    letters = [
        world.letter(agency),
        world.member(agency)[0],
        world.letter(agency, expires_at=world.clock()),
        world.letter(world.agency()),
    ]

    def wrong(letter: Letter) -> Page:
        person = world.person()
        person.open(f"/login/provisional?{agency.query}")
        return person.submit(provisional_identifier=letter.identifier, provisional_password="wrong")

    answers = [work(world, lambda letter=letter: wrong(letter)) for letter in letters]

    assert all(answer == answers[0] for answer in answers)


@attack("J1")
def test_known_and_unknown_addresses_cost_the_reset_the_same_work(world: World) -> None:
    """A mail was rendered and written for a known address only: milliseconds that tell who has an account."""
    from idp.accounts.tables import Account

    known, letter_only, (closed, account_id) = world.member()[0], world.letter(), world.member()
    nobody = replace(known, email=f"nobody.{known.email}")
    with world.transaction() as db:
        db.get(Account, account_id).state = "disabled"
    everybody = (known, letter_only, closed, nobody)

    answers = [work(world, lambda letter=letter: ask_reset(world.person(), letter)) for letter in everybody]

    assert all(answer == answers[0] for answer in answers)


@attack("J1")
@inside("counts statements")
def test_an_address_that_was_mailed_too_often_costs_the_reset_the_same_work(world: World) -> None:
    known = world.member()[0]
    first = work(world, lambda: ask_reset(world.person(), known))
    for _ in range(7):
        ask_reset(world.person(), known)

    with world.statements() as statements:
        page = ask_reset(world.person(), known)

    kinds = [" ".join(s.split()[:3]) for s in statements]
    assert (page.status, [k for k in kinds if "throttle" not in k]) == (
        first[0],
        [k for k in first[2] if "throttle" not in k],
    )


@pytest.mark.parametrize("link", ["/upgrade/confirm/", "/reset/confirm/"])
def test_a_forged_link_tells_nothing(world: World, link: str) -> None:
    person = world.person()
    told = set()
    for token in ("x", "A" * 43, "0" * 10_000, "é"):
        page = person.open(link + token)
        assert page.status == 404
        told.add(page.heading)

    assert told == {"Ce lien n'est plus valable"}


def test_a_link_of_one_kind_is_none_of_the_other(world: World) -> None:
    letter = world.letter()
    ask_for_account(world, letter)
    token = world.link_for(letter.email).rsplit("/", 1)[1]

    assert world.person().open(f"/reset/confirm/{token}").status == 404


def test_an_expired_link_of_an_upgrade_is_no_longer_one(world: World) -> None:
    letter = world.letter()
    ask_for_account(world, letter)
    link = world.link_for(letter.email)

    world.clock.advance(hours=24, minutes=1)

    page = world.person().open(link)
    assert page.heading == "Ce lien n'est plus valable"


def test_a_closed_account_signs_in_like_an_unknown_one(world: World) -> None:
    from idp.accounts.tables import Account

    letter, account_id = world.member()
    person = world.signed_in(letter)
    with world.transaction() as db:
        account = db.get(Account, account_id)
        account.state = "disabled"

    assert sign_in(world.person(), letter).status == 400
    assert person.open("/profile").path != "/profile"
