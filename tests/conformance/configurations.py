"""The configuration files for the official suite, one for each plan that is run, all written from here.

    python -m tests.conformance.configurations      writes config/conformance/*.json anew (`make docs` does)

What a browser does at our pages is said once; a file holds what the modules of its plan need, and nothing else. The
names of fields, commands and selectors are the official suite's.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.conformance.modules import STATIC
from tests.conformance.plans import EVERY_PLAN, PLANS, Chosen

FOLDER = Path(__file__).resolve().parents[2] / "config" / "conformance"
PROVIDER = "https://compte.exemple.fr"
_ALIAS = "mon-compte-immobilier"
_PERSON = {"identifier": "conformance@exemple.fr", "password": "Cheval-Bleu-42x"}
_PASSWORD_FORM = "//form[.//input[@name='password']]"
_PICTURE = "update-image-placeholder"
_WITHOUT_BROWSER = ("oidcc-config-", "oidcc-3rdparty-init-login-")

_DYNAMIC_CLIENTS = {"client": {"client_name": "conformance first"}, "client2": {"client_name": "conformance second"}}
_STATIC_CLIENTS = {
    section: {"client_id": f"conformance-{name}", "client_secret": f"conformance-{name}-secret-replace-this-value"}
    for section, name in {"client": "first", "client2": "second", "client_secret_post": "post"}.items()
}

Json = dict[str, Any]


def configuration(chosen: Chosen) -> Json:
    """The configuration of a plan, as the official suite reads it."""
    static = chosen.client_registration in STATIC
    overridden = {name: _OVERRIDES[name] for name, _ in PLANS[chosen.plan].entries if name in _OVERRIDES}
    told: Json = {
        "alias": _ALIAS,
        "description": f"Mon compte immobilier: {chosen.plan}",
        "publish": "summary",
        "server": {"discoveryUrl": f"{PROVIDER}/.well-known/openid-configuration"},
        **(_STATIC_CLIENTS if static else _DYNAMIC_CLIENTS),
    }
    if not chosen.plan.startswith(_WITHOUT_BROWSER):
        told["browser"] = [_authorize(_sign_in(), _CONSENT, _BACK), _logout(_CONFIRM, _AFTER_LOGOUT)]
        told["override"] = {name: {"browser": blocks} for name, blocks in overridden.items()}
    return told


def files() -> dict[str, str]:
    """Every file by its name."""
    return {chosen.file: _text(configuration(chosen)) + "\n" for chosen in EVERY_PLAN}


# --- what a browser does ---------------------------------------------------------------------------------------------


def _authorize(*tasks: Json) -> Json:
    return {"match": f"{PROVIDER}/oauth/authorize*", "tasks": list(tasks)}


def _logout(*tasks: Json) -> Json:
    return {"match": f"{PROVIDER}/oauth/logout*", "tasks": list(tasks)}


def _sign_in(*before: list[Any]) -> Json:
    typed = [["text", "name", name, value] for name, value in _PERSON.items()]
    click = ["click", "xpath", f"{_PASSWORD_FORM}//button[@type='submit']"]
    return {
        "task": "Sign in",
        "optional": True,
        "match": f"{PROVIDER}/login*",
        "commands": [*before, *typed, click],
    }


def _page(task: str, path: str, words: str) -> Json:
    """A page of ours that is the end of a module: it is filed as its picture."""
    return {"task": task, "match": f"{PROVIDER}{path}", "commands": [["wait", "xpath", "//main", 10, words, _PICTURE]]}


_CONSENT: Json = {
    "task": "Consent",
    "optional": True,
    "match": f"{PROVIDER}/consent/*",
    "commands": [["click", "id", "consent-allow"]],
}
_BACK: Json = {
    "task": "Back at the relying party",
    "match": "*/test/*/callback*",
    "commands": [["wait", "id", "submission_complete", 10]],
}
_CONFIRM: Json = {
    "task": "Confirm signing out",
    "optional": True,
    "match": f"{PROVIDER}/logout*",
    "commands": [["click", "xpath", "//form[starts-with(@action, '/logout')]//button[@type='submit']", "optional"]],
}
_AFTER_LOGOUT: Json = {"task": "Back at the relying party", "match": "*/test/*/post_logout_redirect*"}

_SIGNED_OUT = "Vous êtes déconnecté|You are signed out"
_ASKED = f"Voulez-vous vous déconnecter|Do you want to sign out|{_SIGNED_OUT}"

# The second visit has a picture of the page that asks again, the first has none.
_ASKS_AGAIN = [
    _authorize(_sign_in(["wait", "xpath", _PASSWORD_FORM, 10, ".*", f"{_PICTURE}-optional"]), _CONSENT, _BACK)
]
_ERROR_PAGE = [_authorize(_page("An error page", "/oauth/authorize*", "OID-02"))]
_ASKS_CONSENT = [_authorize(_sign_in(), _page("The page that asks for consent", "/consent/*", ".*"))]
_SIGNS_IN = _authorize(_sign_in(), _CONSENT, _BACK)
_STAYS = [_SIGNS_IN, _logout(_page("A page, and no way back", "/*logout*", _ASKED))]
_ENDS_HERE = [_SIGNS_IN, _logout(_CONFIRM, _page("Signed out", "/logout*", _SIGNED_OUT))]

_OVERRIDES: dict[str, list[Json]] = {
    **dict.fromkeys(("oidcc-prompt-login", "oidcc-max-age-1"), _ASKS_AGAIN),
    **dict.fromkeys(
        (
            "oidcc-ensure-registered-redirect-uri",
            "oidcc-ensure-redirect-uri-in-authorization-request",
            "oidcc-redirect-uri-query-mismatch",
            "oidcc-redirect-uri-query-added",
        ),
        _ERROR_PAGE,
    ),
    **{f"oidcc-registration-{page}-uri": _ASKS_CONSENT for page in ("logo", "policy", "tos")},
    **{
        f"oidcc-rp-initiated-logout-{what}": _STAYS
        for what in (
            "bad-post-logout-redirect-uri",
            "modified-id-token-hint",
            "no-id-token-hint",
            "query-added-to-post-logout-redirect-uri",
            "bad-id-token-hint",
        )
    },
    **{
        f"oidcc-rp-initiated-logout-{what}": _ENDS_HERE
        for what in ("no-params", "no-post-logout-redirect-uri", "only-state")
    },
}


def _text(value: Any, indent: str = "") -> str:
    """JSON as people read it: a command on one line."""
    deeper = f"{indent}  "
    if isinstance(value, dict) and value:
        lines = [f"{deeper}{json.dumps(name)}: {_text(one, deeper)}" for name, one in value.items()]
        return "{\n" + ",\n".join(lines) + f"\n{indent}}}"
    if isinstance(value, list) and any(isinstance(one, dict | list) for one in value):
        return "[\n" + ",\n".join(f"{deeper}{_text(one, deeper)}" for one in value) + f"\n{indent}]"
    return json.dumps(value, ensure_ascii=False)


if __name__ == "__main__":
    for name, text in files().items():
        (FOLDER / name).write_text(text, encoding="utf-8")
