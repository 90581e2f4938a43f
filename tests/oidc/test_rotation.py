"""Keys that are replaced by age, seen from a portal: it keeps the key set as long as it may, and never meets a failure."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from joserfc import jws
from joserfc.jwk import KeySet

from idp.oidc.jose import SIGNATURES, Signatures
from idp.oidc.keys import steps
from tests.faults.catalogue import fault
from tests.support.world import HTTP, Portal, ProviderServer, World

DAY = timedelta(days=1)


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def rotating(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, mailbox: Any, new_database: Any
) -> Iterator[World]:
    """A provider of its own, whose keys may be replaced without other tests knowing."""
    folder = tmp_path_factory.mktemp("rotating")
    url = f"sqlite:///{folder / 'idp.sqlite'}" if request.param == "sqlite" else new_database("rotating")
    server = ProviderServer(url, mailbox, IDP_KEY_ROTATION_DAYS="90")
    yield World(server)
    server.stop()


class Believer:
    """A portal's software: it verifies with the keys that it has, and reads them again for a `kid` that it has not.

    patient: it never reads them again before their time (Cache-Control), as many libraries.
    """

    def __init__(self, world: World, *, patient: bool) -> None:
        self.world, self.patient = world, patient
        self._keys: dict[str, Any] = {}
        self._fresh_until = world.clock()
        self.kids: set[str] = set()

    def verify(self, token: str) -> None:
        header = jws.extract_compact(token.encode(), registry=Signatures(SIGNATURES)).headers()
        if self.world.clock() >= self._fresh_until:
            self._read()
        if header["kid"] not in self._keys and not self.patient:
            self._read()
        assert header["kid"] in self._keys, "a key that signs was not published for as long as a copy of the set lives"
        self.kids.add(header["kid"])
        jws.deserialize_compact(token, self._keys[header["kid"]], registry=Signatures([header["alg"]]))

    def _read(self) -> None:
        response = HTTP.get(f"{self.world.base}/oauth/jwks")
        keeps = int(response.headers["cache-control"].partition("max-age=")[2])
        self._keys = {key.kid or "": key for key in KeySet.import_key_set(response.json()).keys}
        self._fresh_until = self.world.clock() + timedelta(seconds=keeps)


def turn(world: World, by: timedelta) -> None:
    """Time passes; the service looks for keys that are old enough, and its processes look at the keys again."""
    world.clock.shift += by
    with world.server.app.app_context():
        steps.rotate_due(world.deps)
    world.server.restart()


def tokens(world: World, portal: Portal, letter: Any) -> list[str]:
    """An ID token in the portal's algorithm, and an access token."""
    person = world.signed_in(letter)
    person.open(portal.authorize_url(scope="openid"))
    told = portal.redeem(person.sent_to).json()
    return [told["id_token"], told["access_token"]]


# Up to each edge of a replacement - published, signs, the old one forgotten - and a moment past it.
EDGES = (89 * DAY, DAY, timedelta(seconds=20), DAY - timedelta(minutes=4), timedelta(minutes=5), 8 * DAY)


@fault("X25")
def test_no_portal_meets_a_failure_while_keys_are_replaced_by_age(rotating: World) -> None:
    """Neither one that reads the set again for an unknown `kid`, nor one that keeps its copy for as long as it may."""
    world = World(rotating.server)
    letter, _ = world.member()
    portal = world.portal(letter, id_token_signed_response_alg="RS256")
    believers = [Believer(world, patient=patient) for patient in (False, True)]
    issued = tokens(world, portal, letter)
    for passed in EDGES:
        turn(world, passed)
        issued = [*tokens(world, portal, letter), *(issued if passed < timedelta(minutes=1) else [])]
        for believer in believers:
            for token in issued:
                believer.verify(token)

    for believer in believers:
        assert len(believer.kids) >= 4, "ID tokens and access tokens, each by two keys at least: something was replaced"


def test_a_copy_of_the_key_set_that_is_as_old_as_it_may_be_knows_the_key_that_begins_to_sign(rotating: World) -> None:
    """The publication is longer than a copy lives, or a portal that keeps its copy would fail on the day of the change."""
    world = World(rotating.server)
    response = HTTP.get(f"{world.base}/oauth/jwks")
    lives = int(response.headers["cache-control"].partition("max-age=")[2])
    assert timedelta(hours=world.deps.settings.key_publication_hours) > timedelta(seconds=lives)
    assert response.headers["etag"]
    again = HTTP.get(f"{world.base}/oauth/jwks", headers={"If-None-Match": response.headers["etag"]})
    assert again.status_code == 304
