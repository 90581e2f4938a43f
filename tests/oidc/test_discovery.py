"""What portals' software reads first (OIDC Discovery 3; RFC 8414; RFC 7517)."""

from __future__ import annotations

from idp.oidc import discovery
from idp.settings import Settings
from tests.attacks import attack
from tests.support.world import HTTP, World


def test_the_metadata_names_the_issuer_exactly_and_both_documents_agree(world: World) -> None:
    openid = HTTP.get(f"{world.base}/.well-known/openid-configuration")
    oauth = HTTP.get(f"{world.base}/.well-known/oauth-authorization-server")
    assert openid.json() == oauth.json()
    assert openid.json()["issuer"] == world.base


def test_every_announced_endpoint_answers(world: World) -> None:
    told = HTTP.get(f"{world.base}/.well-known/openid-configuration").json()
    for name, address in told.items():
        if name.endswith("_endpoint") or name == "jwks_uri":
            assert HTTP.get(address).status_code not in (404, 500), name


def test_only_what_is_allowed_is_announced() -> None:
    told = discovery.metadata(Settings())
    assert told["response_types_supported"] == ["code"]
    assert "implicit" not in told["grant_types_supported"]
    assert "none" not in told["id_token_signing_alg_values_supported"]
    assert told["code_challenge_methods_supported"] == ["S256"]
    assert told["authorization_response_iss_parameter_supported"] is True
    assert "RS256" in told["id_token_signing_alg_values_supported"]
    more = discovery.metadata(Settings(implicit_allowed=True, unsigned_id_tokens_allowed=True))
    assert "code id_token" in more["response_types_supported"]
    assert "none" in more["id_token_signing_alg_values_supported"]


def test_documents_are_cacheable_and_revalidated_by_their_tag(world: World) -> None:
    for path in ("/.well-known/openid-configuration", "/oauth/jwks"):
        first = HTTP.get(world.base + path)
        assert "max-age" in first.headers["cache-control"]
        again = HTTP.get(world.base + path, headers={"If-None-Match": first.headers["etag"]})
        assert again.status_code == 304


def test_public_documents_cost_no_statement(world: World) -> None:
    HTTP.get(f"{world.base}/oauth/jwks")
    with world.statements() as seen:
        HTTP.get(f"{world.base}/oauth/jwks")
        HTTP.get(f"{world.base}/.well-known/openid-configuration")
    assert seen == []


@attack("E8")
def test_the_key_set_is_clean(world: World) -> None:
    keys = HTTP.get(f"{world.base}/oauth/jwks").json()["keys"]
    assert len({k["kid"] for k in keys}) == len(keys)
    for key in keys:
        assert {"kty", "use", "alg", "kid"} <= set(key)
        assert not {"d", "p", "q", "dp", "dq", "qi", "k"} & set(key)


def test_private_keys_are_encrypted_at_rest(world: World) -> None:
    from sqlalchemy import select

    from idp.oidc.keys.tables import SigningKey

    with world.reading() as db:
        stored = db.scalars(select(SigningKey.sealed_key)).all()
    assert stored
    assert not any('"d"' in text or '"kty"' in text for text in stored)


def test_health_tells_whether_requests_can_be_served(world: World) -> None:
    assert HTTP.get(f"{world.base}/health/live").json() == {"status": "ok"}
    assert HTTP.get(f"{world.base}/health/ready").status_code == 200
