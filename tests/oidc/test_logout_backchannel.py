"""Portals are told that a sign-in ended, whatever ended it (OpenID Connect Back-Channel Logout 1.0)."""

from __future__ import annotations

import json
import logging
import ssl
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs

import pytest
from joserfc import jws
from joserfc.jwk import KeySet
from sqlalchemy import select, update

from idp.deps import Deps
from idp.oidc.jose import SIGNATURES, Signatures
from idp.oidc.keys.keyring import Keyring
from idp.oidc.logout import sender, store
from idp.oidc.logout.tables import LogoutNotice
from idp.oidc.registration import clients
from idp.sessions import store as sessions
from idp.sessions.tables import BrowserSession
from tests.attacks import inside
from tests.faults.catalogue import fault
from tests.support.acts import ask_reset, sign_in
from tests.support.outside import Authority, Host
from tests.support.person import Person
from tests.support.world import HTTP, OTHER_STRONG, STRONG, Portal, World, claims

_INSIDE = inside("does the work of the service's background by itself")


@dataclass
class Told:
    """A portal's endpoint: what it was told, and what it answers."""

    host: Host
    status: int = 200
    tokens: list[str] = field(default_factory=list)

    @property
    def uri(self) -> str:
        return f"{self.host.url}/backchannel"

    def __call__(self, tls: ssl.SSLSocket, received: bytes) -> None:
        head, _, body = received.partition(b"\r\n\r\n")
        length = int(
            next(line for line in head.split(b"\r\n") if line.lower().startswith(b"content-length")).split()[1]
        )
        while len(body) < length:
            body += tls.recv(4096)
        form = parse_qs(body.decode())
        assert set(form) == {"logout_token"}
        self.tokens.append(form["logout_token"][0])
        tls.sendall(f"HTTP/1.1 {self.status} x\r\nContent-Length: 0\r\n\r\n".encode())


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def told(authority: Authority) -> Iterator[Told]:
    host = Host(authority)
    endpoint = Told(host)
    host.behaviour = endpoint
    yield endpoint
    host.stop()


@pytest.fixture
def deps(world: World, authority: Authority) -> Deps:
    """Those of the provider, which may also reach portals on this machine."""
    changes = {
        "fetch_allowed_networks": "127.0.0.0/8",
        "fetch_ca_file": str(authority.file),
        "fetch_timeout_seconds": 30,
    }
    return replace(world.deps, settings=world.deps.settings.model_copy(update=changes))


@dataclass
class Scene:
    world: World
    deps: Deps
    told: Told
    person: Person
    portal: Portal
    letter: Any
    tokens: dict[str, str]

    @property
    def sid(self) -> str:
        return str(claims(self.tokens["id_token"])["sid"])

    def work(self, deps: Deps | None = None) -> None:
        """What the background of the service does each second."""
        with self.world.server.app.app_context():
            sender.work(deps or self.deps, Keyring(self.deps))

    def notice(self) -> LogoutNotice:
        with self.world.reading() as db:
            return db.scalars(select(LogoutNotice).where(LogoutNotice.client_id == self.portal.client_id)).one()

    def ended(self) -> bool:
        """Whether this very sign-in was told of."""
        self.work()
        return [claims(token)["sid"] for token in self.told.tokens] == [self.sid]


@pytest.fixture
def scene(world: World, deps: Deps, told: Told) -> Scene:
    letter, _ = world.member()
    portal = world.portal(letter, backchannel_logout_uri=told.uri, backchannel_logout_session_required=True)
    person = world.signed_in(letter)
    person.open(portal.authorize_url(scope="openid"))
    return Scene(world, deps, told, person, portal, letter, portal.redeem(person.sent_to).json())


def sign_out(person: Person) -> None:
    person.open("/logout")
    assert person.submit("Me déconnecter").heading == "Vous êtes déconnecté"


# --- the token -------------------------------------------------------------------------------------------------------


def test_a_logout_token_says_who_and_which_sign_in(scene: Scene) -> None:
    sign_out(scene.person)
    scene.work()
    (token,) = scene.told.tokens
    header = jws.extract_compact(token.encode()).headers()
    assert header["typ"] == "logout+jwt"
    assert header["alg"] == "RS256"
    keys = KeySet.import_key_set(HTTP.get(f"{scene.world.base}/oauth/jwks").json())
    said = json.loads(jws.deserialize_compact(token, keys, registry=Signatures(["RS256"])).payload)
    first = claims(scene.tokens["id_token"])
    assert {name: said[name] for name in ("iss", "sub", "aud", "sid")} == {
        name: first[name] for name in ("iss", "sub", "aud", "sid")
    }
    assert said["events"] == {"http://schemas.openid.net/event/backchannel-logout": {}}
    assert 0 < said["exp"] - said["iat"] <= 120
    assert said["jti"]
    assert "nonce" not in said


@pytest.mark.parametrize("algorithm", SIGNATURES)
def test_a_logout_token_is_signed_as_the_portal_registered(scene: Scene, algorithm: str) -> None:
    with scene.world.server.app.app_context():
        client = clients.find(scene.deps, scene.portal.client_id)
        assert client is not None
        client = replace(client, id_token_signed_response_alg=algorithm)
        token = sender.logout_token(scene.deps, Keyring(scene.deps), client, sub="s", sid="i")
    assert jws.extract_compact(token.encode(), registry=Signatures(SIGNATURES)).headers()["alg"] == algorithm


def test_a_logout_token_is_never_unsigned(scene: Scene) -> None:
    with scene.world.server.app.app_context():
        client = clients.find(scene.deps, scene.portal.client_id)
        assert client is not None
        unsigned = replace(client, id_token_signed_response_alg="none")
        token = sender.logout_token(scene.deps, Keyring(scene.deps), unsigned, sub="s", sid="i")
    assert jws.extract_compact(token.encode()).headers()["alg"] == "RS256"


@_INSIDE
def test_a_logout_token_opens_nothing_atk_056(scene: Scene) -> None:
    sign_out(scene.person)
    scene.work()
    assert scene.portal.userinfo(scene.told.tokens[0]).status_code == 401
    again = scene.world.signed_in(scene.letter)
    page = again.open(f"/oauth/logout?id_token_hint={scene.told.tokens[0]}")
    assert 'id="logout-problem"' in page.html


# --- what ends a sign-in -----------------------------------------------------------------------------------------------


def test_signing_out_tells_the_portal_once(scene: Scene) -> None:
    sign_out(scene.person)
    assert scene.ended()
    assert scene.ended()
    assert scene.notice().state == "told"


def test_a_portal_that_signs_the_person_out_is_told_too(scene: Scene) -> None:
    scene.person.open(f"/oauth/logout?id_token_hint={scene.tokens['id_token']}")
    assert scene.ended()


def test_another_person_who_signs_in_at_this_browser_ends_it(scene: Scene) -> None:
    other, _ = scene.world.member()
    sign_in(scene.person, other)
    assert scene.ended()


def test_a_new_password_ends_it_elsewhere_and_not_here(scene: Scene) -> None:
    here = scene.world.signed_in(scene.letter)
    here.open("/profile/password")
    here.submit(current_password=STRONG, new_password=OTHER_STRONG, confirmation=OTHER_STRONG)
    assert scene.ended()
    assert here.open("/profile").heading == "Profil"


@_INSIDE
def test_a_reset_ends_it_atk_214(scene: Scene) -> None:
    stranger = scene.world.person()
    ask_reset(stranger, scene.letter)
    stranger.open(scene.world.link_for(scene.letter.email))
    stranger.submit(new_password=OTHER_STRONG, confirmation=OTHER_STRONG)
    assert scene.ended()


def test_whatever_ends_a_row_tells_the_portal(scene: Scene) -> None:
    """No code has to remember it: the row that ended is the queue."""
    with scene.world.transaction() as db:
        ends = update(BrowserSession).where(BrowserSession.sid == scene.sid)
        db.execute(ends.values(ended_at=scene.world.clock()))
    assert scene.ended()


def test_sign_ins_of_several_secrets_do_not_hold_up_those_behind_them(scene: Scene) -> None:
    """A batch of rows is fewer sign-ins where a double click gave each two secrets; that is not the end of the queue."""
    _, account_id = scene.world.member()
    with scene.world.transaction() as db:
        for token in range(sender.BATCH):
            digest = f"browser-{token // 2}"
            sessions.start(
                db,
                scene.deps,
                account_id=account_id,
                email="anne@exemple.fr",
                browser_digest=digest,
                token=f"{scene.sid}-{token}",
            )
        sessions.end_all(db, account_id, now=scene.world.clock())
    sign_out(scene.person)
    assert scene.ended()


def test_signing_in_again_as_the_same_person_ends_nothing(scene: Scene) -> None:
    scene.world.clock.advance(minutes=1)
    scene.person.open(scene.portal.authorize_url(prompt="login"))
    scene.person.submit(identifier=scene.letter.email or "", password=STRONG)
    scene.work()
    assert scene.told.tokens == []
    sign_out(scene.person)
    assert scene.ended()


def test_a_portal_of_another_sign_in_is_not_told(scene: Scene) -> None:
    other = scene.world.signed_in(scene.letter)
    sign_out(other)
    scene.work()
    assert scene.told.tokens == []


def test_a_portal_without_the_address_is_not_told(world: World, deps: Deps, told: Told) -> None:
    letter, _ = world.member()
    portal = world.portal(letter)
    person = world.signed_in(letter)
    person.open(portal.authorize_url())
    sign_out(person)
    with world.server.app.app_context():
        sender.work(deps, Keyring(deps))
    with world.reading() as db:
        assert not db.scalars(select(LogoutNotice).where(LogoutNotice.client_id == portal.client_id)).all()


def test_an_ended_sign_in_leaves_no_refresh_token_but_for_offline_access(scene: Scene) -> None:
    scene.person.open(scene.portal.authorize_url(scope="openid offline_access"))
    offline = scene.portal.redeem(scene.person.sent_to).json()
    other, _ = scene.world.member()
    sign_in(scene.person, other)
    scene.work()
    assert scene.portal.userinfo(scene.tokens["access_token"]).status_code == 401
    assert scene.portal.refresh(offline["refresh_token"]).status_code == 200


# --- portals that fail -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [302, 400, 404, 500, 503])
def test_a_portal_that_fails_is_told_again_later(scene: Scene, status: int) -> None:
    scene.told.status = status
    sign_out(scene.person)
    scene.work()
    assert (scene.notice().state, scene.notice().last_answer) == ("queued", f"HTTP {status}")
    scene.work()
    assert len(scene.told.tokens) == 1
    scene.told.status = 204
    scene.world.clock.advance(seconds=13)
    scene.work()
    assert scene.notice().state == "told"
    first, second = (claims(token) for token in scene.told.tokens)
    assert first["jti"] != second["jti"]
    assert second["exp"] > first["exp"]


@fault("X35")
def test_a_portal_that_is_away_for_a_day_is_given_up_and_an_operator_sees_it(scene: Scene) -> None:
    scene.told.status = 500
    sign_out(scene.person)
    for _ in range(30):
        scene.work()
        scene.world.clock.advance(hours=4)
    assert scene.notice().state == "dead"
    assert len(scene.told.tokens) < 15
    with scene.world.transaction() as db:
        assert store.put_back(db, now=scene.world.clock()) > 0
    scene.told.status = 200
    scene.work()
    assert scene.notice().state == "told"


@fault("X35")
@_INSIDE
def test_one_slow_portal_is_waited_for_once_not_once_a_person_atk_191(scene: Scene) -> None:
    other_letter, _ = scene.world.member()
    other = scene.world.signed_in(other_letter)
    other.open(scene.portal.authorize_url())
    release = threading.Event()
    scene.told.host.behaviour = lambda _tls, _head: release.wait(60) and None
    sign_out(scene.person)
    sign_out(other)
    scene.work(replace(scene.deps, settings=scene.deps.settings.model_copy(update={"fetch_timeout_seconds": 1})))
    release.set()
    assert scene.told.host.connections == 1
    with scene.world.reading() as db:
        found = db.scalars(select(LogoutNotice).where(LogoutNotice.client_id == scene.portal.client_id)).all()
    assert {notice.last_answer for notice in found} == {"took too long"}


@_INSIDE
def test_an_address_inside_is_not_connected_to_atk_191(scene: Scene) -> None:
    sign_out(scene.person)
    scene.work(replace(scene.deps, settings=scene.world.deps.settings))
    assert scene.told.host.connections == 0
    assert scene.notice().last_answer == "network not allowed"


def test_a_portal_that_was_deleted_is_not_looked_for_again(scene: Scene) -> None:
    from idp.oidc.registration import store as registration

    sign_out(scene.person)
    with scene.world.server.app.app_context():
        while sender.announce(scene.deps):
            pass
    with scene.world.transaction() as db:
        registration.remove(db, scene.deps, scene.portal.client_id)
    scene.work()
    assert scene.notice().state == "dead"


# --- several senders ---------------------------------------------------------------------------------------------------


def test_sixteen_senders_tell_each_portal_once(scene: Scene) -> None:
    sign_out(scene.person)
    barrier = threading.Barrier(16)

    def send() -> None:
        barrier.wait()
        scene.work()

    threads = [threading.Thread(target=send) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(scene.told.tokens) == 1


def test_a_sender_that_died_gives_its_notices_back(scene: Scene) -> None:
    sign_out(scene.person)
    with scene.world.server.app.app_context():
        while sender.announce(scene.deps):
            pass
    now = scene.world.clock()
    with scene.world.transaction() as db:
        (slept,) = [
            n
            for n in store.lease(db, now=now, until=now + timedelta(minutes=2), limit=1000)
            if n.client_id == scene.portal.client_id
        ]
    scene.work()
    assert scene.told.tokens == []
    scene.world.clock.advance(minutes=3)
    scene.work()
    assert len(scene.told.tokens) == 1
    with scene.world.transaction() as db:
        store.dead(db, slept, answer="too late")  # the one that slept wakes up: its lease is another's
    assert scene.notice().state == "told"


def test_no_token_stands_in_a_log(scene: Scene, caplog: pytest.LogCaptureFixture) -> None:
    scene.told.status = 500
    with caplog.at_level(logging.DEBUG):
        sign_out(scene.person)
        scene.work()
    assert scene.told.tokens
    assert scene.told.tokens[0] not in caplog.text


def test_a_portal_can_be_tried_without_a_sign_in(scene: Scene) -> None:
    with scene.world.server.app.app_context():
        client = clients.find(scene.deps, scene.portal.client_id)
        assert client is not None
        assert sender.send_test(scene.deps, Keyring(scene.deps), client) == 200
    assert claims(scene.told.tokens[0])["sid"].startswith("test-")
