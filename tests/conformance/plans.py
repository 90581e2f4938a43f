"""The official plans: their modules in order, the variants they fix, and the variants that are run here.

Sizes and orders are the official suite's (5.2.4); `test_plans.py` compares the sizes.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from tests.conformance.modules import Module, all_modules
from tests.conformance.suite.setting import Variant

CODE, IMPLICIT = "code", ("id_token", "id_token token")
HYBRID = ("code id_token", "code token", "code id_token token")
_POST = "oidcc-server-client-secret-post"


@dataclass(frozen=True)
class Plan:
    """entries: a module and the variant values that it has in this plan. fixed: those of all modules."""

    name: str
    profile: str
    entries: tuple[tuple[str, dict[str, str]], ...]
    fixed: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Entry:
    """One test: a module of a plan, in a variant. label: the chosen part of the variant. file: its configuration."""

    plan: Plan
    label: str
    variant: Variant
    module: Module
    file: str

    @property
    def id(self) -> str:
        return f"{self.plan.name}/{self.label}/{self.module.name}"


def _names(text: str) -> tuple[str, ...]:
    return tuple(f"oidcc-{name}" for name in text.split())


_SCOPES = _names("scope-profile scope-email scope-address scope-phone scope-all")
_SESSIONS = _names("prompt-login prompt-none-not-logged-in prompt-none-logged-in max-age-1 max-age-10000")
_LENIENT = _names(
    """
    ensure-request-with-unknown-parameter-succeeds id-token-hint login-hint ui-locales claims-locales
    ensure-request-with-acr-values-succeeds
    """
)
_USERINFO = _names("userinfo-get userinfo-post-header userinfo-post-body")
_DISPLAY = _names("display-page display-popup")
_REUSE = _names("codereuse codereuse-30seconds ensure-registered-redirect-uri")
_OBJECTS = _names(
    """
    request-uri-unsigned-supported-correctly-or-rejected-as-unsupported
    unsigned-request-object-supported-correctly-or-rejected-as-unsupported
    """
)
_INNER_URI = _names("ensure-request-object-with-redirect-uri")

BASIC = (
    *_names("server response-type-missing idtoken-signature idtoken-unsigned"),
    *_USERINFO,
    *_names("ensure-request-without-nonce-succeeds-for-code-flow"),
    *_SCOPES,
    *_names("alternate-happy-flow"),
    *_DISPLAY,
    *_SESSIONS,
    *_LENIENT,
    *_REUSE,
    *_names("ensure-post-request-succeeds"),
    _POST,
    *_OBJECTS,
    *_names("claims-essential"),
    *_INNER_URI,
    *_names("refresh-token ensure-request-with-valid-pkce-succeeds"),
)
_IMPLICIT_BOTH = (
    *_names("server idtoken-signature ensure-request-without-nonce-fails"),
    *_SCOPES,
    *_names("alternate-happy-flow"),
    *_DISPLAY,
    *_SESSIONS,
    *_LENIENT,
    *_names("ensure-registered-redirect-uri"),
    *_OBJECTS,
    *_INNER_URI,
    *_names("claims-essential"),
)
_IMPLICIT_TOKEN = (*_USERINFO, *_names("response-type-missing"))
_DYNAMIC = _names(
    """
    idtoken-rs256 idtoken-unsigned userinfo-rs256 ensure-redirect-uri-in-authorization-request redirect-uri-query-OK
    redirect-uri-query-mismatch redirect-uri-query-added redirect-uri-regfrag discovery-endpoint-verification server
    registration-logo-uri registration-policy-uri registration-tos-uri registration-jwks-uri registration-sector-uri
    registration-sector-bad server-rotate-keys refresh-token-rp-key-rotation request-uri-unsigned
    request-uri-signed-rs256 ensure-request-object-with-redirect-uri refresh-token
    ensure-client-assertion-with-iss-aud-succeeds
    """
)
_LOGOUT = _names(
    """
    rp-initiated-logout-discovery-endpoint-verification rp-initiated-logout
    rp-initiated-logout-bad-post-logout-redirect-uri rp-initiated-logout-modified-id-token-hint
    rp-initiated-logout-no-id-token-hint rp-initiated-logout-no-params rp-initiated-logout-no-post-logout-redirect-uri
    rp-initiated-logout-no-state rp-initiated-logout-only-state
    rp-initiated-logout-query-added-to-post-logout-redirect-uri rp-initiated-logout-bad-id-token-hint
    """
)
_COMPREHENSIVE = _names(
    """
    discovery-endpoint-verification registration-jwks-uri registration-logo-uri registration-policy-uri
    registration-sector-uri registration-tos-uri server refresh-token
    ensure-request-without-nonce-succeeds-for-code-flow idtoken-rs256 idtoken-signature idtoken-unsigned
    claims-essential scope-address scope-all scope-email scope-phone scope-profile alternate-happy-flow prompt-login
    prompt-none-logged-in prompt-none-not-logged-in redirect-uri-query-OK claims-locales id-token-hint login-hint
    max-age-1 max-age-10000 userinfo-get userinfo-post-body userinfo-post-header userinfo-rs256
    ensure-request-with-acr-values-succeeds ensure-request-with-unknown-parameter-succeeds ui-locales display-page
    display-popup unsigned-request-object-supported-correctly-or-rejected-as-unsupported request-uri-unsigned
    request-uri-signed-rs256 refresh-token-rp-key-rotation server-rotate-keys ensure-request-with-valid-pkce-succeeds
    ensure-client-assertion-with-iss-aud-succeeds codereuse codereuse-30seconds
    ensure-redirect-uri-in-authorization-request ensure-registered-redirect-uri ensure-request-object-with-redirect-uri
    ensure-request-without-nonce-fails redirect-uri-query-added redirect-uri-query-mismatch redirect-uri-regfrag
    registration-sector-bad response-type-missing
    """
)


def _hybrid(response_type: str) -> tuple[str, ...]:
    """Basic for a hybrid response type; `code token` alone leaves out what has to do with an ID token in front."""
    both = response_type == "code id_token"
    nonce = "succeeds-for-code-flow" if response_type == "code token" else "fails"
    return (
        *_names("server response-type-missing idtoken-signature" if both else "server idtoken-signature"),
        *_USERINFO,
        *_names(f"ensure-request-without-nonce-{nonce}"),
        *_SCOPES,
        *(_names("alternate-happy-flow") if both else ()),
        *_DISPLAY,
        *_SESSIONS,
        *_LENIENT,
        *_REUSE,
        _POST,
        *_OBJECTS,
        *_names("claims-essential"),
        *_INNER_URI,
        *_names("refresh-token"),
        *(_names("ensure-request-with-valid-pkce-succeeds") if both else ()),
    )


def _with(names: tuple[str, ...], response_type: str | None = None) -> tuple[tuple[str, dict[str, str]], ...]:
    """Entries of these modules; the one that is about client_secret_post has that authentication."""
    common = {} if response_type is None else {"response_type": response_type}
    return tuple(
        (name, common | ({"client_auth_type": "client_secret_post"} if name == _POST else {})) for name in names
    )


def _flows(prefix: str, suffix: str, mode: str) -> tuple[Plan, ...]:
    """Basic, Implicit and Hybrid, with their default response mode or as form posts."""
    basic = {"response_mode": mode, "client_auth_type": "client_secret_basic"}
    implicit = (*(e for r in IMPLICIT for e in _with(_IMPLICIT_BOTH, r)), *_with(_IMPLICIT_TOKEN, IMPLICIT[1]))
    hybrid = tuple(e for r in HYBRID for e in _with(_hybrid(r), r))
    form = "Form Post OP" if mode == "form_post" else ""
    return (
        Plan(f"{prefix}basic{suffix}", form or "Basic OP", _with(BASIC), basic | {"response_type": CODE}),
        Plan(f"{prefix}implicit{suffix}", form or "Implicit OP", implicit, basic),
        Plan(f"{prefix}hybrid{suffix}", form or "Hybrid OP", hybrid, basic),
    )


_DISCOVERED = {
    "server_metadata": "discovery",
    "client_auth_type": "client_secret_basic",
    "response_mode": "default",
}
_CERTIFICATION = "-certification-test-plan"

PLANS: dict[str, Plan] = {
    plan.name: plan
    for plan in (
        Plan(
            f"oidcc-config{_CERTIFICATION}",
            "Config OP",
            _with(_names("discovery-endpoint-verification")),
            _DISCOVERED | {"client_registration": "static_client", "response_type": CODE},
        ),
        *_flows("oidcc-", _CERTIFICATION, "default"),
        *_flows("oidcc-formpost-", _CERTIFICATION, "form_post"),
        Plan(
            f"oidcc-dynamic{_CERTIFICATION}",
            "Dynamic OP",
            _with(_DYNAMIC),
            {
                "server_metadata": "discovery",
                "client_registration": "dynamic_client",
                "client_auth_type": "private_key_jwt",
                "response_mode": "default",
            },
        ),
        Plan(
            f"oidcc-3rdparty-init-login{_CERTIFICATION}",
            "3rd Party-Init OP",
            _with(_names("3rd_party-init-login 3rd_party-init-login-nohttps")),
            _DISCOVERED | {"client_registration": "dynamic_client"},
        ),
        Plan(f"oidcc-rp-initiated-logout{_CERTIFICATION}", "RP-Initiated OP", _with(_LOGOUT), _DISCOVERED),
        Plan(
            f"oidcc-backchannel-rp-initiated-logout{_CERTIFICATION}",
            "Back-Channel OP",
            _with(_names("backchannel-logout-discovery-endpoint-verification backchannel-rp-initiated-logout")),
            _DISCOVERED,
        ),
        Plan(
            f"oidcc-frontchannel-rp-initiated-logout{_CERTIFICATION}",
            "Front-Channel OP",
            _with(_names("frontchannel-logout-discovery-endpoint-verification frontchannel-rp-initiated-logout")),
            _DISCOVERED,
        ),
        Plan(
            f"oidcc-session-management{_CERTIFICATION}",
            "Session OP",
            _with(_names("session-management-discovery-endpoint-verification session-management-rp-initiated-logout")),
            _DISCOVERED,
        ),
        Plan("oidcc-test-plan", "comprehensive", _with(_COMPREHENSIVE)),
    )
}


@dataclass(frozen=True)
class Chosen:
    """A plan and the values of its free variant parameters."""

    plan: str
    free: dict[str, str]

    def entries(self) -> list[Entry]:
        """The modules that apply, as the official suite leaves out those that do not."""
        plan, modules = PLANS[self.plan], all_modules()
        several = len({changes.get("response_type") for _, changes in plan.entries}) > 1
        made = []
        for name, changes in plan.entries:
            variant = Variant(**(self.free | plan.fixed | changes))
            label = ",".join([*self.free.values(), *([variant.response_type] if several else [])]) or "default"
            if modules[name].applies_to(variant):
                made.append(Entry(plan, label.replace(" ", "+"), variant, modules[name], self.file))
        return made

    @property
    def client_registration(self) -> str:
        return Variant(**(self.free | PLANS[self.plan].fixed)).client_registration

    @property
    def file(self) -> str:
        """The name of its configuration in config/conformance/: the plan's, and whose clients where both are run."""
        name = self.plan.removeprefix("oidcc-").removesuffix(_CERTIFICATION)
        return (
            f"{name}-{self.free['client_registration']}.json" if "client_registration" in self.free else f"{name}.json"
        )

    @property
    def expression(self) -> str:
        """As the official suite's scripts/run-test-plan.py is told it: every parameter that the plan does not fix."""
        plan = PLANS[self.plan]
        fixed = {*plan.fixed, *(name for _, changes in plan.entries for name in changes)}
        asked = {name: value for name, value in vars(Variant(**self.free)).items() if name not in fixed}
        return self.plan + "".join(f"[{name}={value}]" for name, value in asked.items())


def chosen(name: str, **free: str) -> Chosen:
    return Chosen(name if name == "oidcc-test-plan" else f"oidcc-{name}{_CERTIFICATION}", free)


STATIC, REGISTERED = {"client_registration": "static_client"}, {"client_registration": "dynamic_client"}

EVERY_PLAN = (
    chosen("config"),
    chosen("basic", **STATIC),
    chosen("basic", **REGISTERED),
    chosen("implicit", **REGISTERED),
    chosen("hybrid", **REGISTERED),
    chosen("formpost-basic", **STATIC),
    chosen("formpost-basic", **REGISTERED),
    chosen("formpost-implicit", **REGISTERED),
    chosen("formpost-hybrid", **REGISTERED),
    chosen("dynamic", response_type="code"),
    chosen("3rdparty-init-login", response_type="code"),
    chosen("rp-initiated-logout", response_type="code", **STATIC),
    chosen("rp-initiated-logout", response_type="code", **REGISTERED),
    chosen("backchannel-rp-initiated-logout", response_type="code", **REGISTERED),
    chosen("frontchannel-rp-initiated-logout", response_type="code", **REGISTERED),
    chosen("session-management", response_type="code", **REGISTERED),
    *(
        chosen("oidcc-test-plan", client_auth_type=method)
        for method in ("none", "client_secret_basic", "client_secret_post", "client_secret_jwt", "private_key_jwt")
    ),
)
