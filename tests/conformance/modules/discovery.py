"""The provider's metadata and keys."""

from __future__ import annotations

from tests.conformance.modules import module
from tests.conformance.suite.conditions import metadata as conditions
from tests.conformance.suite.run import Run

_STATIC_METADATA = ("static",)
_PUBLISHED_SECONDS = 15


@module("oidcc-discovery-endpoint-verification", server_metadata=_STATIC_METADATA)
def discovery_endpoint_verification(run: Run) -> None:
    metadata = run.metadata
    dynamic = not run.variant.static
    conditions.check_disc_endpoint_discovery_url(run.setting.discovery_url)
    conditions.check_disc_endpoint_issuer(metadata, run.setting.discovery_url)
    conditions.check_disc_endpoint_issuer_is_valid_url(metadata)
    conditions.validate_server_metadata_against_schema(metadata)
    run.should(conditions.check_for_unexpected_parameters_in_server_metadata, metadata)
    conditions.check_disc_endpoint_response_types_supported(metadata, dynamic=dynamic)
    conditions.check_disc_endpoint_grant_types_supported(metadata, dynamic=dynamic)
    conditions.check_disc_endpoint_subject_types_supported(metadata)
    conditions.check_disc_endpoint_id_token_signing_alg_values_supported(metadata)
    conditions.check_disc_endpoint_userinfo_signing_alg_values_supported(metadata)
    conditions.check_disc_endpoint(metadata, "authorization_endpoint")
    conditions.check_disc_endpoint(metadata, "token_endpoint")
    run.should(conditions.check_disc_endpoint, metadata, "userinfo_endpoint")
    conditions.check_disc_endpoint(metadata, "jwks_uri")
    if dynamic:
        conditions.check_disc_endpoint(metadata, "registration_endpoint")
    run.should(conditions.check_disc_endpoint_request_object_signing_alg_values_supported_includes_rs256, metadata)
    run.should(conditions.check_disc_endpoint_claims_supported, metadata)
    run.should(conditions.check_disc_endpoint_scopes_supported_contains_openid, metadata)
    conditions.check_disc_endpoint_scopes_supported_syntax(metadata)
    conditions.check_disc_endpoint_locales_syntax(metadata)
    run.should(conditions.check_disc_endpoint_locales_canonical_casing, metadata)
    conditions.check_disc_endpoint_all_endpoints_are_https(metadata)
    conditions.ensure_server_configuration_code_challenge_methods_supported_is_an_array(metadata)
    run.keys()


@module("oidcc-server-rotate-keys")
def server_rotate_keys(run: Run) -> None:
    before = run.keys()
    run.setting.rotate_keys()
    run.within(_PUBLISHED_SECONDS, lambda: conditions.verify_new_jwks_has_new_signing_key(before, run.keys()))
    run.should(conditions.verify_new_jwks_still_has_old_signing_key, before, run.keys())


@module("oidcc-rp-initiated-logout-discovery-endpoint-verification", server_metadata=_STATIC_METADATA)
def rp_initiated_logout_discovery(run: Run) -> None:
    conditions.check_disc_endpoint_all_endpoints_are_https(run.metadata)
    conditions.check_disc_endpoint(run.metadata, "end_session_endpoint")


@module("oidcc-backchannel-logout-discovery-endpoint-verification", server_metadata=_STATIC_METADATA)
def backchannel_logout_discovery(run: Run) -> None:
    rp_initiated_logout_discovery(run)
    conditions.check_disc_endpoint_flag_is_true(run.metadata, "backchannel_logout_supported")
    conditions.check_disc_endpoint_flag_is_true(run.metadata, "backchannel_logout_session_supported")


@module("oidcc-frontchannel-logout-discovery-endpoint-verification", server_metadata=_STATIC_METADATA)
def frontchannel_logout_discovery(run: Run) -> None:
    rp_initiated_logout_discovery(run)
    conditions.check_disc_endpoint_flag_is_true(run.metadata, "frontchannel_logout_supported")
    conditions.check_disc_endpoint_flag_is_true(run.metadata, "frontchannel_logout_session_supported")


@module("oidcc-session-management-discovery-endpoint-verification", server_metadata=_STATIC_METADATA)
def session_management_discovery(run: Run) -> None:
    conditions.check_disc_endpoint(run.metadata, "check_session_iframe")
    conditions.check_disc_endpoint(run.metadata, "end_session_endpoint")
