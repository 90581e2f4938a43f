"""Secrets stay where they belong: not in logs, not in the database, not in pages, not in another site's referrer."""

from __future__ import annotations

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError

from idp.database import db as flask_db
from idp.mail.tables import OutboxMail
from tests.attacks import attack, inside
from tests.support.acts import ask_for_account, ask_reset, confirm, show_letter, sign_in, to_merge
from tests.support.logs import logged
from tests.support.person import Person
from tests.support.world import OTHER_STRONG, STRONG, World, answer


def whole_journey(world: World) -> tuple[set[str], list[Person]]:
    """Upgrade, merge, reset, change, portal, wrong tries; returns every secret that took part, and the people."""
    secrets: set[str] = {STRONG, OTHER_STRONG, "Encore-Autre-88z"}
    first, second = world.letter(), world.letter()
    secrets |= {first.password, second.password}
    portal = world.portal(first)
    person = world.person()
    person.open(portal.authorize_url())
    ask_for_account(world, first, person=person)
    secrets |= {world.link_for(first.email).rsplit("/", 1)[1], world.code_for(first.email).replace(" ", "")}
    person.submit(code="9876 5432")
    show_letter(world.person(), first, password="Faux-Mot-99x")
    confirm(world, person, first.email)
    secrets.add(person.cookies["session"])
    person.open(portal.authorize_url())
    secrets.add(answer(person.sent_to)["code"])
    tokens = portal.redeem(person.sent_to).json()
    secrets |= {tokens["access_token"], tokens["refresh_token"], tokens["id_token"], portal.secret or ""}
    renewed = portal.refresh(tokens["refresh_token"]).json()
    secrets |= {renewed["access_token"], renewed["refresh_token"]}
    portal.refresh("wrong")
    portal.userinfo(renewed["access_token"])
    portal.userinfo(renewed["access_token"] + "x")
    portal.post("/oauth/introspect", token=renewed["access_token"])
    portal.post("/oauth/revoke", token=renewed["access_token"])
    to_merge(world, second, first.email or "", person=person)
    person.submit(password="Faux-Mot-99x")
    person.submit(password=STRONG)
    phone = world.person()
    ask_reset(phone, first)
    secrets.add(world.link_for(first.email).rsplit("/", 1)[1])
    phone.open(world.link_for(first.email))
    phone.submit(new_password="court", confirmation="court")
    phone.http.post(phone.page.url, json={})
    phone.submit(new_password=OTHER_STRONG, confirmation=OTHER_STRONG)
    sign_in(phone, first, password="Faux-Mot-99x")
    sign_in(phone, first, password=OTHER_STRONG)
    secrets.add(phone.cookies["session"])
    phone.open("/profile/password")
    phone.submit(current_password=OTHER_STRONG, new_password="Encore-Autre-88z", confirmation="Encore-Autre-88z")
    secrets |= {phone.cookies["session"], phone.cookies["browser"], person.cookies["browser"]}
    secrets |= {"Faux-Mot-99x", "98765432"}
    world.deliver()
    return secrets - {""}, [person, phone]


@attack("B16")
def test_no_secret_is_logged(world: World) -> None:
    with logged(world) as told:
        secrets, _ = whole_journey(world)
        lines = told()

    assert lines
    for secret in secrets:
        assert not [line for line in lines if secret in line], "a secret is in the log"


def test_no_secret_is_in_the_database(world: World) -> None:
    """Digests only; a mail's body holds its link until it has been sent."""
    secrets, _ = whole_journey(world)

    with world.reading() as db:
        stored = [
            repr(row)
            for table in flask_db.metadata.sorted_tables
            if table.name != OutboxMail.__tablename__
            for row in db.execute(select(table))
        ]
        bodies = db.scalars(select(OutboxMail.text).where(OutboxMail.state == "sent")).all()

    assert stored
    for secret in secrets:
        assert not [row for row in stored if secret in row], "a secret is in the database"
    assert set(bodies) <= {None}


def test_a_failing_statement_does_not_tell_its_values(world: World) -> None:
    """SQLAlchemy writes the values of a failed statement into its error, which ends in a traceback in the log."""
    with pytest.raises(DBAPIError) as failure, world.reading() as db:
        db.execute(text("SELECT 1 FROM nowhere WHERE secret = :secret"), {"secret": "the-secret-value"})

    assert "nowhere" in str(failure.value)
    assert "the-secret-value" not in str(failure.value)


@attack("M10")
@inside("breaks a view on purpose")
def test_a_failure_page_tells_nothing_of_the_inside(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    person = world.person()

    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("the inside: postgresql://user:password@host")

    monkeypatch.setattr("idp.login.views.terms.current", broken)
    response = person.get("/legal/terms")

    assert response.status_code == 500
    assert "inside" not in response.text
    assert "RuntimeError" not in response.text
    assert "GEN-01" in response.text
    assert response.headers["x-request-id"] in response.text


@pytest.mark.parametrize("given", ["abcd-1234-efgh", "x" * 65, "<script>", "a b", ""])
def test_a_request_id_is_taken_over_only_when_it_is_one(world: World, given: str) -> None:
    response = world.person().get("/nothing", headers={"X-Request-Id": given})

    assert (response.headers["x-request-id"] == given) is (given == "abcd-1234-efgh")


@attack("F12")
def test_every_answer_carries_the_headers(world: World) -> None:
    letter, _ = world.member()
    person = world.signed_in(letter)
    anonymous = world.person()
    for one in (anonymous, person):
        for path in (
            "/",
            "/login",
            f"/login?{letter.query}",
            "/profile",
            "/nothing",
            "/upgrade/x",
            "/logout",
            "/health/live",
        ):
            response = one.get(path)
            headers = response.headers
            assert headers["x-content-type-options"] == "nosniff", path
            assert headers["x-frame-options"] == "DENY", path
            assert headers["content-security-policy"].startswith("default-src 'none'"), path
            assert "frame-ancestors 'none'" in headers["content-security-policy"], path
            assert "unsafe" not in headers["content-security-policy"], path
            assert "no-store" in headers["cache-control"], path
            assert headers["referrer-policy"] in ("same-origin", "no-referrer"), path
            if response.status_code == 303:
                assert headers["referrer-policy"] == "no-referrer", path


def test_the_style_of_a_page_is_allowed_by_a_nonce_that_is_never_the_same(world: World) -> None:
    person = world.person()
    nonces = {
        person.get("/login/codes").headers["content-security-policy"].split("'nonce-")[1].split("'")[0]
        for _ in range(5)
    }

    assert len(nonces) == 5


@attack("I14", "M3", "M4")
def test_hostile_names_of_a_file_are_escaped_on_every_page_and_in_every_mail(world: World) -> None:
    script = "<script>alert(1)</script>"
    agency = world.agency(name=f"Agence {script}", support_email='x"onmouseover="alert(1)@exemple.fr')
    letter, _ = world.member(agency, last_name=script, first_name="{{7*7}}", street=script, contracts=(script[:60],))
    person = world.signed_in(letter)

    for page in (
        person.open("/profile"),
        person.open(f"/help?{letter.query}"),
        world.person().open(f"/login?{letter.query}"),
        world.person().open(f"/reset?{letter.query}"),
    ):
        assert script not in page.html
        assert 'onmouseover="alert' not in page.html
    assert "{{7*7}}" in person.open("/profile").html
    for mail in world.mails_to(letter.email):
        assert script not in mail.html


def test_smtp_down_breaks_no_page_and_loses_no_mail(world: World) -> None:
    letter = world.letter()
    world.mailbox.answer = "421 4.3.2 shutting down"
    person = ask_for_account(world, letter)
    always = "Nous vous envoyons un message à cette adresse"
    world.deliver()

    assert "en cours d'envoi" in person.reload().text
    assert always in person.page.text
    world.clock.advance(seconds=31)
    assert "peut prendre quelques minutes" in person.reload().text
    assert always in person.page.text
    assert person.get(f"{person.page.path}/status").json()["mail"] == "late"
    world.mailbox.answer = None
    world.clock.advance(minutes=3)

    assert confirm(world, person, letter.email).heading == "Profil"
