"""What a client may register, field by field: as a document of dynamic registration, and as an operator's.

Sources: OIDC Dynamic Client Registration 2, RFC 7591 2, RFC 8252, RFC 9101 10.5, RFC 9701 6, the logout specifications.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from joserfc.jwk import ECKey

from idp.cli.clients.defaults import NEW
from idp.oidc.registration import document, fields, rules
from idp.oidc.registration.document import BLANK, MetadataRefused
from idp.oidc.registration.metadata import Client
from idp.settings import Settings

STRICT = Settings()
FREE = Settings.model_validate({"implicit_allowed": True, "unsigned_id_tokens_allowed": True})
BACK = "https://application.example/retour"
KEYS = {"keys": [ECKey.generate_key("P-256", {"kid": "k"}).as_dict(private=False)]}
IMPLICIT = {"grant_types": ["implicit"], "response_types": ["id_token"]}


def read(settings: Settings = STRICT, **said: Any) -> Client:
    asked = {"redirect_uris": [BACK], "client_name": "Application", **said}
    return document.read(asked, replace(BLANK, id="app-1"), settings)


def refused(settings: Settings = STRICT, **said: Any) -> str:
    with pytest.raises(MetadataRefused) as error:
        read(settings, **said)
    assert error.value.error == ("invalid_redirect_uri" if "redirect_uris" in said else "invalid_client_metadata")
    return str(error.value)


def names(field: str, settings: Settings = STRICT, **said: Any) -> None:
    """Refused, and the reason names the field."""
    assert field in refused(settings, **said)


# --- where people are sent back to ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("application_type", "uri"),
    [
        ("web", "https://application.example/retour?a=1"),
        ("web", "https://application.example:8443/"),
        ("web", "http://127.0.0.1:5000/retour"),
        ("native", "com.example.app:/retour"),
        ("native", "http://127.0.0.1/retour"),
        ("native", "http://[::1]:8080/retour"),
        ("native", "http://localhost/retour"),
        ("native", "https://application.example/retour"),
    ],
)
def test_redirect_addresses_that_fit_the_kind_of_application(application_type: str, uri: str) -> None:
    assert read(application_type=application_type, redirect_uris=[uri]).redirect_uris == (uri,)


@pytest.mark.parametrize("application_type", ["web", "native"])
@pytest.mark.parametrize(
    "uri",
    [
        *("", " ", "application", "/retour", "//application.example/", "https://", "https:///retour"),
        *("http://application.example/", "javascript:alert(1)", "JavaScript:alert(1)", "data:text/html,x"),
        *("vbscript:x", "file:///etc/passwd", "ftp://application.example/", "about:blank", "blob:https://a.example/"),
        *("https://application.example/#a", "https://application.example/#", "https://user@application.example/"),
        *(
            "https://user:pass@application.example/",
            "https://application.example\\@evil.example/",
            "https://a b.example/",
        ),
        *("https://application.example/\n", "https://application.example/\x00", "https://é.example/"),
        *("https://application.example:port/", "https://[::1/", "https://" + "a" * 2000 + ".example/"),
    ],
)
def test_redirect_addresses_that_nobody_may_register(application_type: str, uri: str) -> None:
    names("redirect_uris", application_type=application_type, redirect_uris=[uri])


def test_a_private_scheme_is_for_native_applications() -> None:
    names("redirect_uris", redirect_uris=["com.example.app:/retour"])
    names("redirect_uris", application_type="native", redirect_uris=["myapp:/retour"])


@pytest.mark.parametrize("uri", ["http://127.0.0.1/", "https://localhost/", "https://app.localhost/"])
def test_a_web_application_that_is_sent_tokens_is_on_the_web(uri: str) -> None:
    names("redirect_uris", FREE, redirect_uris=[uri], **IMPLICIT)


def test_each_redirect_address_is_given_once_and_there_are_fifty_at_most() -> None:
    names("redirect_uris", redirect_uris=[BACK, BACK])
    names("redirect_uris", redirect_uris=[f"{BACK}/{number}" for number in range(51)])
    names("redirect_uris", redirect_uris=[])


def test_a_post_logout_address_has_no_fragment_either() -> None:
    names("post_logout_redirect_uris", post_logout_redirect_uris=[f"{BACK}#a"])
    assert read(post_logout_redirect_uris=[BACK]).post_logout_redirect_uris == (BACK,)


# --- flows -----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "said",
    [
        {"response_types": ["code"]},
        {"grant_types": ["authorization_code", "refresh_token"]},
        {"grant_types": ["authorization_code", "implicit"], "response_types": ["code id_token"]},
        {"grant_types": ["authorization_code", "implicit"], "response_types": ["code token", "code id_token token"]},
        IMPLICIT,
        {"grant_types": ["implicit"], "response_types": ["token id_token"]},
        {"grant_types": ["authorization_code", "implicit"]},
    ],
    ids=str,
)
def test_grants_and_answers_that_go_together(said: dict[str, Any]) -> None:
    assert read(FREE, **said).response_types
    if "implicit" in said.get("grant_types", ()):
        refused(STRICT, **said)


@pytest.mark.parametrize(
    "said",
    [
        {"response_types": ["id_token"]},
        {"grant_types": ["authorization_code"], "response_types": ["code id_token"]},
        {"grant_types": ["implicit"], "response_types": ["code id_token"]},
        {"grant_types": ["implicit"], "response_types": ["code"]},
        {"grant_types": ["refresh_token"]},
        {"grant_types": ["password"]},
        {"grant_types": ["client_credentials"]},
        {"grant_types": ["authorization_code", "client_credentials"]},
        {"grant_types": ["urn:ietf:params:oauth:grant-type:device_code"]},
        {"response_types": ["none"]},
        {"response_types": ["token"], "grant_types": ["implicit"]},
        {"response_types": ["code code"]},
    ],
    ids=str,
)
def test_grants_and_answers_that_do_not(said: dict[str, Any]) -> None:
    assert "_types" in refused(FREE, **said)


def test_words_of_a_response_type_come_in_any_order() -> None:
    said = {"grant_types": ["authorization_code", "implicit"], "response_types": ["token code id_token"]}
    assert read(FREE, **said).response_types == ("code id_token token",)


def test_scopes_are_those_known_here() -> None:
    assert read(scope="openid  email openid groups").scope == "openid email"
    names("scope", scope="groups")
    assert read().scope == BLANK.scope


# --- algorithms --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "good", "bad"),
    [
        ("id_token_signed_response_alg", ["RS256", "PS256", "ES256", "EdDSA"], ["HS256", "RS1", "none", ""]),
        ("userinfo_signed_response_alg", ["RS256", "ES256"], ["none", "HS256"]),
        ("introspection_signed_response_alg", ["RS256", "ES256"], ["none", "HS256"]),
        ("request_object_signing_alg", ["RS256", "none"], ["HS256", "RS384"]),
        (
            "id_token_encrypted_response_alg",
            ["RSA-OAEP-256", "ECDH-ES"],
            ["RSA1_5", "RSA-OAEP", "dir", "PBES2-HS256+A128KW"],
        ),
        ("userinfo_encrypted_response_alg", ["RSA-OAEP-256"], ["RSA1_5"]),
        ("introspection_encrypted_response_alg", ["ECDH-ES"], ["A128KW"]),
        ("request_object_encryption_alg", ["ECDH-ES"], ["RSA1_5"]),
        ("token_endpoint_auth_signing_alg", ["ES256", "HS256"], ["none", "RS1"]),
        (
            "token_endpoint_auth_method",
            ["client_secret_post", "client_secret_jwt", "private_key_jwt"],
            ["tls_client_auth", "x"],
        ),
        ("subject_type", ["public", "pairwise"], ["random"]),
        ("application_type", ["web"], ["service"]),
    ],
)
def test_values_are_those_of_the_vocabulary(name: str, good: list[str], bad: list[str]) -> None:
    for value in good:
        assert getattr(read(jwks=KEYS, **{name: value}), name) == value
    for value in bad:
        names(name, jwks=KEYS, **{name: value})


def test_an_unsigned_id_token_is_for_the_code_flow_while_the_setting_allows_it() -> None:
    assert read(FREE, id_token_signed_response_alg="none").id_token_signed_response_alg == "none"
    names("id_token_signed_response_alg", STRICT, id_token_signed_response_alg="none")
    names("id_token_signed_response_alg", FREE, id_token_signed_response_alg="none", **IMPLICIT)


@pytest.mark.parametrize(
    "name", ["id_token_encrypted_response", "userinfo_encrypted_response", "introspection_encrypted_response"]
)
def test_encryption_needs_an_algorithm_and_a_key_and_has_a_default_content(name: str) -> None:
    assert getattr(read(jwks=KEYS, **{f"{name}_alg": "ECDH-ES"}), f"{name}_enc") == "A128CBC-HS256"
    chosen = read(jwks=KEYS, **{f"{name}_alg": "ECDH-ES", f"{name}_enc": "A256GCM"})
    assert getattr(chosen, f"{name}_enc") == "A256GCM"
    names(f"{name}_enc", jwks=KEYS, **{f"{name}_enc": "A256GCM"})
    names(f"{name}_enc", jwks=KEYS, **{f"{name}_alg": "ECDH-ES", f"{name}_enc": "A256CBC"})
    names("jwks", **{f"{name}_alg": "ECDH-ES"})


def test_a_client_that_must_sign_its_requests_cannot_send_unsigned_ones() -> None:
    said = {"require_signed_request_object": True, "jwks": KEYS}
    assert read(**said).require_signed_request_object
    names("request_object_signing_alg", request_object_signing_alg="none", **said)
    names("jwks", require_signed_request_object=True)


def test_the_algorithm_of_proofs_fits_their_method() -> None:
    said = {"token_endpoint_auth_method": "private_key_jwt", "jwks": KEYS}
    names("token_endpoint_auth_signing_alg", token_endpoint_auth_signing_alg="HS256", **said)
    names(
        "token_endpoint_auth_signing_alg",
        token_endpoint_auth_method="client_secret_jwt",
        token_endpoint_auth_signing_alg="ES256",
    )


def test_keys_are_given_in_one_way_and_where_they_are_needed() -> None:
    names("jwks_uri", jwks=KEYS, jwks_uri="https://application.example/keys")
    names("jwks", token_endpoint_auth_method="private_key_jwt")
    names("jwks", jwks={"keys": [ECKey.generate_key("P-256").as_dict(private=True)]})
    assert read(token_endpoint_auth_method="private_key_jwt", jwks_uri="https://application.example/keys").jwks_uri


# --- addresses of other kinds ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    [
        *("client_uri", "logo_uri", "policy_uri", "tos_uri", "jwks_uri", "sector_identifier_uri"),
        *("backchannel_logout_uri", "initiate_login_uri"),
    ],
)
@pytest.mark.parametrize(
    "uri",
    [
        *("", "http://application.example/", "http://127.0.0.1/", "javascript:alert(1)", "application.example"),
        *("https://user@application.example/", "https:///x", "https://a b/", "com.example.app:/x"),
    ],
)
def test_pages_and_documents_of_a_client_are_https(name: str, uri: str) -> None:
    names(name, **{name: uri})


@pytest.mark.parametrize("name", ["logo_uri", "policy_uri", "jwks_uri", "backchannel_logout_uri"])
@pytest.mark.parametrize(
    "host", ["127.0.0.1", "10.0.0.1", "169.254.169.254", "[::1]", "[fd00::1]", "localhost", "db.internal", "nas.local."]
)
def test_addresses_inside_a_network_are_not_for_strangers_to_register(name: str, host: str) -> None:
    names(name, **{name: f"https://{host}/"})
    allowing = Settings.model_validate({"fetch_allowed_networks": "127.0.0.0/8"})
    assert getattr(read(allowing, **{name: "https://127.0.0.1:8443/"}), name)


def test_an_address_that_leaves_the_page_may_have_a_place_in_it() -> None:
    assert read(policy_uri="https://application.example/legal#privacy").policy_uri
    names("backchannel_logout_uri", backchannel_logout_uri="https://application.example/#a")


def test_request_uris_may_tell_versions_apart() -> None:
    uri = "https://application.example/request#digest"
    assert read(request_uris=[uri]).request_uris == (uri,)
    names("request_uris", request_uris=["http://application.example/request"])
    names("request_uris", request_uris=["https://127.0.0.1/request"])


def test_a_front_channel_address_is_at_home() -> None:
    assert read(frontchannel_logout_uri="https://application.example/sortie?a=1").frontchannel_logout_uri
    for uri in ("https://other.example/sortie", "https://application.example:8443/", "http://application.example/"):
        names("frontchannel_logout_uri", frontchannel_logout_uri=uri)


def test_pairwise_names_need_one_sector() -> None:
    two = [BACK, "https://autre.example/retour"]
    assert read(subject_type="pairwise").subject_type == "pairwise"
    with pytest.raises(MetadataRefused, match="sector_identifier_uri"):
        read(subject_type="pairwise", redirect_uris=two)
    with pytest.raises(MetadataRefused, match="sector_identifier_uri"):
        read(subject_type="pairwise", application_type="native", redirect_uris=["com.example.app:/x"])
    listed = "https://application.example/sector"
    assert (
        read(subject_type="pairwise", redirect_uris=two, sector_identifier_uri=listed).sector_identifier_uri == listed
    )


# --- words -------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    ["", " ", "x" * 201, "a\nb", "a\x00b", "<b>a</b>", "a\u202eb", "a\u2066b", "a\x85b", "a\u2028b"],
    ids=lambda name: ascii(name)[:20],
)
def test_a_name_is_one_readable_line(name: str) -> None:
    if name:
        names("client_name", client_name=name)
    assert "client_name#fr" in refused(**{"client_name#fr": name})


def test_a_client_without_a_name_is_called_after_its_host() -> None:
    assert document.read({"redirect_uris": [BACK]}, replace(BLANK, id="app-1"), STRICT).name == "application.example"


@pytest.mark.parametrize(
    "key", ["client_name#", "client_name#fr_FR", "client_name#a b", "client_name##fr", "logo_uri#1"]
)
def test_a_language_is_a_language_tag(key: str) -> None:
    assert key in refused(**{key: "https://application.example/"})


def test_localized_addresses_follow_the_rules_of_the_others() -> None:
    assert "tos_uri#fr" in refused(**{"tos_uri#fr": "http://application.example/"})
    assert "logo_uri#fr" in refused(**{"logo_uri#fr": 5})


@pytest.mark.parametrize("seconds", [0, 1, 86400])
def test_a_default_max_age_is_a_number_of_seconds(seconds: int) -> None:
    assert read(default_max_age=seconds).default_max_age == seconds
    names("default_max_age", default_max_age=-1 - seconds)
    names("default_max_age", default_max_age=str(seconds))


def test_lists_and_texts_are_bounded() -> None:
    names("contacts", contacts=["a@b.example"] * 21)
    names("contacts", contacts=["x" * 201])
    names("default_acr_values", default_acr_values=["\n"])
    names("software_id", software_id="")
    names("software_version", software_version="x" * 201)


_JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(max_size=20)
    | st.sampled_from([BACK, "#"]),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8) | st.just("keys"), inner, max_size=4)
    ),
    max_leaves=12,
)
_NAMES = st.sampled_from([*fields.STANDARD, "client_name", "client_name#fr", "logo_uri#", "software_statement"])


@settings(max_examples=300, deadline=None)
@given(_JSON | st.dictionaries(_NAMES, _JSON, max_size=8))
def test_whatever_is_sent_is_registered_or_refused_by_the_standards_error(said: Any) -> None:
    error, client = "", None
    try:
        client = document.read(said, replace(BLANK, id="app-1"), FREE)
    except MetadataRefused as refused:
        error = refused.error
    if client is None:
        assert error.startswith(("invalid_redirect_uri", "invalid_client_metadata", "invalid_soft", "unapproved_soft"))
    else:
        assert rules.problems(client, FREE) == []
        orjson.dumps(document.shown(client))


# --- operators -----------------------------------------------------------------------------------------------------------------


def test_an_operator_may_use_this_machine_and_client_credentials() -> None:
    client = replace(
        NEW,
        id="portail",
        name="Portail",
        redirect_uris=("http://127.0.0.1/retour",),
        initiate_login_uri="http://127.0.0.1/go",
        logo_uri="http://localhost/logo.png",
        grant_types=("authorization_code", "client_credentials"),
    )
    assert rules.problems(client, STRICT) == []


def test_every_field_is_of_a_kind_that_documents_and_files_can_hold() -> None:
    assert set(fields.STANDARD) < set(fields.OPERATOR)
    assert not {"first_party", "default_portal", "require_pkce", "resources"} & set(fields.STANDARD)
    shown = document.shown(read(jwks=KEYS, default_max_age=5))
    assert all(isinstance(value, str | list | bool | int | dict) for value in shown.values())
