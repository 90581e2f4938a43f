"""Keys: one algorithm each, published before they sign and after, replaced once however many try, sealed at rest."""

from __future__ import annotations

import logging
import random
import secrets
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from joserfc import jwe, jws
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, KeySet, OKPKey, RSAKey
from sqlalchemy import delete, select, update

from idp.database import db as database
from idp.database import transaction
from idp.oidc.jose import ENCRYPTIONS, SIGNATURES, Signatures, Signer
from idp.oidc.keys import flow, steps, store
from idp.oidc.keys.keyring import Keyring
from idp.oidc.keys.tables import SigningKey
from idp.oidc.token.tokens import Tokens
from tests.support.world import HTTP, World, claims

KINDS = {"RSA": RSAKey, "EC": ECKey, "OKP": OKPKey}
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


@pytest.fixture
def clean(world: World) -> Iterator[World]:
    """The keys of the shared provider are afterwards as they were before."""
    with world.reading() as db:
        before = {key.kid: (key.signs_from, key.retired_at) for key in store.keys(db, world.deps)}
    yield world
    with world.transaction() as db:
        db.execute(delete(SigningKey).where(SigningKey.kid.not_in(before)))
        for kid, (signs_from, retired_at) in before.items():
            values = {"signs_from": signs_from, "retired_at": retired_at}
            db.execute(update(SigningKey).where(SigningKey.kid == kid).values(**values))
    # What the application read meanwhile it would believe for ten seconds more, into the tests that come next.
    world.server.restart()


@contextmanager
def ring_of(world: World) -> Iterator[Keyring]:
    """The keys as a process sees them that was just started."""
    with world.server.app.app_context():
        yield Keyring(world.deps)


def rotate(world: World, algorithm: str, **how: bool) -> str:
    pair = steps.make(algorithm)
    with world.transaction() as db:
        new = steps.rotate(db, world.deps, pair, **how)
    assert new is not None
    return new.kid


def published(ring: Keyring) -> list[dict[str, str]]:
    import json

    return json.loads(ring.public()[0])["keys"]


# --- the set ---------------------------------------------------------------------------------------------------------


def test_there_is_a_key_for_every_algorithm_each_for_one_alone(world: World) -> None:
    keys = HTTP.get(f"{world.base}/oauth/jwks").json()["keys"]
    assert {key["alg"] for key in keys if key["use"] == "sig"} == set(SIGNATURES)
    assert {key["alg"] for key in keys if key["use"] == "enc"} == set(ENCRYPTIONS)
    assert len({key.get("n") or key["x"] for key in keys}) == len(keys)


def test_the_newest_key_comes_first(clean: World) -> None:
    kid = rotate(clean, "PS256")
    with ring_of(clean) as ring:
        assert published(ring)[0]["kid"] == kid


@pytest.mark.parametrize("algorithm", SIGNATURES)
def test_an_id_token_is_signed_as_the_portal_registered(world: World, algorithm: str) -> None:
    letter, _ = world.member()
    portal = world.portal(letter, id_token_signed_response_alg=algorithm)
    person = world.signed_in(letter)
    person.open(portal.authorize_url())
    token = portal.redeem(person.sent_to).json()["id_token"]
    keys = HTTP.get(f"{world.base}/oauth/jwks").json()["keys"]
    header = jws.extract_compact(token.encode(), registry=Signatures(SIGNATURES)).headers()
    assert header["alg"] == algorithm
    (key,) = (key for key in keys if key["kid"] == header["kid"])
    assert (key["alg"], key["use"]) == (algorithm, "sig")
    jws.deserialize_compact(token, KINDS[key["kty"]].import_key(key), registry=Signatures([algorithm]))


@pytest.mark.parametrize("name", ["EdDSA", "Ed25519"])
def test_a_portal_may_call_the_edwards_curve_by_either_name(name: str) -> None:
    key = OKPKey.generate_key("Ed25519")
    token = jws.serialize_compact({"alg": name}, b"{}", key, registry=Signatures(["EdDSA"]))
    assert jws.deserialize_compact(token, key, registry=Signatures(["EdDSA"])).payload == b"{}"


def test_eddsa_is_ed25519_and_no_other_curve() -> None:
    with pytest.raises(JoseError):
        Signer(OKPKey.generate_key("Ed448"), "EdDSA", "")


@pytest.mark.parametrize(("used", "allowed"), [("RS256", "PS256"), ("PS256", "RS256"), ("ES256", "EdDSA")])
def test_a_signature_of_another_algorithm_is_refused(used: str, allowed: str) -> None:
    key = ECKey.generate_key("P-256") if used == "ES256" else RSAKey.generate_key(2048)
    token = Signer(key, used, "").sign(b"{}", "JWT")
    with pytest.raises(JoseError):
        jws.deserialize_compact(token, key, registry=Signatures([allowed]))


@pytest.mark.parametrize("algorithm", ENCRYPTIONS)
def test_what_is_encrypted_to_the_published_key_is_opened_here(world: World, algorithm: str) -> None:
    keys = HTTP.get(f"{world.base}/oauth/jwks").json()["keys"]
    (public,) = (key for key in keys if key["alg"] == algorithm)
    header = {"alg": algorithm, "enc": "A256GCM", "kid": public["kid"]}
    algorithms = [algorithm, "A256GCM"]
    message = jwe.encrypt_compact(header, b"secret", KINDS[public["kty"]].import_key(public), algorithms=algorithms)
    with ring_of(world) as ring:
        key = ring.decrypting(public["kid"])
        assert key is not None
        assert jwe.decrypt_compact(message, key.jwk, algorithms=algorithms).plaintext == b"secret"
        assert key in ring.decryption_keys()
        assert ring.verifying(public["kid"]) is None


def test_a_signing_key_decrypts_nothing(world: World) -> None:
    with ring_of(world) as ring:
        assert ring.decrypting(ring.signing("RS256").kid) is None


# --- replacing -------------------------------------------------------------------------------------------------------


def test_a_replaced_key_stays_until_what_it_signed_is_dead(clean: World) -> None:
    world = clean
    with ring_of(world) as ring:
        before = ring.signing("RS256").kid
    after = rotate(world, "RS256")
    settings = world.deps.settings
    with ring_of(world) as ring:
        assert {before, after} <= {key["kid"] for key in published(ring)}
        world.clock.advance(hours=settings.key_publication_hours, seconds=-1)
        assert ring.signing("RS256").kid == before
        world.clock.advance(seconds=2)
        assert ring.signing("RS256").kid == after
        world.clock.advance(minutes=settings.id_token_validity_minutes)
        assert ring.verifying(before) is not None
        world.clock.advance(days=settings.key_retention_days)
        assert ring.verifying(before) is None
        ring.reload()
        assert before not in {key["kid"] for key in published(ring)}


def test_a_portal_that_encrypted_to_a_replaced_key_is_still_understood(clean: World) -> None:
    with ring_of(clean) as ring:
        before = ring.signing("RSA-OAEP-256").kid
    after = rotate(clean, "RSA-OAEP-256")
    clean.clock.advance(seconds=11)
    with ring_of(clean) as ring:
        shown = {key["kid"] for key in published(ring)}
        assert after in shown
        assert before not in shown
        assert ring.decrypting(before) is not None
        clean.clock.advance(days=8)
        assert ring.decrypting(before) is None


def test_every_process_publishes_a_key_before_any_signs_with_it(clean: World) -> None:
    """A portal that meets an unknown kid reads the set again, from whichever process answers."""
    with ring_of(clean) as ring:
        before = ring.signing("ES256").kid
    after = rotate(clean, "ES256", at_once=True)
    with ring_of(clean) as ring:
        assert after in {key["kid"] for key in published(ring)}
        assert ring.signing("ES256").kid == before
        clean.clock.advance(seconds=flow.RELOAD.total_seconds() + 1)
        assert ring.signing("ES256").kid == after


def test_two_rotations_in_a_row_end_with_the_last_one(clean: World) -> None:
    rotate(clean, "ES256")
    last = rotate(clean, "ES256", at_once=True)
    with ring_of(clean) as ring:
        for hours in (1, 24, 24 * 7, 24 * 30):
            clean.clock.advance(hours=hours)
            assert ring.signing("ES256").kid == last


@pytest.mark.parametrize("by_age", [True, False])
def test_sixteen_that_replace_a_key_at_once_make_one(clean: World, by_age: bool) -> None:
    world = clean
    with world.reading() as db:
        known = {key.kid for key in store.keys(db, world.deps)}
    if by_age:
        world.clock.advance(days=world.deps.settings.key_rotation_days + 400)
    barrier = threading.Barrier(16)
    made: list[Any] = []

    def replace() -> None:
        with world.server.app.app_context():
            with world.reading() as db:
                newest = {key.algorithm: key.kid for key in store.keys(db, world.deps) if key.retired_at is None}
            barrier.wait()
            if by_age:
                made.extend(steps.rotate_due(world.deps))
                return
            with world.transaction() as db:
                assert newest
                made.append(store.replace(db, newest["ES256"], retired_at=world.clock() + timedelta(days=7)))

    threads = [threading.Thread(target=replace) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if not by_age:
        assert made.count(True) == 1
        return
    assert sorted(key.algorithm for key in made) == sorted(flow.ALGORITHMS)
    with world.reading() as db:
        assert {key.kid for key in store.keys(db, world.deps)} - known == {key.kid for key in made}


@pytest.mark.parametrize("deed", ["by age", "by hand", "leaked"])
def test_no_key_is_made_while_others_wait_for_the_transaction(clean: World, deed: str) -> None:
    """Two RSA pairs take seconds on a busy machine, and on SQLite the transaction is the one that all writers wait for.

    Told by the threads themselves: whichever calls into the library that makes keys says whether it holds one.
    """
    world = clean
    if deed == "by age":
        world.clock.advance(days=world.deps.settings.key_rotation_days + 400)
    with world.reading() as db:
        newest = flow.newest(store.keys(db, world.deps), "RS256")
    assert newest
    barrier = threading.Barrier(4)
    held: list[bool] = []

    def look(_frame: Any, event: str, called: Any) -> None:
        if event == "c_call" and called.__name__ in ("generate_private_key", "generate"):
            held.append(database.session().in_transaction())

    def replace() -> None:
        with world.server.app.app_context():
            barrier.wait()
            sys.setprofile(look)
            try:
                if deed == "by age":
                    steps.rotate_due(world.deps)
                    return
                pair = steps.make("RS256") if deed == "by hand" else steps.spare_for(world.deps, newest.kid)
                with transaction() as db:
                    if deed == "by hand" and pair is not None:
                        steps.rotate(db, world.deps, pair)
                    else:
                        steps.retire_at_once(db, world.deps, newest.kid, pair)
            finally:
                sys.setprofile(None)

    threads = [threading.Thread(target=replace) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert held
    assert not any(held)
    with world.reading() as db:
        left = [key.algorithm for key in store.keys(db, world.deps) if key.retired_at is None]
    assert sorted(left) == sorted(flow.ALGORITHMS)


def test_a_clock_that_was_put_back_leaves_the_key_whose_turn_comes_first() -> None:
    """Half an hour after it was installed, a service whose clock was put back by an hour answered 500 to every portal."""
    first, second = (
        flow.StoredKey(kid, "ES256", "{}", NOON, NOON + timedelta(hours=hours), None)
        for kid, hours in (("b", 0), ("a", 24))
    )

    assert flow.current([second, first], "ES256", now=NOON - timedelta(hours=1)) == first
    assert flow.current([second, first], "ES256", now=NOON) == first
    assert flow.current([], "ES256", now=NOON) is None


def test_whose_turn_it_is_changes_at_the_instants_of_the_keys_alone() -> None:
    """A process that signs asks again at the next of them, and not for each token."""
    hours = [None, *(NOON + timedelta(hours=n) for n in range(4))]
    chosen = random.Random(7)
    for _ in range(300):
        keys = [
            flow.StoredKey(
                kid, chosen.choice(["ES256", "RS256"]), "{}", NOON, chosen.choice(hours[1:]), chosen.choice(hours)
            )
            for kid in "abcd"
        ]
        now = NOON + timedelta(minutes=chosen.randrange(-60, 300, 30))
        since, until = flow.unchanged(keys, "ES256", now=now)
        assert since <= now < until
        others = [NOON + timedelta(minutes=minutes) for minutes in range(-60, 300, 15)]
        told = {flow.current(keys, "ES256", now=at) for at in others if since <= at < until}
        assert told == {flow.current(keys, "ES256", now=now)}


def test_a_young_key_is_not_replaced_by_itself(clean: World) -> None:
    with clean.transaction() as db:
        db.execute(update(SigningKey).where(SigningKey.retired_at.is_(None)).values(signs_from=clean.clock()))
    with clean.server.app.app_context():
        clean.clock.advance(days=clean.deps.settings.key_rotation_days, minutes=-1)
        assert steps.rotate_due(clean.deps) == []


def test_without_an_age_keys_are_replaced_by_hand_alone() -> None:
    key = steps.make("ES256").stored(now=NOON, signs_from=NOON)
    assert not flow.due(key, now=NOON + timedelta(days=10_000), age=timedelta(0))
    assert flow.due(key, now=NOON + timedelta(days=90), age=timedelta(days=90))


def test_the_first_keys_are_made_once_however_many_processes_start(clean: World) -> None:
    world = clean
    with world.transaction() as db:
        db.execute(update(SigningKey).where(SigningKey.retired_at.is_(None)).values(retired_at=world.clock()))
    barrier = threading.Barrier(4)

    def start() -> None:
        with world.server.app.app_context():
            barrier.wait()
            steps.ensure(world.deps)

    threads = [threading.Thread(target=start) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with world.reading() as db:
        newest = [key.algorithm for key in store.keys(db, world.deps) if key.retired_at is None]
    assert sorted(newest) == sorted(flow.ALGORITHMS)


# --- a leaked key ----------------------------------------------------------------------------------------------------


def test_what_a_leaked_key_signed_is_refused_in_seconds_and_there_is_another_key(clean: World) -> None:
    world = clean
    portal = world.portal(world.agency())
    with ring_of(world) as ring:
        token = portal.token(grant_type="client_credentials").json()["access_token"]
        reader = Tokens(world.deps, ring)
        assert reader.read_access(token), "and so it is remembered"
        leaked = ring.signing("ES256").kid
        spare = steps.spare_for(world.deps, leaked)
        with world.transaction() as db:
            assert steps.retire_at_once(db, world.deps, leaked, spare) is not None
        world.clock.advance(seconds=flow.RELOAD.total_seconds() + 1)
        ring.reload()
        assert ring.verifying(leaked) is None
        assert reader.read_access(token) is None
        assert leaked not in {key["kid"] for key in published(ring)}
        assert ring.signing("ES256").kid != leaked
    assert jws.extract_compact(token.encode()).headers()["kid"] == leaked


def test_the_successor_of_a_leaked_key_does_not_wait_for_its_day(clean: World) -> None:
    with ring_of(clean) as ring:
        leaked = ring.signing("ES256").kid
    waiting = rotate(clean, "ES256")
    with clean.server.app.app_context():
        assert steps.spare_for(clean.deps, leaked) is None
    with clean.transaction() as db:
        steps.retire_at_once(db, clean.deps, leaked, None)
    with ring_of(clean) as ring:
        clean.clock.advance(seconds=flow.RELOAD.total_seconds() + 1)
        assert ring.signing("ES256").kid == waiting


def test_a_key_that_signs_is_only_ended_when_it_leaked(clean: World) -> None:
    with ring_of(clean) as ring:
        kid = ring.signing("ES256").kid
    with clean.transaction() as db, pytest.raises(steps.StillSigning):
        steps.retire(db, clean.deps, kid)


def test_retiring_a_replaced_key_spares_the_tokens_that_live(clean: World) -> None:
    with ring_of(clean) as ring:
        kid = ring.signing("ES256").kid
    rotate(clean, "ES256", at_once=True)
    clean.clock.advance(seconds=15)
    with clean.transaction() as db:
        ends = steps.retire(db, clean.deps, kid)
    assert ends is not None
    assert ends - clean.clock() > timedelta(minutes=clean.deps.settings.access_token_validity_minutes - 1)
    with clean.transaction() as db:
        assert steps.retire(db, clean.deps, "no-such-key") is None


# --- secrecy ---------------------------------------------------------------------------------------------------------


def test_no_private_part_stands_in_the_database_in_a_log_or_in_a_repr(
    clean: World, caplog: pytest.LogCaptureFixture
) -> None:
    import json

    with caplog.at_level(logging.DEBUG):
        rotate(clean, "PS256")
        with ring_of(clean) as ring:
            shown = repr(ring.signing("PS256")) + ring.public()[0].decode()
    with clean.reading() as db:
        private = [json.loads(key.private_jwk)["d"] for key in store.keys(db, clean.deps)]
        rows = " ".join(str(tuple(row)) for row in db.execute(select(SigningKey.__table__)))
    for secret in private:
        assert secret not in rows + caplog.text + shown


def test_a_sealed_key_cannot_be_put_in_the_place_of_another(clean: World) -> None:

    with clean.reading() as db:
        first, second = db.scalars(select(SigningKey).limit(2)).all()
    with clean.transaction() as db:
        db.execute(update(SigningKey).where(SigningKey.kid == first.kid).values(sealed_key=second.sealed_key))
    try:
        with clean.reading() as db, pytest.raises(store.KeyUnreadable):
            store.keys(db, clean.deps)
    finally:
        with clean.transaction() as db:
            db.execute(update(SigningKey).where(SigningKey.kid == first.kid).values(sealed_key=first.sealed_key))


def test_a_header_may_not_bring_its_own_key(world: World) -> None:
    """JOSE headers that name or carry a key (jwk, jku, x5c) never choose how a token is checked (RFC 8725 3.10)."""
    forger = RSAKey.generate_key(2048)
    public = forger.as_dict(private=False)
    now = int(world.clock().timestamp())
    body = {"iss": world.base, "aud": world.base, "sub": "x", "client_id": "x", "exp": now + 60, "scope": "openid"}
    for header in ({"jwk": public}, {"jku": "https://forger.example/jwks"}, {"kid": secrets.token_hex(8)}):
        token = jws.serialize_compact(
            {"alg": "RS256", "typ": "at+jwt", **header}, str(body).encode(), forger, registry=Signatures(["RS256"])
        )
        answer = HTTP.get(f"{world.base}/oauth/userinfo", headers={"Authorization": f"Bearer {token}"})
        assert answer.status_code == 401


def test_the_key_set_can_be_imported_whole(world: World) -> None:
    keys = HTTP.get(f"{world.base}/oauth/jwks").json()
    assert len(KeySet.import_key_set(keys).keys) == len(keys["keys"])
    assert claims("e30.e30.x") == {}
