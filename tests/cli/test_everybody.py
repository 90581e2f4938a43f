"""`idp sessions end --everybody`: what a breach asks for, while people are served."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import insert, select, update

from idp.accounts.tables import Account
from idp.audit.tables import AuditEvent
from idp.cli.context import light_deps
from idp.database import db, transaction
from idp.database_app import create_database_app
from idp.grants.tables import Grant
from idp.patience import again
from idp.rights.everybody import end_grants, end_sign_ins
from idp.sessions import store as sessions
from idp.sessions.tables import BrowserSession
from idp.settings import load
from tests.cli.terminal import Terminal

NOW = datetime.now(UTC)


def test_everybody_is_signed_out_in_small_transactions(idp: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("idp.rights.everybody.BATCH", 2)
    _signed_in(idp, 5)

    assert idp.run("sessions", "end", "--everybody").code == 2
    assert "5 sign-ins would end" in idp.run("sessions", "end", "--everybody", "--dry-run").err
    assert _alive(idp) == ({"s0", "s1", "s2", "s3", "s4"}, {"g0", "g1", "g2", "g3", "g4"})

    assert "5 sign-ins ended" in idp.run("sessions", "end", "--everybody", "--yes").err

    assert _alive(idp) == (set(), {"g0"})
    with idp.reading() as db:
        events = db.execute(select(AuditEvent.name, AuditEvent.details).order_by(AuditEvent.id)).all()
        assert db.scalars(select(BrowserSession.announced_at)).all() == [None] * 5
    assert [name for name, _ in events][-2:] == ["cli.everybody-ending", "cli.everybody-ended"]
    assert events[-1].details["sign_ins"] == 5


def test_access_that_outlives_sign_ins_ends_when_it_is_asked_for(idp: Terminal) -> None:
    _signed_in(idp, 3)
    assert idp.run("sessions", "end", "--everybody", "--grants", "--yes").code == 0
    assert _alive(idp) == (set(), set())


def test_who_signs_in_after_it_began_stays_signed_in(idp: Terminal) -> None:
    _signed_in(idp, 1)
    with idp.transaction() as db:
        later = datetime.now(UTC) + timedelta(hours=1)
        db.execute(update(BrowserSession).values(authenticated_at=later))
        db.execute(update(Grant).values(authenticated_at=later))
    assert idp.run("sessions", "end", "--everybody", "--grants", "--yes").code == 0
    assert _alive(idp) == ({"s0"}, {"g0"})


@pytest.mark.parametrize("arguments", [("a1", "--everybody"), (), ("a1", "--grants"), ("a1", "--yes")])
def test_one_person_or_everybody(sqlite_idp: Terminal, arguments: tuple[str, ...]) -> None:
    assert sqlite_idp.run("sessions", "end", *arguments).code == 2


def _signed_in(idp: Terminal, people: int) -> None:
    """So many people with one sign-in and one grant each; the first one's outlives the sign-in."""
    later = NOW + timedelta(days=1)
    with idp.transaction() as db:
        for n in range(people):
            address = f"p{n}@exemple.test"
            account = {"id": f"a{n}", "email": address, "email_key": address, "password_hash": "x"}
            db.execute(insert(Account).values(**account, state="active", created_at=NOW, password_changed_at=NOW))
            sign_in = {"id": f"s{n}", "sid": f"s{n}", "digest": f"d{n}", "account_id": f"a{n}", "browser_digest": "b"}
            moments = {"authenticated_at": NOW, "last_seen_at": NOW, "expires_at": later}
            db.execute(insert(BrowserSession).values(**sign_in, **moments))
            grant = {"id": f"g{n}", "account_id": f"a{n}", "client_id": "portal", "sid": f"s{n}"}
            grant["scope"] = "openid offline_access" if n == 0 else "openid"
            db.execute(insert(Grant).values(**grant, authenticated_at=NOW, created_at=NOW, expires_at=later))


def _alive(idp: Terminal) -> tuple[set[str], set[str]]:
    """Ids of the sign-ins and grants that did not end."""
    with idp.reading() as db:
        signed_in = set(db.scalars(select(BrowserSession.id).where(BrowserSession.ended_at.is_(None))))
        return signed_in, set(db.scalars(select(Grant.id).where(Grant.revoked_at.is_(None))))


def test_people_who_sign_in_meanwhile_and_a_second_operator_are_in_nobodys_way(
    idp: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every thread wants the same rows: those who sign in end what their browser had, in an order of their own."""
    monkeypatch.setattr("idp.rights.everybody.BATCH", 3)
    people = 30
    _signed_in(idp, people)
    settings = load()
    deps, app = light_deps(settings), create_database_app(settings)
    barrier = threading.Barrier(8)
    failures: list[BaseException] = []

    @again
    def sign_in(number: int) -> None:
        with transaction() as session:
            token, browser = f"t{number}", f"browser-{number % 4}"
            sessions.start(
                session, deps, account_id=f"a{number}", email="anne@exemple.fr", browser_digest=browser, token=token
            )

    def run(number: int) -> None:
        try:
            with app.app_context():
                barrier.wait()
                if number < 2:
                    list(end_sign_ins(deps, since=NOW))
                    list(end_grants(deps, since=NOW))
                else:
                    for person in range(number, people, 6):
                        sign_in(person)
        except BaseException as error:  # noqa: BLE001 - a race must not hide what it raised
            failures.append(error)

    with idp.transaction() as session:
        for number in range(people):
            of_one = update(BrowserSession).where(BrowserSession.id == f"s{number}")
            session.execute(of_one.values(browser_digest=f"browser-{number % 4}"))
    threads = [threading.Thread(target=run, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with app.app_context():
        db.engine.dispose()

    assert failures == []
    signed_in, granted = _alive(idp)
    assert granted == set()
    assert not [one for one in signed_in if one.startswith("s")], "made before it began"
    assert signed_in
