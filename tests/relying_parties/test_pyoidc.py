"""`oic` (pyoidc), the library of the first conformance tests: its client does every step itself."""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest
from oic import rndstr
from oic.oic import Client
from oic.oic.message import AccessTokenResponse, AuthorizationResponse, RegistrationResponse
from oic.utils.authn.client import CLIENT_AUTHN_METHOD

from tests.support.world import STRONG, Portal, World

BASE = "https://portail-pyoidc.exemple.fr"


@pytest.fixture
def portal(world: World) -> Portal:
    """It has PKCE as an option that must be asked for; a portal with a secret may be registered without."""
    return world.portal(
        world.agency(),
        redirect_uris=(f"{BASE}/retour",),
        post_logout_redirect_uris=(f"{BASE}/deconnecte",),
        require_pkce=False,
    )


def test_pyoidc_signs_in_refreshes_and_signs_out(world: World, portal: Portal) -> None:
    letter, account_id = world.member()
    person = world.person()
    client = Client(client_authn_method=CLIENT_AUTHN_METHOD)
    client.provider_config(world.base)
    client.store_registration_info(
        RegistrationResponse(client_id=portal.client_id, client_secret=portal.secret, redirect_uris=[f"{BASE}/retour"])
    )

    state, nonce = rndstr(), rndstr()
    request = client.construct_AuthorizationRequest(
        request_args={
            "client_id": portal.client_id,
            "response_type": "code",
            "scope": ["openid", "email", "offline_access"],
            "nonce": nonce,
            "redirect_uri": f"{BASE}/retour",
            "state": state,
        }
    )
    person.open(request.request(client.authorization_endpoint))
    assert letter.email
    person.submit(identifier=letter.email, password=STRONG)
    answer = client.parse_response(AuthorizationResponse, info=urlsplit(person.sent_to).query, sformat="urlencoded")
    assert answer["state"] == state

    tokens = client.do_access_token_request(state=state, request_args={"code": answer["code"]})
    assert isinstance(tokens, AccessTokenResponse), tokens.to_dict()
    assert (tokens["id_token"]["sub"], tokens["id_token"]["nonce"]) == (account_id, nonce)
    assert client.do_user_info_request(state=state)["email"] == letter.email

    refreshed = client.do_access_token_refresh(state=state, authn_method="client_secret_basic")
    assert isinstance(refreshed, AccessTokenResponse), refreshed.to_dict()
    assert refreshed["access_token"] != tokens["access_token"]
    assert client.do_user_info_request(state=state)["sub"] == account_id

    ending = client.construct_EndSessionRequest(
        state=state,
        request_args={"post_logout_redirect_uri": f"{BASE}/deconnecte"},
    )
    person.open(ending.request(client.end_session_endpoint))
    assert person.sent_to.startswith(f"{BASE}/deconnecte")
    person.open(request.request(client.authorization_endpoint))
    assert "password" in person.page.fields, "signing out did not end the sign-in"
