"""The token endpoint: codes, refresh tokens, client credentials, client authentication (RFC 6749, 7636, 9700)."""

from __future__ import annotations

import base64
import hashlib
from datetime import timedelta

import httpx2 as httpx
import pytest
from joserfc import jws
from joserfc.jwk import KeySet
from sqlalchemy import select, update

from idp.accounts import store as accounts
from idp.accounts.tables import ProvisionalAccount
from idp.grants.tables import Grant
from idp.oidc.token.tables import RefreshToken
from tests.attacks import attack
from tests.support.world import HTTP, Portal, World, answer, claims


@pytest.fixture
def granted(world: World):
    """A portal, and the location of an authorization answer that holds a fresh code."""
    agency = world.agency()
    letter, account_id = world.member(agency)
    portal = world.portal(agency)
    person = world.signed_in(letter)
    person.open(portal.authorize_url())
    return portal, person.sent_to, account_id, person, agency


def test_a_code_buys_an_id_token_an_access_token_and_a_refresh_token(world: World, granted) -> None:
    portal, location, account_id, _, agency = granted
    response = portal.redeem(location)
    told = response.json()
    assert response.status_code == 200
    assert response.headers["cache-control"] == "no-store"
    assert set(told) == {"access_token", "token_type", "expires_in", "scope", "refresh_token", "id_token"}
    assert (told["token_type"], told["expires_in"]) == ("Bearer", 600)
    id_token = claims(told["id_token"])
    assert id_token["iss"] == world.base
    assert id_token["aud"] == portal.client_id
    assert id_token["sub"] == account_id
    assert id_token["nonce"] == "the-nonce"
    assert id_token["exp"] - id_token["iat"] == 600
    assert (id_token["client"], id_token["societe"]) == (agency.client, agency.societe)
    half = hashlib.sha256(told["access_token"].encode()).digest()[:16]
    assert id_token["at_hash"] == base64.urlsafe_b64encode(half).rstrip(b"=").decode()


@pytest.mark.parametrize("algorithm", ["RS256", "ES256"])
def test_tokens_are_signed_with_a_published_key_and_the_registered_algorithm(world: World, algorithm: str) -> None:
    agency = world.agency()
    letter, _ = world.member(agency)
    portal = world.portal(agency, id_token_signed_response_alg=algorithm)
    person = world.signed_in(letter)
    person.open(portal.authorize_url())
    token = portal.redeem(person.sent_to).json()["id_token"]
    keys = KeySet.import_key_set(HTTP.get(f"{world.base}/oauth/jwks").json())
    found = jws.deserialize_compact(token, keys, algorithms=[algorithm])
    assert found.headers()["alg"] == algorithm
    assert found.headers()["typ"] == "JWT"


def test_access_tokens_are_rfc_9068(world: World, granted) -> None:
    portal, location, account_id, _, _ = granted
    token = portal.redeem(location).json()["access_token"]
    header = jws.extract_compact(token.encode()).headers()
    told = claims(token)
    assert (header["typ"], header["alg"]) == ("at+jwt", "ES256")
    assert {"iss", "exp", "aud", "sub", "client_id", "iat", "jti", "scope"} <= set(told)
    assert (told["sub"], told["client_id"]) == (account_id, portal.client_id)


@attack("B1")
def test_a_code_is_used_once_and_its_replay_revokes_what_it_bought(world: World, granted) -> None:
    portal, location, _, _, _ = granted
    first = portal.redeem(location).json()
    assert portal.userinfo(first["access_token"]).status_code == 200
    replay = portal.redeem(location)
    assert (replay.status_code, replay.json()["error"]) == (400, "invalid_grant")
    assert portal.userinfo(first["access_token"]).status_code == 401
    assert portal.refresh(first["refresh_token"]).json()["error"] == "invalid_grant"
    assert portal.post("/oauth/introspect", token=first["access_token"]).json() == {"active": False}


@attack("B3")
def test_a_code_expires_after_a_minute(world: World, granted) -> None:
    portal, location, _, _, _ = granted
    world.clock.advance(seconds=61)
    assert portal.redeem(location).json()["error"] == "invalid_grant"


@pytest.mark.parametrize(
    ("changed", "error"),
    [
        ({"code_verifier": "x" * 43}, "invalid_grant"),
        ({"code_verifier": None}, "invalid_request"),
        ({"code_verifier": "short"}, "invalid_request"),
        ({"redirect_uri": "https://other.example/cb"}, "invalid_grant"),
        ({"redirect_uri": None}, "invalid_grant"),
        ({"code": "unknown"}, "invalid_grant"),
        ({"code": None}, "invalid_request"),
        ({"grant_type": None}, "invalid_request"),
        ({"grant_type": 'bogus"é'}, "unsupported_grant_type"),
        ({"grant_type": "password"}, "unsupported_grant_type"),
    ],
    ids=str,
)
@attack("B5")
def test_a_wrong_redemption_is_refused_and_does_not_burn_the_code(world: World, granted, changed, error: str) -> None:
    portal, location, _, _, _ = granted
    response = portal.redeem(location, **changed)
    assert (response.status_code, response.json()["error"]) == (400, error)
    assert portal.redeem(location).status_code == 200


@attack("B7")
def test_a_verifier_for_a_code_without_challenge_is_a_downgrade(world: World) -> None:
    agency = world.agency()
    letter, _ = world.member(agency)
    portal = world.portal(agency, require_pkce=False)
    person = world.signed_in(letter)
    person.open(portal.authorize_url(code_challenge=None, code_challenge_method=None))
    assert portal.redeem(person.sent_to).json()["error"] == "invalid_request"
    assert portal.redeem(person.sent_to, code_verifier=None).status_code == 200


@pytest.mark.parametrize("narrower", [{}, {"scope": "openid"}], ids=["for the same", "for less"])
def test_a_refresh_token_ends_by_silence_or_with_its_family_whichever_is_first(
    world: World, granted, narrower: dict[str, str]
) -> None:
    portal, location, account_id, *_ = granted
    settings = world.deps.settings
    newest = select(RefreshToken.expires_at).join(Grant).where(Grant.account_id == account_id)
    newest = newest.where(RefreshToken.rotated_at.is_(None))
    token = portal.redeem(location).json()["refresh_token"]
    with world.transaction() as db:
        silence = db.scalars(newest).one() - world.clock()
        begun = world.clock() - timedelta(days=settings.refresh_token_absolute_days - 3)
        db.execute(update(Grant).where(Grant.account_id == account_id).values(created_at=begun))

    assert portal.token(grant_type="refresh_token", refresh_token=token, **narrower).status_code == 200

    with world.reading() as db:
        left = db.scalars(newest).one() - world.clock()
    assert round(silence / timedelta(days=1), 2) == settings.refresh_token_idle_days
    assert round(left / timedelta(days=1), 2) == 3


def test_a_code_of_another_portal_is_unknown(world: World, granted) -> None:
    portal, location, _, _, agency = granted
    other = world.portal(agency)
    stolen = other.redeem(location, redirect_uri=portal.redirect_uri, code_verifier=portal.verifier)
    assert stolen.json()["error"] == "invalid_grant"
    assert portal.redeem(location).status_code == 200


@attack("B14")
def test_parameters_in_the_query_are_not_looked_at(world: World, granted) -> None:
    portal, location, _, _, _ = granted
    response = HTTP.post(
        f"{world.base}/oauth/token?grant_type=authorization_code&code={answer(location)['code']}"
        f"&redirect_uri={portal.redirect_uri}&code_verifier={portal.verifier}",
        data={"foo": "bar"},
        auth=(portal.client_id, portal.secret),
    )
    assert response.json()["error"] == "invalid_request"


def test_a_parameter_given_twice_is_refused(world: World, granted) -> None:
    portal, _, _, _, _ = granted
    response = HTTP.post(
        f"{world.base}/oauth/token",
        content="grant_type=client_credentials&grant_type=refresh_token",
        headers={"Content-Type": "application/x-www-form-urlencoded"},
        auth=(portal.client_id, portal.secret),
    )
    assert response.json()["error"] == "invalid_request"


# --- refresh ---------------------------------------------------------------------------------------------------------


def test_refresh_rotates_and_keeps_the_time_of_sign_in(world: World, granted) -> None:
    portal, location, _, _, _ = granted
    first = portal.redeem(location).json()
    world.clock.advance(minutes=5)
    second = portal.refresh(first["refresh_token"]).json()
    assert second["refresh_token"] != first["refresh_token"]
    before, after = claims(first["id_token"]), claims(second["id_token"])
    assert after["auth_time"] == before["auth_time"]
    assert after["iat"] > before["iat"]
    assert (after["sub"], after["aud"], after["sid"]) == (before["sub"], before["aud"], before["sid"])


def test_a_lost_answer_is_given_again_for_a_moment_with_the_same_successor(world: World, granted) -> None:
    portal, location, _, _, _ = granted
    first = portal.redeem(location).json()["refresh_token"]
    answers = {portal.refresh(first).json()["refresh_token"] for _ in range(3)}
    assert len(answers) == 1
    assert portal.refresh(answers.pop()).status_code == 200


def test_reuse_after_the_successor_was_used_revokes_the_family(world: World, granted) -> None:
    portal, location, _, _, _ = granted
    first = portal.redeem(location).json()
    second = portal.refresh(first["refresh_token"]).json()
    third = portal.refresh(second["refresh_token"]).json()
    assert portal.refresh(first["refresh_token"]).json()["error"] == "invalid_grant"
    assert portal.refresh(third["refresh_token"]).json()["error"] == "invalid_grant"
    assert portal.userinfo(third["access_token"]).status_code == 401


def test_reuse_after_the_grace_revokes_the_family(world: World, granted) -> None:
    portal, location, _, _, _ = granted
    first = portal.redeem(location).json()["refresh_token"]
    second = portal.refresh(first).json()["refresh_token"]
    world.clock.advance(seconds=11)
    assert portal.refresh(first).json()["error"] == "invalid_grant"
    assert portal.refresh(second).json()["error"] == "invalid_grant"


def test_a_refresh_may_narrow_the_scope_and_never_widen_it(world: World, granted) -> None:
    portal, location, _, _, _ = granted
    token = portal.redeem(location).json()["refresh_token"]
    assert portal.refresh(token, scope="openid admin").json()["error"] == "invalid_scope"
    told = portal.refresh(token, scope="openid email").json()
    assert told["scope"] == "openid email"
    assert set(portal.userinfo(told["access_token"]).json()) == {"sub", "email", "email_verified", "memberships"}


@attack("C4")
def test_a_refresh_token_of_another_portal_is_unknown(world: World, granted) -> None:
    portal, location, _, _, agency = granted
    token = portal.redeem(location).json()["refresh_token"]
    assert world.portal(agency).refresh(token).json()["error"] == "invalid_grant"
    assert portal.refresh(token).status_code == 200


def test_without_offline_access_there_is_no_refresh_token(world: World, granted) -> None:
    portal, _, _, person, _ = granted
    person.open(portal.authorize_url(scope="openid"))
    assert "refresh_token" not in portal.redeem(person.sent_to).json()


def test_refresh_tokens_die_of_disuse(world: World, granted) -> None:
    portal, location, _, _, _ = granted
    token = portal.redeem(location).json()["refresh_token"]
    world.clock.advance(days=31)
    assert portal.refresh(token).json()["error"] == "invalid_grant"


# --- client authentication -------------------------------------------------------------------------------------------


def _credentials(world: World, portal: Portal, header: str | bytes | None, **form: str) -> httpx.Response:
    headers = {} if header is None else {"Authorization": header}
    return HTTP.post(f"{world.base}/oauth/token", data={"grant_type": "client_credentials", **form}, headers=headers)


def test_client_credentials_stand_for_the_portal_itself(world: World) -> None:
    portal = world.portal(world.agency())
    told = portal.token(grant_type="client_credentials", scope="profile").json()
    assert claims(told["access_token"])["sub"] == portal.client_id
    assert "refresh_token" not in told
    assert portal.userinfo(told["access_token"]).status_code == 401


def test_client_credentials_do_not_get_openid(world: World) -> None:
    portal = world.portal(world.agency())
    assert portal.token(grant_type="client_credentials", scope="openid").json()["error"] == "invalid_scope"


def test_client_secret_post_works_for_who_registered_it_only(world: World) -> None:
    posts = world.portal(world.agency(), token_endpoint_auth_method="client_secret_post")
    basics = world.portal(world.agency())
    assert _credentials(world, posts, None, client_id=posts.client_id, client_secret=posts.secret).status_code == 200
    wrong = _credentials(world, basics, None, client_id=basics.client_id, client_secret=basics.secret)
    assert (wrong.status_code, wrong.json()["error"]) == (401, "invalid_client")


@pytest.mark.parametrize(
    "header",
    [
        "Basic !!!",
        "Basic " + base64.b64encode(b"no-colon").decode(),
        "Basic " + base64.b64encode(b"\xff\xfe:\xff").decode(),
        "Basic " + base64.b64encode(b":secret").decode(),
        "Basic " + base64.b64encode(b"nobody:secret").decode(),
        "Basic " + base64.b64encode("é:%zz".encode()).decode(),
        "Basic " + "A" * 30000,
        "Bearer abc",
        "Basic",
        "",
    ],
)
@attack("D2")
def test_a_bad_authorization_header_is_invalid_client(world: World, header: str) -> None:
    response = _credentials(world, world.portal(world.agency()), header)
    assert response.status_code in (401, 431), response.text
    if response.status_code == 401:
        assert response.json()["error"] == "invalid_client"
        assert response.headers["www-authenticate"].startswith("Basic")


@attack("D1")
def test_wrong_empty_and_padded_secrets_are_refused(world: World) -> None:
    portal, other = world.portal(world.agency()), world.portal(world.agency())
    for secret in ("wrong", other.secret, f"{portal.secret} ", f"{portal.secret}\n", ""):
        raw = base64.b64encode(f"{portal.client_id}:{secret}".encode()).decode()
        assert _credentials(world, portal, f"Basic {raw}").status_code == 401


@attack("D1")
def test_two_ways_of_authenticating_at_once_are_refused(world: World) -> None:
    portal = world.portal(world.agency())
    raw = base64.b64encode(f"{portal.client_id}:{portal.secret}".encode()).decode()
    response = _credentials(world, portal, f"Basic {raw}", client_id=portal.client_id, client_secret=portal.secret)
    assert response.json()["error"] == "invalid_request"


def test_a_public_portal_redeems_with_its_verifier(world: World) -> None:
    agency = world.agency()
    letter, _ = world.member(agency)
    portal = world.portal(
        agency, token_endpoint_auth_method="none", grant_types=("authorization_code", "refresh_token")
    )
    person = world.signed_in(letter)
    person.open(portal.authorize_url())
    told = portal.redeem(person.sent_to).json()
    assert portal.refresh(told["refresh_token"]).status_code == 200


def test_a_disabled_portal_gets_nothing(world: World) -> None:
    portal = world.portal(world.agency(), disabled_at=world.clock())
    assert portal.token(grant_type="client_credentials").status_code == 401


@pytest.mark.parametrize("path", ["/oauth/token", "/oauth/introspect", "/oauth/revoke"])
@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b'{"grant_type":"client_credentials"}', "application/json"),
        (b"grant_type=client_credentials", "text/plain"),
        (b"grant_type=client_credentials", None),
        (b"\x1f\x8bgarbage", "application/x-www-form-urlencoded"),
        (b"%ED%A0%80=%00&grant_type=%00", "application/x-www-form-urlencoded"),
    ],
)
@attack("B15")
def test_bodies_that_are_no_form_are_refused_in_json(world: World, path: str, body: bytes, kind: str | None) -> None:
    headers = {} if kind is None else {"Content-Type": kind}
    response = HTTP.post(world.base + path, content=body, headers=headers)
    assert response.status_code in (400, 401)
    assert response.json()["error"] in ("invalid_request", "invalid_client", "unsupported_grant_type")


@pytest.mark.parametrize("path", ["/oauth/token", "/oauth/introspect", "/oauth/revoke", "/oauth/register"])
@attack("A26")
def test_get_is_not_allowed_where_secrets_are_posted(world: World, path: str) -> None:
    response = HTTP.get(world.base + path)
    assert response.status_code == 405
    assert "POST" in response.headers["allow"]
    assert response.headers["cache-control"] == "no-store"
    assert response.json()["error"] == "invalid_request"


# --- userinfo, introspection, revocation -----------------------------------------------------------------------------


def test_userinfo_tells_what_the_agency_knows(world: World, granted) -> None:
    portal, location, account_id, _, agency = granted
    token = portal.redeem(location).json()["access_token"]
    told = portal.userinfo(token).json()
    assert told["sub"] == account_id
    assert (told["name"], told["civility"]) == ("Rolande HOAREAU", "Mme")
    assert told["email_verified"] is True
    assert told["phone_number"] == "+33195797853"
    assert told["address"]["postal_code"] == "59469"
    assert told["memberships"] == [
        {
            "client": agency.client,
            "societe": agency.societe,
            "agency_name": agency.name,
            "role": "locataire",
            "mandate": "1777",
            "contracts": [{"reference": "V1001", "role": "locataire", "mandate": "1777"}],
        }
    ]


@attack("H13")
def test_a_portal_sees_only_the_agencies_it_belongs_to(world: World) -> None:
    """Of one agency: that one; of a customer: its companies; of the platform: all of the person's."""
    toulouse = world.agency()
    montpellier = world.agency(customer=toulouse)
    elsewhere = world.agency()
    letter, account_id = world.member(toulouse)
    with world.transaction() as db:
        for agency in (montpellier, elsewhere):
            made = _plain_letter(world, db, agency.id)
            accounts.join(
                db,
                membership_id=world.deps.new_id(),
                account_id=account_id,
                letter=made,
                origin="merge",
                now=world.clock(),
            )
    person = world.signed_in(letter)
    seen = {}
    for name, portal in {
        "agency": world.portal(montpellier),
        "customer": world.portal(None, customer_id=toulouse.customer_id),
        "platform": world.portal(None),
    }.items():
        person.open(portal.authorize_url())
        token = portal.redeem(person.sent_to).json()["access_token"]
        seen[name] = {m["societe"] for m in portal.userinfo(token).json()["memberships"]}
    assert seen == {
        "agency": {montpellier.societe},
        "customer": {toulouse.societe, montpellier.societe},
        "platform": {toulouse.societe, montpellier.societe, elsewhere.societe},
    }


def _plain_letter(world: World, db, agency_id: str):
    now = world.clock()
    letter_id = world.deps.new_id()
    db.add(
        ProvisionalAccount(
            id=letter_id,
            agency_id=agency_id,
            identifier=letter_id,
            identifier_key=letter_id,
            password_digest="-",
            expires_at=now,
            civility="",
            last_name="A",
            first_name="B",
            company_name="",
            street="",
            postal_code="",
            city="",
            role="locataire",
            mandate="",
            import_run="test",
            import_line=1,
            import_digest="-",
            created_at=now,
            updated_at=now,
        )
    )
    db.flush()
    return accounts.letter(db, letter_id)


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_userinfo_takes_the_token_in_the_header(world: World, granted, method: str) -> None:
    portal, location, _, _, _ = granted
    token = portal.redeem(location).json()["access_token"]
    response = HTTP.request(method, f"{world.base}/oauth/userinfo", headers={"Authorization": f"bearer {token}"})
    assert response.status_code == 200


@attack("B14")
def test_userinfo_takes_the_token_in_a_form_and_never_in_the_query(world: World, granted) -> None:
    portal, location, _, _, _ = granted
    token = portal.redeem(location).json()["access_token"]
    url = f"{world.base}/oauth/userinfo"
    assert HTTP.post(url, data={"access_token": token}).status_code == 200
    assert HTTP.get(url, params={"access_token": token}).status_code == 401
    both = HTTP.post(url, data={"access_token": token}, headers={"Authorization": f"Bearer {token}"})
    assert both.status_code == 400


@pytest.mark.parametrize("token", ["x", "a.b.c", "é", "x" * 70000, "eyJhbGciOiJub25lIn0.eyJzdWIiOiJ4In0."])
@attack("C14")
def test_a_bad_bearer_token_is_told_so(world: World, token: str) -> None:
    headers = {"Authorization": f"Bearer {token}".encode()}
    response = HTTP.get(f"{world.base}/oauth/userinfo", headers=headers)
    assert response.status_code in (400, 401, 431)
    if response.status_code == 401:
        told = response.headers["www-authenticate"]
        # granian hands no header on that is no ASCII: then there is no token at all.
        assert 'error="invalid_token"' in told or (not token.isascii() and "error" not in told)


@attack("C14")
def test_no_token_at_all_is_told_the_scheme_only(world: World) -> None:
    response = HTTP.get(f"{world.base}/oauth/userinfo")
    assert (response.status_code, response.headers["www-authenticate"]) == (401, 'Bearer realm="userinfo"')


@attack("C12")
def test_an_id_token_is_no_access_token(world: World, granted) -> None:
    portal, location, _, _, _ = granted
    assert portal.userinfo(portal.redeem(location).json()["id_token"]).status_code == 401


@attack("C15")
def test_access_tokens_expire(world: World, granted) -> None:
    portal, location, _, _, _ = granted
    token = portal.redeem(location).json()["access_token"]
    world.clock.advance(minutes=11)
    assert portal.userinfo(token).status_code == 401


@attack("C11")
def test_introspection_tells_the_portals_own_tokens_only(world: World, granted) -> None:
    portal, location, account_id, _, agency = granted
    told = portal.redeem(location).json()
    for kind in ("access_token", "refresh_token"):
        found = portal.post("/oauth/introspect", token=told[kind], token_type_hint="bogus").json()
        assert (found["active"], found["sub"], found["client_id"]) == (True, account_id, portal.client_id)
        assert world.portal(agency).post("/oauth/introspect", token=told[kind]).json() == {"active": False}
    assert portal.post("/oauth/introspect", token="unknown").json() == {"active": False}


@attack("C11")
def test_revoking_a_refresh_token_ends_the_access_token_too(world: World, granted) -> None:
    portal, location, _, _, agency = granted
    told = portal.redeem(location).json()
    assert world.portal(agency).post("/oauth/revoke", token=told["refresh_token"]).status_code == 200
    assert portal.userinfo(told["access_token"]).status_code == 200
    assert portal.post("/oauth/revoke", token=told["refresh_token"], token_type_hint="bogus").status_code == 200
    assert portal.userinfo(told["access_token"]).status_code == 401
    assert portal.refresh(told["refresh_token"]).json()["error"] == "invalid_grant"
    assert portal.post("/oauth/revoke", token="unknown").status_code == 200
