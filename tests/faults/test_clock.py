"""A host whose clock jumps: nothing happens twice, nobody's work ends, and what had expired stays so."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest

from idp import purge
from idp.audit.chain import steps as chain
from tests.faults.catalogue import fault
from tests.oidc.test_client_authentication import by_key
from tests.support import acts
from tests.support.person import Person
from tests.support.world import OTHER_STRONG, STRONG, World, answer, claims

Present = Callable[[], bool]  # presents something, and says whether it was taken
Thing = Callable[[World], tuple[timedelta, Present]]
HOUR = timedelta(hours=1)


@fault("X15")
@pytest.mark.parametrize("jump", [3600, -3600, 30, -30], ids=lambda seconds: f"{seconds:+}s")
def test_a_clock_that_jumps_makes_nothing_happen_twice_and_ends_nobodys_work(world: World, jump: int) -> None:
    letter, _ = world.member()
    other, waiting = world.letter(), world.letter()
    portal = world.portal(letter)
    person = world.signed_in(letter)
    spent = person.open(portal.authorize_url()).response.headers["location"]
    assert portal.redeem(spent).status_code == 200
    kept = portal.redeem(person.open(portal.authorize_url()).response.headers["location"]).json()["refresh_token"]
    old = kept
    kept = portal.refresh(kept).json()["refresh_token"]
    unspent = person.open(portal.authorize_url()).response.headers["location"]
    upgrading = acts.ask_for_account(world, waiting)
    used = _used_link(world)

    world.clock.advance(seconds=jump)

    assert portal.redeem(spent).json()["error"] == "invalid_grant"
    assert "password" not in world.person().open(used).fields
    assert portal.redeem(unspent).status_code == (400 if jump > 60 else 200)
    assert portal.redeem(unspent).status_code == 400
    kept = portal.refresh(kept).json()["refresh_token"]
    world.clock.advance(seconds=world.deps.settings.refresh_grace_seconds + 1)
    assert person.open("/profile").heading == "Profil"
    assert acts.confirm(world, upgrading, waiting.email).heading == "Profil"
    assert acts.sign_in(world.person(), letter).heading == "Profil"
    assert acts.ask_for_account(world, other).page.heading == "Vérifiez votre messagerie"
    assert portal.refresh(old).status_code == 400, "what was replaced before the jump stays replaced"
    world.clock.advance(seconds=-jump)
    assert portal.redeem(unspent).status_code == 400, "what was spent, or refused as expired, is not alive again"
    with world.server.app.app_context():
        chain.seal(world.deps)


def _used_link(world: World) -> str:
    """The path of a link that set a password."""
    person, link = _reset_mailed(world)
    person.open(link)
    person.submit(new_password=OTHER_STRONG, confirmation=OTHER_STRONG)
    return link


def _reset_mailed(world: World) -> tuple[Person, str]:
    letter, _ = world.member()
    person = world.person()
    acts.ask_reset(person, letter)
    return person, world.link_for(letter.email)


# --- what can expire: its life, and how it is presented -----------------------------------------------------------------


def _a_code(world: World) -> tuple[timedelta, Present]:
    letter, _ = world.member()
    portal = world.portal(letter)
    location = world.signed_in(letter).open(portal.authorize_url()).response.headers["location"]
    life = timedelta(seconds=world.deps.settings.code_validity_seconds)
    return life, lambda: portal.redeem(location).status_code == 200


def _a_refresh_token(world: World) -> tuple[timedelta, Present]:
    letter, _ = world.member()
    portal = world.portal(letter)
    location = world.signed_in(letter).open(portal.authorize_url()).response.headers["location"]
    token = portal.redeem(location).json()["refresh_token"]
    life = timedelta(days=world.deps.settings.refresh_token_idle_days)
    return life, lambda: portal.refresh(token).status_code == 200


def _a_reset_link_opened(world: World) -> tuple[timedelta, Present]:
    _, link = _reset_mailed(world)
    return world.deps.settings.link_validity, lambda: "new_password" in world.person().open(link).fields


def _a_reset_link_used(world: World) -> tuple[timedelta, Present]:
    """Its page was opened in time."""
    _, link = _reset_mailed(world)
    page = world.person()
    opened = page.open(link)

    def present() -> bool:
        page.page = opened
        return page.submit(new_password=OTHER_STRONG, confirmation=OTHER_STRONG).path.endswith("/done")

    return world.deps.settings.link_validity, present


def _a_confirmation_link_opened(world: World) -> tuple[timedelta, Present]:
    letter = world.letter()
    acts.ask_for_account(world, letter)
    link = world.link_for(letter.email)
    return world.deps.settings.link_validity, lambda: "password" in world.person().open(link).fields


def _a_confirmation_link_used(world: World) -> tuple[timedelta, Present]:
    letter = world.letter()
    person = acts.ask_for_account(world, letter)
    opened = person.open(world.link_for(letter.email))

    def present() -> bool:
        person.page = opened
        return person.submit(password=STRONG).heading == "Profil"

    return world.deps.settings.link_validity, present


def _a_typed_code(world: World) -> tuple[timedelta, Present]:
    letter = world.letter()
    person = acts.ask_for_account(world, letter)
    code, waiting = world.code_for(letter.email), person.page

    def present() -> bool:
        person.page = waiting
        return person.submit(code=code).heading == "Profil"

    return world.deps.settings.link_validity, present


def _a_pending_authorization(world: World) -> tuple[timedelta, Present]:
    letter, _ = world.member()
    person = world.person()
    person.open(world.portal(letter).authorize_url())
    waiting = parse_qs(urlsplit(person.page.url).query)["authorization"][0]
    life = timedelta(days=world.deps.settings.authorization_validity_days)

    def present() -> bool:
        return person.open(f"/oauth/authorize/{waiting}/continue").status == 200

    return life, present


def _a_pushed_request(world: World) -> tuple[timedelta, Present]:
    letter, _ = world.member()
    portal = world.portal(letter)
    told = portal.post("/oauth/par", **answer(portal.authorize_url())).json()
    query = urlencode({"client_id": portal.client_id, "request_uri": told["request_uri"]})
    life = timedelta(seconds=told["expires_in"])
    return life, lambda: world.person().open(f"/oauth/authorize?{query}").path == "/login"


THINGS = [
    _a_code,
    _a_refresh_token,
    _a_reset_link_opened,
    _a_reset_link_used,
    _a_confirmation_link_opened,
    _a_confirmation_link_used,
    _a_typed_code,
    _a_pending_authorization,
    _a_pushed_request,
]
every_thing = pytest.mark.parametrize("thing", THINGS, ids=lambda thing: thing.__name__.strip("_").replace("_", " "))


@fault("X15")
@every_thing
def test_what_was_refused_as_expired_is_refused_when_the_clock_goes_back(world: World, thing: Thing) -> None:
    """It worked again: whoever kept it only had to wait for somebody to set the clock right."""
    life, taken = thing(world)
    world.clock.shift += life
    assert not taken(), "it has expired"

    world.clock.shift -= life

    assert not taken(), "it was refused"


@fault("X15")
@every_thing
def test_what_nobody_presented_is_gone_with_the_purge_that_follows_its_end(world: World, thing: Thing) -> None:
    """An hour later at most, which is how far a clock that goes back can revive it (docs/operating.md)."""
    life, taken = thing(world)
    world.clock.shift += life
    with world.server.app.app_context():
        dict(purge.run(world.deps))

    world.clock.shift -= life

    assert not taken()


@every_thing
def test_until_its_end_it_is_taken(world: World, thing: Thing) -> None:
    """What the two tests above stand on."""
    life, taken = thing(world)
    world.clock.shift += life / 2

    assert taken()


@fault("X15")
def test_a_proof_that_was_taken_is_not_taken_again_when_the_clock_goes_back_after_a_purge(world: World) -> None:
    """Of a spent proof only its trace says so, and the purge took it a minute after the end: the clock revived it."""
    signer = by_key(world)
    proof = signer.assertion()
    assert signer.send(proof).status_code == 200
    world.clock.advance(minutes=50)
    with world.server.app.app_context():
        dict(purge.run(world.deps))

    world.clock.advance(minutes=-50)

    assert signer.send(proof).status_code == 401


@fault("X15")
def test_the_grace_of_a_replaced_token_is_not_longer_for_a_clock_that_goes_back(world: World) -> None:
    """A minus is less than ten seconds as well: a thief was told the successor for as long as the clock was behind."""
    letter, _ = world.member()
    portal = world.portal(letter)
    location = world.signed_in(letter).open(portal.authorize_url()).response.headers["location"]
    replaced = portal.redeem(location).json()["refresh_token"]
    successor = portal.refresh(replaced).json()["refresh_token"]

    world.clock.shift -= HOUR

    assert portal.refresh(replaced).status_code == 400
    assert portal.refresh(successor).status_code == 400, "a theft ends the family"


@fault("X15")
def test_a_family_keeps_its_sign_in_and_tells_the_time_when_the_clock_goes_back(world: World) -> None:
    """`iat` is the time of issue (OIDC Core 12.2) by the clock that portals have too: decision 44."""
    letter, _ = world.member()
    portal = world.portal(letter)
    location = world.signed_in(letter).open(portal.authorize_url()).response.headers["location"]
    first = portal.redeem(location).json()

    world.clock.shift -= HOUR
    then = world.clock().timestamp()
    second = portal.refresh(first["refresh_token"]).json()

    before, after = claims(first["id_token"]), claims(second["id_token"])
    assert after["auth_time"] == before["auth_time"]
    assert then - 1 <= after["iat"] <= world.clock().timestamp() < after["exp"]


@fault("X15")
def test_signing_in_again_ends_the_secret_before_also_when_the_clock_went_back(world: World) -> None:
    """Both were of "the last seconds", as a double click is: the one before lived on beside the new one (ASVS 7.2.4)."""
    letter, _ = world.member()
    person = world.signed_in(letter)
    before = world.person(cookies=person.cookies)
    person.forget("session")

    world.clock.shift -= HOUR
    acts.sign_in(person, letter)

    assert person.open("/profile").heading == "Profil"
    assert before.open("/profile").heading != "Profil"


@fault("X15")
def test_who_asks_again_after_the_clock_went_back_gets_a_mail_again(world: World) -> None:
    """What was asked for an hour ahead looked like the first half of a double click."""
    letter, _ = world.member()
    person = world.person()
    acts.ask_reset(person, letter)
    mails = len(world.mails_to(letter.email))

    world.clock.shift -= HOUR
    acts.ask_reset(person, letter)
    world.clock.shift += HOUR

    assert len(world.mails_to(letter.email)) == mails + 1
