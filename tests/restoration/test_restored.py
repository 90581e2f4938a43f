"""A database that was put back: nothing that was used, ended or withdrawn since the backup works again."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete

from idp.accounts.tables import ProvisionalAccount
from idp.oidc.consent import store as consents
from idp.oidc.consent.flow import Consent
from idp.restoration import steps
from idp.terms.tables import TermsAcceptance
from tests.faults.catalogue import fault
from tests.oidc.test_client_authentication import by_key
from tests.restoration.conftest import Restorable
from tests.support.acts import ask_for_account, ask_reset, choose_address, show_letter, sign_in
from tests.support.person import Person
from tests.support.world import OTHER_STRONG, STRONG, Letter, Portal, World


@dataclass
class InHand:
    """What people and portals had in hand when the backup was made."""

    letter: Letter
    account_id: str
    browser: Person
    portal: Portal
    code: str
    refresh: str
    opaque: str
    link: str
    reset: str
    flow: Person

    def works(self, world: World) -> dict[str, bool]:
        """Which of it works now. A person who is signed in goes to the portal without a page in between."""
        asked = self.browser.open(self.portal.authorize_url())
        link, reset, flow = world.person().open(self.link), world.person().open(self.reset), self.flow.reload()
        introspected = self.portal.post("/oauth/introspect", token=self.opaque).json()
        with world.reading() as db:
            consent = consents.find(db, account_id=self.account_id, client_id=self.portal.client_id)
        return {
            "sign-in": asked.status in (302, 303),
            "code": self.portal.redeem(self.code).status_code == 200,
            "refresh token": self.portal.refresh(self.refresh).status_code == 200,
            "opaque token": introspected["active"],
            "link": "password" in link.fields,
            "link for a new password": "new_password" in reset.fields,
            "flow": flow.status == 200 and "new_password" in flow.fields,
            "consent": consent is not None,
        }


def in_hand(world: World) -> InHand:
    letter, account_id = world.member()
    portal = world.portal(letter, access_token_format="opaque")
    browser = world.signed_in(letter)
    tokens = portal.redeem(browser.open(portal.authorize_url()).response.headers["location"]).json()
    code = browser.open(portal.authorize_url()).response.headers["location"]
    waiting = world.letter()
    ask_for_account(world, waiting)
    ask_reset(world.person(), letter)
    flow = world.person()
    show_letter(flow, world.letter())
    choose_address(flow)
    consent = Consent(portal.client_id, frozenset({"openid"}), frozenset(), world.clock())
    with world.transaction() as db:
        consents.save(db, account_id, consent)
    opaque = portal.token(grant_type="client_credentials").json()["access_token"]
    link, reset = world.link_for(waiting.email), world.link_for(letter.email)
    return InHand(letter, account_id, browser, portal, code, tokens["refresh_token"], opaque, link, reset, flow)


@fault("X29")
def test_what_a_backup_does_not_know_the_end_of_is_void(place: Restorable, tmp_path: Path) -> None:
    held = in_hand(place.world)
    # One mail with a link is still to be sent when the backup is made.
    late = place.world.letter()
    ask_for_account(place.world, late)
    assert place.idp.run("db", "backup", str(tmp_path / "backup")).code == 0
    place.put_back(tmp_path / "backup")
    assert set(held.works(place.world).values()) == {True}, "the test would see nothing"

    place.put_back(tmp_path / "backup")
    answer = place.idp.run("db", "restored")
    assert answer.code == 0, answer.err

    assert set(held.works(place.world).values()) == {False}
    assert place.world.mails_to(late.email) == []


def test_people_sign_in_again_and_nothing_else_is_lost(place: Restorable, tmp_path: Path) -> None:
    held = in_hand(place.world)
    place.idp.run("db", "backup", str(tmp_path / "backup"))
    place.put_back(tmp_path / "backup")
    place.idp.run("db", "restored")

    person = place.world.person()
    person.open(held.portal.authorize_url())
    page = person.submit(identifier=str(held.letter.email), password=STRONG)
    if page.status == 200:  # asked for consent once more
        page = person.submit("Autoriser")
    told = held.portal.redeem(person.sent_to).json()

    assert held.portal.userinfo(told["access_token"]).json()["sub"] == held.account_id


def test_a_backup_is_whole_private_and_never_written_over_another(place: Restorable, tmp_path: Path) -> None:
    file = tmp_path / "backup"
    assert place.idp.run("db", "backup", str(file)).code == 0
    kept = file.read_bytes()

    assert file.stat().st_mode & 0o777 == 0o600
    assert place.idp.run("db", "backup", str(file)).code == 4
    assert file.read_bytes() == kept
    assert [path.name for path in tmp_path.glob("backup*")] == ["backup"]


def test_a_backup_that_fails_leaves_no_file(place: Restorable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(
        "IDP_DATABASE_URL", place.url.replace("sqlite:///", "sqlite:////nowhere").replace("idp@", "nobody@")
    )

    assert place.idp.run("db", "backup", str(tmp_path / "backup")).code == 1
    assert not list(tmp_path.glob("backup*"))


def test_a_clients_assertion_of_before_the_restore_is_none(place: Restorable) -> None:
    """Its `jti` may be among what was lost: it would be taken a second time, from whoever kept it."""
    signer, now = by_key(place.world), int(place.world.clock().timestamp())
    kept = signer.assertion(iat=now - 5)
    place.idp.run("db", "restored")

    assert signer.send(kept).status_code == 401
    assert signer.send(signer.assertion(iat=now + 5)).status_code == 200


# --- nothing serves before -----------------------------------------------------------------------------------------------


def test_a_restore_that_was_killed_keeps_everything_from_serving_until_it_is_done(place: Restorable) -> None:
    with place.server.app.app_context():
        number = steps.restore(place.server.deps)
    refused = place.idp.run("customers", "list")
    assert refused.code == 1
    assert "run `idp db restored` again" in refused.sentence
    assert place.idp.run("serve").code == 1

    assert f"epoch {number} has begun" in place.idp.run("db", "restored").err
    assert place.idp.run("customers", "list").code == 0


@pytest.mark.parametrize("place", ["postgresql"], indirect=True)
def test_a_copy_of_the_database_does_not_serve_before_somebody_says_what_it_is(
    place: Restorable, tmp_path: Path
) -> None:
    place.idp.run("db", "backup", str(tmp_path / "backup"))
    place.put_back(tmp_path / "backup")

    refused = place.idp.run("customers", "list")
    assert refused.code == 1
    assert "copy of another one" in refused.sentence
    assert "copy of another one" in place.idp.run("doctor").out
    assert place.idp.run("db", "moved", "--dry-run").code == 0
    assert place.idp.run("customers", "list").code == 1
    assert place.idp.run("db", "moved").code == 0
    assert place.idp.run("customers", "list").code == 0


# --- what the exported audit trail still knows ---------------------------------------------------------------------------


def test_what_was_closed_since_is_closed_again_from_the_exported_trail(place: Restorable, tmp_path: Path) -> None:
    world = place.world
    (changed, changed_id), (erased, erased_id), (disabled, disabled_id) = (world.member() for _ in range(3))
    place.idp.run("db", "backup", str(tmp_path / "backup"))
    made = datetime.now(UTC)
    world.clock.shift = timedelta(seconds=2)
    person = world.signed_in(changed)
    person.open("/profile/password")
    person.submit(current_password=STRONG, new_password=OTHER_STRONG, confirmation=OTHER_STRONG)
    world.clock.shift = timedelta(0)
    assert place.idp.run("accounts", "erase", erased_id, "--yes").code == 0
    assert place.idp.run("accounts", "disable", disabled_id).code == 0
    place.idp.agency("LOST/01")
    told = place.idp.run("audit", "export", "--from", "2026-01-01", "--to", "2999-01-01").out
    (tmp_path / "audit.jsonl").write_text(told)
    place.put_back(tmp_path / "backup")

    stamp = f"{made:%Y-%m-%dT%H:%M:%S}"
    lost = place.idp.ok(
        "db", "restored", "--events", str(tmp_path / "audit.jsonl"), "--backup-of", stamp, "--output", "json"
    )

    assert {(one["name"], one["subject"]) for one in lost if one["repeated"]} == {
        ("profile.password-changed", changed_id),
        ("cli.account-erased", erased_id),
        ("cli.account-disabled", disabled_id),
    }
    assert "cli.agency-created" in {one["name"] for one in lost if not one["repeated"]}
    assert not any(_signs_in(place.world, letter, STRONG) for letter in (changed, erased, disabled))
    assert place.idp.run("accounts", "show", str(erased.email)).code == 3
    ask_reset(person := place.world.person(), changed)
    person.open(place.world.link_for(changed.email))
    person.submit(new_password=OTHER_STRONG, confirmation=OTHER_STRONG)
    assert _signs_in(place.world, changed, OTHER_STRONG)


def _signs_in(world: World, letter: Letter, password: str) -> bool:
    person = world.person()
    sign_in(person, letter, password=password)
    return "session" in person.cookies


def test_events_that_are_none_are_refused_before_anything_is_void_twice(place: Restorable, tmp_path: Path) -> None:
    (tmp_path / "wrong").write_text(json.dumps({"name": "login.succeeded"}))

    refused = place.idp.run("db", "restored", "--events", str(tmp_path / "wrong"), "--backup-of", "2026-01-01")
    assert refused.code == 1
    assert "line 1" in refused.sentence
    assert place.idp.run("db", "restored", "--backup-of", "2026-01-01").code == 2


# --- whether it all fits -------------------------------------------------------------------------------------------------


def test_the_doctor_says_what_does_not_fit_together(place: Restorable) -> None:
    letter, account_id = place.world.member()
    assert [one["level"] for one in _consistency(place)] == ["ready"]

    with place.world.transaction() as db:
        db.get(ProvisionalAccount, letter.id).closed_at = None
        db.execute(delete(TermsAcceptance).where(TermsAcceptance.account_id == account_id))

    assert [one["level"] for one in _consistency(place)] == ["broken", "broken"]
    assert letter.id in _consistency(place)[0]["detail"]
    assert account_id in _consistency(place)[1]["detail"]


def _consistency(place: Restorable) -> list[dict[str, Any]]:
    found = place.idp.run("doctor", "--db", "--output", "json").data
    return [one for one in found if one["check"] == "consistency"]
