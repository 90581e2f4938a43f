"""Group D: how a portal proves itself. The rest stands in tests/oidc/test_client_authentication.py and test_registration.py."""

from __future__ import annotations

import base64
from urllib.parse import quote_plus

import httpx2 as httpx
import pytest

from idp.oidc.registration import metadata, rules, secrets, store
from tests.attacks import attack
from tests.oidc.test_client_authentication import by_key, refused
from tests.support.world import HTTP, Portal, World

ASKED = {"grant_type": "client_credentials"}


def basic(world: World, raw: bytes, **form: str) -> httpx.Response:
    header = f"Basic {base64.b64encode(raw).decode()}"
    return HTTP.post(f"{world.base}/oauth/token", data={**ASKED, **form}, headers={"Authorization": header})


@attack("D1")
def test_a_portal_with_a_secret_gets_nothing_without_it(world: World) -> None:
    portal, other = world.portal(world.agency()), world.portal(world.agency())
    assert portal.secret
    assert other.secret
    name = portal.client_id.encode()
    tries = [
        HTTP.post(f"{world.base}/oauth/token", data=ASKED),
        HTTP.post(f"{world.base}/oauth/token", data={**ASKED, "client_id": portal.client_id}),
        HTTP.post(f"{world.base}/oauth/token", data={**ASKED, "client_id": portal.client_id, "client_secret": ""}),
        *(
            basic(world, name + b":" + secret)
            for secret in (
                b"",
                b"wrong",
                other.secret.encode(),
                portal.secret[:-1].encode(),
                portal.secret.upper().encode(),
            )
        ),
        *(basic(world, name + b":" + portal.secret.encode() + tail) for tail in (b" ", b"\n", b"\x00", b"%00", b"%20")),
        basic(world, b" " + name + b":" + portal.secret.encode()),
    ]
    for response in tries:
        assert (response.status_code, response.json()["error"]) == (401, "invalid_client")
        assert response.headers["www-authenticate"].startswith("Basic")
        assert response.headers["cache-control"] == "no-store"
    both = basic(world, name + b":" + portal.secret.encode(), client_id=portal.client_id, client_secret=portal.secret)
    assert (both.status_code, both.json()["error"]) == (400, "invalid_request")
    assert basic(world, name + b":" + portal.secret.encode()).status_code == 200


@attack("D2")
def test_credentials_that_are_malformed_are_refused_and_never_break_anything(world: World) -> None:
    portal = world.portal(world.agency())
    assert portal.secret
    good = f"{portal.client_id}:{portal.secret}"
    sent = {
        "no base64": "Basic !!!",
        "base64url": "Basic " + base64.urlsafe_b64encode(b"\xfb\xff\xfe:\xfb\xff").decode(),
        "without a colon": "Basic " + base64.b64encode(good.replace(":", "").encode()).decode(),
        "two colons": "Basic " + base64.b64encode(f"{good}:more".encode()).decode(),
        "no UTF-8": "Basic " + base64.b64encode(b"\xff\xfe:\xff").decode(),
        "a bad escape": "Basic " + base64.b64encode(f"{portal.client_id}:%zz".encode()).decode(),
        "an escaped surrogate": "Basic " + base64.b64encode(f"{portal.client_id}:%ED%A0%80".encode()).decode(),
        "NUL": "Basic " + base64.b64encode(b"\x00:\x00").decode(),
        "100 kB": "Basic " + "A" * 100_000,
        "cut off": "Basic " + base64.b64encode(good.encode()).decode()[:-3],
        "another scheme": "Digest " + base64.b64encode(good.encode()).decode(),
        "nothing": "Basic",
    }
    for kind, header in sent.items():
        response = HTTP.post(f"{world.base}/oauth/token", data=ASKED, headers={"Authorization": header})
        assert response.status_code in (400, 401, 431), kind
        if response.status_code != 431:
            assert response.json()["error"] in ("invalid_client", "invalid_request"), kind


@attack("D2")
@pytest.mark.parametrize("method", ["client_secret_basic", "client_secret_post"])
def test_a_secret_of_awkward_signs_works_as_the_standard_encodes_it(world: World, method: str) -> None:
    """Colon, percent and plus mean something in each of the encodings on the way (RFC 6749 2.3.1)."""
    portal = world.portal(world.agency(), token_endpoint_auth_method=method)
    awkward = "a:b%c+d é&=/?#%zz%3A" + "x" * 20
    with world.transaction() as db:
        client = store.find(db, portal.client_id, now=world.clock())
        assert client is not None
        secrets.put(db, world.deps, client, awkward)
    store.cache.drop(portal.client_id)
    if method == "client_secret_post":
        form = {**ASKED, "client_id": portal.client_id, "client_secret": awkward}
        assert HTTP.post(f"{world.base}/oauth/token", data=form).status_code == 200
        return
    encoded = f"{quote_plus(portal.client_id)}:{quote_plus(awkward)}"
    assert basic(world, encoded.encode()).status_code == 200
    assert basic(world, f"{portal.client_id}:{awkward}".encode()).status_code == 200


@attack("D4")
def test_an_assertion_for_another_endpoint_of_ours_is_refused(world: World) -> None:
    """The token endpoint is the one that the standard of today names; decision 0011."""
    signer = by_key(world)
    for path in ("/oauth/par", "/oauth/introspect", "/oauth/revoke", "/oauth/userinfo", "/oauth/register", "/"):
        refused(signer.send(signer.assertion(aud=f"{world.base}{path}")))
    for audience in ([world.base, f"{world.base}/oauth/token"], [f"{world.base}/oauth/token", "https://evil.example"]):
        refused(signer.send(signer.assertion(aud=audience)))
    pushed = signer.send(signer.assertion(aud=f"{world.base}/oauth/par"), path="/oauth/par", grant_type="")
    assert pushed.status_code == 401


@attack("D5")
def test_an_assertion_stays_used_when_the_provider_starts_again(world: World) -> None:
    signer = by_key(world)
    token = signer.assertion()
    assert signer.send(token).status_code == 200

    world.server.restart()

    refused(signer.send(token))
    refused(signer.send(token, path="/oauth/introspect", token="x"))
    assert signer.send(signer.assertion()).status_code == 200


@attack("D7")
def test_the_issuer_and_the_subject_of_an_assertion_are_its_signer(world: World) -> None:
    signer, other = by_key(world), by_key(world)
    for said in (
        {"iss": other.portal.client_id},
        {"sub": other.portal.client_id},
        {"iss": other.portal.client_id, "sub": other.portal.client_id, "aud": "https://evil.example"},
        {"iss": world.base},
        {"iss": [signer.portal.client_id]},
    ):
        refused(signer.send(signer.assertion(**said)))


@attack("D12")
def test_a_portal_cannot_be_named_like_a_person_and_its_own_token_tells_of_nobody(world: World) -> None:
    """A subject is a UUID of ours; whatever a portal is called, its token stands for no person (RFC 9700 4.15)."""
    letter, account_id = world.member()
    while not account_id[0].isalnum():  # one in 32 could be no portal's name at all
        letter, account_id = world.member()
    with world.reading() as db:
        template = store.find(db, world.portal(letter).client_id, now=world.clock())
    assert template is not None
    assert letter.email
    for name in (letter.email, f"{account_id}@x", f" {account_id}", f"{account_id}\n"):
        made = metadata.Client(**{**vars(template), "id": name})
        assert any(problem.startswith("client_id") for problem in rules.problems(made, world.deps.settings)), name

    twin: Portal = world.portal(letter, id=account_id)
    token = twin.token(grant_type="client_credentials", scope="profile email").json()["access_token"]

    told = HTTP.get(f"{world.base}/oauth/userinfo", headers={"Authorization": f"Bearer {token}"})
    assert told.status_code in (401, 403)
    assert letter.email not in told.text
