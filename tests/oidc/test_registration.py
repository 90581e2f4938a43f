"""Dynamic registration over HTTP: who may register what, what is told, and who may manage it (RFC 7591, RFC 7592).

Attack cases 069, 070, 071, 076, 193, 224. The rules of each field are in test_registration_rules.py.
"""

from __future__ import annotations

import base64
import json
import secrets
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx2 as httpx
import pytest
from joserfc import jws
from joserfc.jwk import ECKey
from oic.oic import Client as OicClient
from oic.utils.authn.client import CLIENT_AUTHN_METHOD, assertion_jwt
from oic.utils.keyio import KeyBundle, KeyJar
from sqlalchemy import select, update

from idp.audit.tables import AuditEvent
from idp.digests import Kind
from idp.oidc.authentication.presented import ASSERTION_TYPE
from idp.oidc.consent import store as consents
from idp.oidc.consent.flow import Consent
from idp.oidc.registration import statements, store
from idp.oidc.registration.tables import Client, InitialAccessToken
from idp.throttle.tables import ThrottleCounter
from tests.support.installed import installations, provider_on
from tests.support.mailbox import Mailbox
from tests.support.outside import Authority, Host
from tests.support.world import HTTP, AgencyMade, Portal, ProviderServer, World

BACK = "https://application.example/retour"
VOUCHES, VOUCHER = "https://editeur.example", ECKey.generate_key("P-256", {"kid": "voucher"})


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module", params=installations())
def open_server(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    mailbox: Mailbox,
    authority: Authority,
    new_database: Any,
) -> Iterator[ProviderServer]:
    """A provider where anybody may register, and which may fetch from this machine."""
    folder = tmp_path_factory.mktemp("open")
    trusted = folder / "statements.json"
    trusted.write_text(json.dumps({VOUCHES: {"keys": [VOUCHER.as_dict(private=False)]}}))
    server = provider_on(
        request.param,
        folder,
        mailbox,
        new_database,
        IDP_REGISTRATION="open",
        IDP_SOFTWARE_STATEMENT_KEYS_FILE=str(trusted),
        IDP_FETCH_ALLOWED_NETWORKS="127.0.0.0/8",
        IDP_FETCH_CA_FILE=str(authority.file),
        IDP_REGISTRATIONS_PER_NETWORK_PER_HOUR="400",
    )
    yield server
    server.stop()


@pytest.fixture
def opened(open_server: ProviderServer) -> World:
    return World(open_server)


@pytest.fixture(scope="module", params=installations()[:1])
def token_server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, mailbox: Mailbox, new_database: Any
) -> Iterator[ProviderServer]:
    folder = tmp_path_factory.mktemp("token")
    server = provider_on(request.param, folder, mailbox, new_database, IDP_REGISTRATION="token")
    yield server
    server.stop()


@pytest.fixture
def guarded(token_server: ProviderServer) -> World:
    return World(token_server)


def register(world: World, token: str | None = None, **document: Any) -> httpx.Response:
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    body = {"client_name": "Application", "redirect_uris": [BACK], **document}
    return HTTP.post(f"{world.base}/oauth/register", json=body, headers=headers)


def registered(world: World, **document: Any) -> dict[str, Any]:
    response = register(world, **document)
    assert response.status_code == 201, response.text
    told: dict[str, Any] = response.json()
    return told


def manage(told: dict[str, Any], method: str, document: Any = None, token: str | None = None) -> httpx.Response:
    headers = {"Authorization": f"Bearer {token or told['registration_access_token']}"}
    return HTTP.request(method, told["registration_client_uri"], headers=headers, json=document)


def initial_token(world: World, *, uses: int = 1, agency: AgencyMade | None = None) -> str:
    token, now = secrets.token_urlsafe(32), world.clock()
    with world.transaction() as db:
        store.add_token(
            db,
            id=world.deps.new_id(),
            digest=world.deps.digests.digest(Kind.INITIAL_ACCESS_TOKEN, token),
            name="test",
            customer_id=None,
            agency_id=agency.id if agency else None,
            uses_left=uses,
            created_at=now,
            expires_at=now + timedelta(days=1),
        )
    return token


def refused(response: httpx.Response, error: str, about: str = "") -> None:
    assert (response.status_code, response.headers["cache-control"]) == (400, "no-store")
    assert response.json()["error"] == error
    assert about in response.json()["error_description"]


# --- registering ---------------------------------------------------------------------------------------------------------


def test_what_is_registered_is_told_with_every_default(opened: World) -> None:
    response = register(opened)
    told = response.json()
    assert (response.status_code, response.headers["cache-control"]) == (201, "no-store")
    assert {name: told[name] for name in told if name not in ("client_id", "client_secret")} == {
        "client_name": "Application",
        "redirect_uris": [BACK],
        "application_type": "web",
        "token_endpoint_auth_method": "client_secret_basic",
        "grant_types": ["authorization_code"],
        "response_types": ["code"],
        "scope": "openid profile email address phone offline_access",
        "subject_type": "public",
        "id_token_signed_response_alg": "RS256",
        "require_auth_time": False,
        "require_signed_request_object": False,
        "backchannel_logout_session_required": False,
        "frontchannel_logout_session_required": False,
        "client_id_issued_at": told["client_id_issued_at"],
        "client_secret_expires_at": 0,
        "registration_access_token": told["registration_access_token"],
        "registration_client_uri": f"{opened.base}/oauth/register/{told['client_id']}",
    }
    assert abs(told["client_id_issued_at"] - time.time()) < 60
    assert len(told["client_secret"]) == len(told["registration_access_token"]) == 43


def test_a_registered_web_application_is_not_refused_for_want_of_pkce(opened: World) -> None:
    """The suite's Basic plan sends no PKCE; a client that can keep a secret works without."""
    agency = opened.agency()
    letter, _ = opened.member(agency)
    told = registered(opened)
    portal = Portal(opened.base, told["client_id"], told["client_secret"], BACK)
    person = opened.signed_in(letter)
    with opened.reading() as db:
        client = store.find(db, told["client_id"], now=opened.clock())
    assert client is not None
    assert (client.first_party, client.dynamic, client.require_pkce) == (False, True, False)
    answered = person.get(portal.authorize_url(code_challenge=None, code_challenge_method=None))
    assert "error=" not in answered.headers.get("location", "")


@pytest.mark.parametrize("document", [{"token_endpoint_auth_method": "none"}, {"application_type": "native"}], ids=str)
def test_public_and_native_clients_need_pkce(opened: World, document: dict[str, Any]) -> None:
    told = registered(opened, **document)
    with opened.reading() as db:
        client = store.find(db, told["client_id"], now=opened.clock())
    assert client is not None
    assert client.require_pkce
    assert ("client_secret" in told) == (document.get("token_endpoint_auth_method") != "none")


def test_a_client_of_keys_has_no_secret_and_proves_itself_with_them(opened: World) -> None:
    key = ECKey.generate_key("P-256", {"kid": "k"})
    told = registered(
        opened,
        token_endpoint_auth_method="private_key_jwt",
        jwks={"keys": [{**key.as_dict(private=False), "ext": True, "extra": {"a": 1}}], "more": [[[]]]},
    )
    assert "client_secret" not in told
    assert "client_secret_expires_at" not in told
    assert told["jwks"] == {"keys": [{**key.as_dict(private=False), "ext": True}]}


def test_secrets_and_tokens_are_stored_as_digests(opened: World) -> None:
    told = registered(opened)
    with opened.reading() as db:
        row = db.scalars(select(Client).where(Client.id == told["client_id"])).one()
        client = store.find(db, told["client_id"], now=opened.clock())
    assert told["registration_access_token"] not in str(vars(row))
    assert told["client_secret"] not in str(vars(client))


def test_what_is_said_in_several_languages_is_kept_and_told(opened: World) -> None:
    document = {
        "client_name#fr": "Mon extranet",
        "client_name#ja-Jpan-JP": "クライアント名",
        "logo_uri#fr": "https://application.example/logo-fr.png",
    }
    told = registered(opened, **document)
    assert {name: told[name] for name in document} == document
    assert manage(told, "GET").json()["client_name#fr"] == "Mon extranet"


def test_what_is_not_known_is_left_out(opened: World) -> None:
    told = registered(
        opened,
        tls_client_auth_subject_dn="CN=x",
        first_party=True,
        default_portal=True,
        require_pkce=False,
        agency_id="x",
        dynamic=False,
        secret_digests=["x"],
        resources=["https://api.example"],
        client_id="chosen-by-me",
        client_secret="chosen-by-me",
        scope="openid email groups",
    )
    assert told["client_id"] != "chosen-by-me"
    assert told["client_secret"] != "chosen-by-me"
    assert told["scope"] == "openid email"
    assert not {"first_party", "default_portal", "resources", "tls_client_auth_subject_dn", "dynamic"} & set(told)


def test_registering_is_audited_without_secrets(opened: World) -> None:
    told = registered(opened)
    manage(told, "DELETE")
    with opened.reading() as db:
        events = db.scalars(select(AuditEvent).where(AuditEvent.cause == told["client_id"])).all()
    assert [event.name for event in events] == ["registration.created", "registration.deleted"]
    assert told["client_secret"] not in str([event.details for event in events])


def test_addresses_that_are_told_are_the_issuers_whatever_host_is_asked(opened: World) -> None:
    response = HTTP.post(
        f"{opened.base}/oauth/register",
        json={"redirect_uris": [BACK]},
        headers={"X-Forwarded-Host": "evil.example", "Host": "evil.example"},
    )
    assert response.json()["registration_client_uri"].startswith(f"{opened.base}/oauth/register/")


def test_pyoidc_registers_itself_reads_it_again_and_proves_itself_with_its_key(opened: World) -> None:
    """A library that nobody here wrote, as it is: its audience is a list, its proofs live ten minutes."""
    jar = KeyJar()
    key = ECKey.generate_key("P-256", {"kid": "pyoidc"})
    bundle = KeyBundle({**key.as_dict(private=True), "use": "sig"})
    jar.add_kb("", bundle)
    client = OicClient(client_authn_method=CLIENT_AUTHN_METHOD, keyjar=jar)
    client.base_url = "https://application.example/"
    client.provider_config(opened.base)
    told = client.register(
        f"{opened.base}/oauth/register",
        redirect_uris=[BACK],
        application_type="web",
        token_endpoint_auth_method="private_key_jwt",
        token_endpoint_auth_signing_alg="ES256",
        jwks={"keys": [key.as_dict(private=False)]},
    )
    assert told["token_endpoint_auth_method"] == "private_key_jwt"
    assert client.registration_read()["client_id"] == told["client_id"]
    proof = assertion_jwt(client, bundle.keys(), f"{opened.base}/oauth/token", "ES256")
    form = {"grant_type": "authorization_code", "code": "unknown", "redirect_uri": BACK}
    sent = {**form, "client_assertion_type": ASSERTION_TYPE, "client_assertion": proof}
    answered = HTTP.post(f"{opened.base}/oauth/token", data=sent)
    assert answered.json()["error"] == "invalid_grant"  # proven, and then refused for its code only


# --- who may --------------------------------------------------------------------------------------------------------------


def test_atk_069_by_default_nobody_registers_and_nobody_is_told_where(world: World) -> None:
    response = register(world)
    assert (response.status_code, response.json()["error"]) == (403, "access_denied")
    assert "registration_endpoint" not in HTTP.get(f"{world.base}/.well-known/openid-configuration").json()


def test_an_open_provider_tells_where(opened: World) -> None:
    told = HTTP.get(f"{opened.base}/.well-known/openid-configuration").json()
    assert told["registration_endpoint"] == f"{opened.base}/oauth/register"


@pytest.mark.parametrize("token", [None, "wrong", "x" * 5000, "é"])
def test_atk_069_with_tokens_a_client_without_one_is_refused(guarded: World, token: str | None) -> None:
    response = register(guarded) if token is None else _raw_token(guarded, token)
    assert (response.status_code, response.json()["error"]) == (401, "invalid_token")
    assert response.headers["www-authenticate"].startswith("Bearer ")


def _raw_token(world: World, token: str) -> httpx.Response:
    headers = {"Authorization": f"Bearer {token}".encode(), "Content-Type": "application/json"}
    return HTTP.post(f"{world.base}/oauth/register", content=b"{}", headers=headers)


def test_a_token_says_whom_the_clients_belong_to(guarded: World) -> None:
    agency = guarded.agency()
    told = register(guarded, initial_token(guarded, agency=agency)).json()
    with guarded.reading() as db:
        client = store.find(db, told["client_id"], now=guarded.clock())
    assert client is not None
    assert client.agency_id == agency.id


def test_a_token_registers_as_often_as_it_may(guarded: World) -> None:
    token = initial_token(guarded, uses=2)
    assert [register(guarded, token).status_code for _ in range(3)] == [201, 201, 401]


def test_a_refused_registration_does_not_use_the_token_up(guarded: World) -> None:
    token = initial_token(guarded)
    refused(register(guarded, token, redirect_uris=["http://a.example/"]), "invalid_redirect_uri")
    assert register(guarded, token).status_code == 201


def test_an_expired_or_revoked_token_is_refused(guarded: World) -> None:
    token = initial_token(guarded, uses=9)
    guarded.clock.advance(days=2)
    assert register(guarded, token).status_code == 401
    token = initial_token(guarded, uses=9)
    with guarded.transaction() as db:
        for row in db.scalars(select(InitialAccessToken)):
            store.revoke_token(db, row.id, now=guarded.clock())
    assert register(guarded, token).status_code == 401


def test_of_sixteen_at_once_with_one_use_one_wins(opened: World) -> None:
    token, barrier, codes = initial_token(opened), threading.Barrier(16), []

    def one() -> None:
        barrier.wait()
        codes.append(register(opened, token).status_code)

    threads = [threading.Thread(target=one) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(codes) == [201] + [401] * 15


def test_one_network_cannot_fill_an_open_provider(opened: World) -> None:
    opened.forget_attempts()
    codes = [register(opened, redirect_uris=[BACK]).status_code for _ in range(5)]
    assert codes == [201] * 5
    with opened.transaction() as db:
        db.execute(update(ThrottleCounter).values(attempts=500))
    register(opened)  # past the free ones: counted, and from now on there is a delay
    response = register(opened)
    assert response.status_code == 429
    assert int(response.headers["retry-after"]) >= 1
    assert response.json()["error"] == "access_denied"


# --- what is refused ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"nonsense",
        b"[]",
        b"null",
        b"1",
        b'"text"',
        b"{",
        b"\xff",
        b'{"client_name": NaN}',
        b'{"client_name": "\\ud800"}',
        b'{"client_name": ' + b"[" * 30_000 + b"]" * 30_000 + b"}",
        b'{"jwks": ' + b'{"a":' * 900 + b"1" + b"}" * 900 + b"}",
        b'{"jwks": {"keys": ' + b"[" * 900 + b"]" * 900 + b"}}",
        b'{"default_max_age": 1e400}',
        b'{"default_max_age": 123456789012345678901234567890}',
    ],
    ids=range(15),
)
def test_a_body_that_is_no_document_is_refused(opened: World, body: bytes) -> None:
    response = HTTP.post(f"{opened.base}/oauth/register", content=body, headers={"Content-Type": "application/json"})
    assert response.status_code == 400, response.text
    assert response.json()["error"] in ("invalid_client_metadata", "invalid_redirect_uri")


@pytest.mark.parametrize("kind", ["", "text/plain", "application/x-www-form-urlencoded", "application/jose"])
def test_a_body_of_another_type_is_refused(opened: World, kind: str) -> None:
    content = json.dumps({"redirect_uris": [BACK]}).encode()
    response = HTTP.post(f"{opened.base}/oauth/register", content=content, headers={"Content-Type": kind})
    refused(response, "invalid_client_metadata", "application/json")


@pytest.mark.parametrize("name", ["redirect_uris", "client_name", "jwks", "contacts", "default_max_age", "scope"])
@pytest.mark.parametrize(
    "value",
    [1, -1, 1.5, True, "\x00", "a\x00b", [], [1], [[]], [None], {}, {"a": 1}, "x" * 40_000, ["x" * 40_000], ["\x00"]],
    ids=lambda value: str(value)[:12].replace("\x00", "NUL"),
)
def test_atk_224_a_value_of_the_wrong_shape_is_refused_and_nothing_fails(opened: World, name: str, value: Any) -> None:
    response = register(opened, **{name: value})
    fine = (name == "contacts" and value == []) or (name == "default_max_age" and value == 1 and value is not True)
    assert response.status_code == (201 if fine else 400), response.text


def test_atk_076_a_huge_document_is_refused_fast(opened: World) -> None:
    began = time.monotonic()
    assert register(opened, padding="x" * 100_000).status_code == 413
    refused(register(opened, redirect_uris=[f"{BACK}/{number}" for number in range(1_200)]), "invalid_redirect_uri")
    assert time.monotonic() - began < 2


@pytest.mark.parametrize(
    ("document", "error", "about"),
    [
        ({"redirect_uris": ["javascript:alert(1)"]}, "invalid_redirect_uri", "redirect_uris"),
        ({"redirect_uris": [f"{BACK}#part"]}, "invalid_redirect_uri", "fragment"),
        ({"redirect_uris": []}, "invalid_redirect_uri", "redirect_uris"),
        ({"logo_uri": "https://10.0.0.1/logo.png"}, "invalid_client_metadata", "logo_uri"),
        ({"jwks": {"keys": []}, "jwks_uri": "https://a.example/"}, "invalid_client_metadata", "jwks_uri"),
        ({"grant_types": ["password"]}, "invalid_client_metadata", "grant_types"),
        ({"client_name": "<script>alert(1)</script>"}, "invalid_client_metadata", "client_name"),
        ({"client_name": "Banque\u202egnip"}, "invalid_client_metadata", "client_name"),
        ({"software_statement": "a.b.c"}, "invalid_software_statement", "software_statement"),
        ({"software_statement": "unsigned"}, "invalid_software_statement", "software_statement"),
        ({"initiate_login_uri": "http://127.0.0.1/"}, "invalid_client_metadata", "initiate_login_uri"),
    ],
    ids=lambda value: str(value)[:40] if isinstance(value, dict) else "",
)
def test_atk_069_bad_metadata_has_the_standards_error_and_names_its_field(
    opened: World, document: dict[str, Any], error: str, about: str
) -> None:
    refused(register(opened, **document), error, about)


def statement(world: World, *, key: ECKey = VOUCHER, header: dict[str, Any] | None = None, **said: Any) -> str:
    """A software statement of the trusted issuer, unless said otherwise."""
    claims = {"iss": VOUCHES, "software_id": "extranet-2", **said}
    signed = jws.serialize_compact({"alg": "ES256", "kid": "voucher"}, json.dumps(claims), key)
    if header is None:
        return signed
    first = base64.urlsafe_b64encode(json.dumps({"alg": "ES256", "kid": "voucher", **header}).encode()).rstrip(b"=")
    return ".".join([first.decode(), *signed.split(".")[1:]])


def test_what_a_trusted_statement_says_goes_before_what_stands_beside_it(opened: World) -> None:
    """RFC 7591 3.1.1, and 3.2.1: the statement is told back as it came."""
    sent = statement(
        opened,
        client_name="Extranet de l'éditeur",
        redirect_uris=[BACK],
        first_party=True,
        **{"client_name#en": "Portal"},
    )
    told = registered(opened, software_statement=sent, client_name="Banque", redirect_uris=["https://evil.example/"])
    assert told["client_name"] == "Extranet de l'éditeur"
    assert told["client_name#en"] == "Portal"
    assert told["redirect_uris"] == [BACK]
    assert (told["software_id"], told["software_statement"]) == ("extranet-2", sent)
    assert manage(told, "GET").json()["software_statement"] == sent
    with opened.reading() as db:
        client = store.find(db, told["client_id"], now=opened.clock())
    assert client is not None
    assert (client.first_party, client.dynamic) == (False, True)


def test_what_a_statement_vouches_for_follows_the_rules_of_every_registration(opened: World) -> None:
    refused(
        register(opened, software_statement=statement(opened, redirect_uris=["http://evil.example/"])),
        "invalid_redirect_uri",
        "redirect_uris",
    )
    told = registered(opened, software_statement=statement(opened))
    document = {
        "client_id": told["client_id"],
        "redirect_uris": [BACK],
        "software_statement": told["software_statement"],
    }
    assert manage(told, "PUT", document).json()["software_id"] == "extranet-2"
    document["software_statement"] = statement(opened, key=ECKey.generate_key("P-256"))
    assert manage(told, "PUT", document).json()["error"] == "invalid_software_statement"


def test_a_statement_that_nobody_trusted_signed_or_that_says_too_much_is_refused(opened: World, guarded: World) -> None:
    now = int(opened.clock().timestamp())
    none = base64.urlsafe_b64encode(b'{"alg":"none"}').rstrip(b"=").decode()
    good = statement(opened)
    bad = {
        "another key": statement(opened, key=ECKey.generate_key("P-256")),
        "changed": f"{good.split('.')[0]}.{statement(opened, x=1).split('.')[1]}.{good.split('.')[2]}",
        "unsigned": f"{none}.{good.split('.')[1]}.",
        "expired": statement(opened, exp=now - 3600),
        "not yet": statement(opened, nbf=now + 3600),
        "for somebody else": statement(opened, aud="https://another.example"),
        "a time that is none": statement(opened, exp="never"),
        **{
            name: statement(opened, header={name: value})
            for name, value in {"crit": ["x"], "zip": "DEF", "kid": 5}.items()
        },
        "its own key": statement(opened, header={"jwk": VOUCHER.as_dict(private=False)}),
        "another algorithm": statement(opened, header={"alg": "HS256"}),
        "huge": statement(opened, x="y" * 20_000),
        "encrypted": "a.b.c.d.e",
        "a text": "x",
    }
    for kind, one in bad.items():
        response = register(opened, software_statement=one)
        assert (response.status_code, response.json()["error"]) == (400, "invalid_software_statement"), kind
    assert register(opened, software_statement=["x"]).json()["error"] == "invalid_software_statement"
    unknown = statement(opened, iss="https://inconnu.example")
    assert register(opened, software_statement=unknown).json()["error"] == "unapproved_software_statement"
    # Where no issuer is named nobody's is believed.
    response = register(guarded, initial_token(guarded), software_statement=good)
    assert response.json()["error"] == "unapproved_software_statement"
    assert registered(opened, software_statement=statement(opened, aud=[opened.base], exp=now + 60))["software_id"]


@pytest.mark.parametrize("text", ["[]", "{", '{"https://x.example": {"keys": []}}', '{"https://x.example": 1}'])
def test_a_file_of_trusted_issuers_that_is_malformed_is_told_at_the_start(tmp_path: Path, text: str) -> None:
    (tmp_path / "trusted.json").write_text(text)
    with pytest.raises(ValueError, match="software_statement_keys_file"):
        statements.issuers(str(tmp_path / "trusted.json"))


def test_a_secret_that_one_should_not_have_is_not_repeated(opened: World) -> None:
    private = ECKey.generate_key("P-256").as_dict(private=True)
    response = register(opened, jwks={"keys": [private]})
    refused(response, "invalid_client_metadata", "jwks")
    assert str(private["d"]) not in response.text


# --- the sector -----------------------------------------------------------------------------------------------------------------


@pytest.fixture
def host(authority: Authority) -> Iterator[Host]:
    host = Host(authority)
    yield host
    host.stop()


def test_a_sector_document_that_lists_the_redirect_addresses_is_accepted(opened: World, host: Host) -> None:
    """As in the suite's oidcc-registration-sector-uri."""
    host.pages["/sector"] = json.dumps([BACK, "https://other.example/"]).encode()
    told = registered(opened, subject_type="pairwise", sector_identifier_uri=f"{host.url}/sector")
    assert told["subject_type"] == "pairwise"


@pytest.mark.parametrize("page", [b"[]", b'["https://other.example/"]', b"nonsense", b"{}", b'"text"', None])
def test_a_sector_document_that_does_not_is_refused(opened: World, host: Host, page: bytes | None) -> None:
    """As in the suite's oidcc-registration-sector-bad."""
    if page is not None:
        host.pages["/sector"] = page
    document = {"subject_type": "pairwise", "sector_identifier_uri": f"{host.url}/sector"}
    refused(register(opened, **document), "invalid_client_metadata", "sector_identifier_uri")
    assert len(host.asked) == 1


def test_a_sector_document_inside_this_network_is_not_read(opened: World, guarded: World, host: Host) -> None:
    response = register(guarded, initial_token(guarded), sector_identifier_uri=f"{host.url}/sector")
    refused(response, "invalid_client_metadata", "sector_identifier_uri")
    response = register(guarded, initial_token(guarded), sector_identifier_uri=f"https://127.1:{host.port}/sector")
    refused(response, "invalid_client_metadata", "sector_identifier_uri")
    assert host.connections == 0


# --- managing ---------------------------------------------------------------------------------------------------------------------


def test_a_registration_is_read_with_its_token_and_without_its_secret(opened: World) -> None:
    told = registered(opened, initiate_login_uri="https://application.example/go")
    response = manage(told, "GET")
    assert (response.status_code, response.headers["cache-control"]) == (200, "no-store")
    secret = {"client_secret": told["client_secret"], "client_secret_expires_at": 0}
    assert {**response.json(), **secret} == told


def test_an_update_replaces_the_whole(opened: World) -> None:
    told = registered(opened, policy_uri="https://application.example/policy", contacts=["a@application.example"])
    changed = manage(
        told,
        "PUT",
        {
            "client_id": told["client_id"],
            "client_name": "Neuf",
            "redirect_uris": [BACK],
            "tos_uri": "https://a.example/",
        },
    )
    assert changed.status_code == 200
    assert changed.json()["client_name"] == "Neuf"
    assert "policy_uri" not in changed.json()
    assert "contacts" not in changed.json()
    assert "client_secret" not in changed.json()
    assert manage(told, "GET").json() == changed.json()
    portal = Portal(opened.base, told["client_id"], told["client_secret"], BACK)
    assert portal.token(grant_type="authorization_code", code="unknown", redirect_uri=BACK).status_code == 400


@pytest.mark.parametrize(
    "document",
    [
        {},
        {"client_id": "other"},
        {"client_id": "OWN", "client_secret": "wrong"},
        {"client_id": "OWN", "client_secret": 5},
        {"client_id": "OWN", "client_secret_expires_at": 0},
        {"client_id": "OWN", "client_id_issued_at": 1},
        {"client_id": "OWN", "registration_access_token": "x"},
        {"client_id": "OWN", "registration_client_uri": "x"},
        {"client_id": "OWN", "redirect_uris": []},
        {"client_id": "OWN", "grant_types": ["authorization_code", "client_credentials"]},
    ],
    ids=str,
)
def test_an_update_says_nothing_that_it_may_not(opened: World, document: dict[str, Any]) -> None:
    told = registered(opened)
    own = {name: told["client_id"] if value == "OWN" else value for name, value in document.items()}
    assert manage(told, "PUT", {"redirect_uris": [BACK], **own}).status_code == 400
    assert manage(told, "PUT", [1]).status_code == 400
    assert manage(told, "GET").json()["redirect_uris"] == [BACK]


def test_an_update_may_repeat_the_present_secret(opened: World) -> None:
    told = registered(opened)
    own = {"client_id": told["client_id"], "client_secret": told["client_secret"], "redirect_uris": [BACK]}
    assert manage(told, "PUT", own).status_code == 200


@pytest.mark.parametrize(
    ("changed", "remembered"),
    [
        ({}, True),
        ({"contacts": ["a@application.example"]}, True),
        ({"redirect_uris": [f"{BACK}/autre"]}, True),
        ({"client_name": "Ma Banque"}, False),
        ({"client_name#fr": "Ma Banque"}, False),
        ({"logo_uri": "https://banque.example/logo.png"}, False),
        ({"redirect_uris": ["https://autre.example/retour"]}, False),
    ],
    ids=str,
)
def test_a_client_that_changes_its_face_asks_people_again(
    opened: World, changed: dict[str, Any], remembered: bool
) -> None:
    _, account_id = opened.member(opened.agency())
    told = registered(opened)
    given = Consent(told["client_id"], frozenset({"openid"}), frozenset(), opened.clock())
    with opened.transaction() as db:
        consents.save(db, account_id, given)
    own = {"client_id": told["client_id"], "client_name": "Application", "redirect_uris": [BACK]}
    assert manage(told, "PUT", {**own, **changed}).status_code == 200
    with opened.reading() as db:
        found = consents.find(db, account_id=account_id, client_id=told["client_id"])
    assert (found is not None) == remembered


def test_a_change_of_method_brings_the_secret_it_needs_and_ends_the_other(opened: World) -> None:
    told = registered(opened)
    own = {"client_id": told["client_id"], "redirect_uris": [BACK]}
    keyed = manage(told, "PUT", {**own, "token_endpoint_auth_method": "client_secret_jwt"}).json()
    assert keyed["client_secret"] != told["client_secret"]
    none = manage(told, "PUT", {**own, "token_endpoint_auth_method": "none"}).json()
    assert "client_secret" not in none
    back = manage(told, "PUT", own).json()
    assert back["client_secret"] not in (told["client_secret"], keyed["client_secret"])
    with opened.reading() as db:
        client = store.find(db, told["client_id"], now=opened.clock())
    assert client is not None
    assert len(client.secret_digests) == 1


def test_deleting_revokes_what_people_granted(opened: World) -> None:
    agency = opened.agency()
    letter, _ = opened.member(agency)
    told = registered(opened)
    with opened.transaction() as db:
        client = store.find(db, told["client_id"], now=opened.clock())
        assert client is not None
        store.change(db, opened.deps, replace(client, first_party=True))  # so that the test needs no consent page
    portal = Portal(opened.base, told["client_id"], told["client_secret"], BACK)
    person = opened.signed_in(letter)
    person.open(portal.authorize_url())
    tokens = portal.redeem(person.sent_to).json()
    assert portal.userinfo(tokens["access_token"]).status_code == 200
    response = manage(told, "DELETE")
    assert (response.status_code, response.content) == (204, b"")
    assert portal.userinfo(tokens["access_token"]).status_code == 401
    assert manage(told, "GET").status_code == 401
    assert manage(told, "DELETE").status_code == 401


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_atk_070_a_registration_answers_to_its_own_token_only(opened: World, method: str) -> None:
    mine, other = registered(opened), registered(opened)
    portal = opened.portal(None)
    document = {"client_id": mine["client_id"], "redirect_uris": ["https://evil.example/"]}
    answers = [
        manage(mine, method, document, token=other["registration_access_token"]),
        manage(mine, method, document, token=mine["client_secret"]),
        manage(mine, method, document, token="x"),
        HTTP.request(method, mine["registration_client_uri"], json=document),
        HTTP.request(method, mine["registration_client_uri"], json=document, headers={"Authorization": "Bearer"}),
        HTTP.request(method, mine["registration_client_uri"], json=document, headers={"Authorization": "Basic eDp5"}),
        # Clients of the operator have no such token, not even an empty one.
        manage({"registration_client_uri": f"{opened.base}/oauth/register/{portal.client_id}"}, method, document, "x"),
        manage({"registration_client_uri": f"{opened.base}/oauth/register/nobody"}, method, document, "x"),
    ]
    nul = manage({"registration_client_uri": f"{opened.base}/oauth/register/%00"}, method, document, "x")
    assert nul.status_code in (401, 400), "nginx takes no such address"
    assert {response.status_code for response in answers} == {401}
    assert {response.json()["error"] for response in answers} == {"invalid_token"}
    assert manage(mine, "GET").json()["redirect_uris"] == [BACK]


def test_atk_070_a_client_cannot_give_itself_more(opened: World) -> None:
    told = registered(opened)
    manage(
        told,
        "PUT",
        {
            "client_id": told["client_id"],
            "redirect_uris": [BACK],
            "first_party": True,
            "agency_id": "x",
            "scope": "openid admin",
        },
    )
    with opened.reading() as db:
        client = store.find(db, told["client_id"], now=opened.clock())
    assert client is not None
    assert (client.first_party, client.dynamic, client.agency_id, client.scope) == (False, True, None, "openid")


def test_a_disabled_client_cannot_manage_itself(opened: World) -> None:
    told = registered(opened)
    with opened.transaction() as db:
        client = store.find(db, told["client_id"], now=opened.clock())
        assert client is not None
        store.change(db, opened.deps, replace(client, disabled_at=opened.clock()))
    assert manage(told, "GET").status_code == 401


def test_atk_071_ids_of_clients_are_no_subjects_of_people(opened: World) -> None:
    _, account_id = opened.member(opened.agency())
    told = registered(opened)
    assert told["client_id"].startswith("app-")
    assert not account_id.startswith("app-")


def test_atk_193_what_is_registered_to_be_shown_is_not_fetched(opened: World, host: Host) -> None:
    pages = {name: f"{host.url}/{name}" for name in ("logo_uri", "policy_uri", "tos_uri", "client_uri", "jwks_uri")}
    told = registered(opened, **pages)
    assert {name: told[name] for name in pages} == pages
    assert host.connections == 0
