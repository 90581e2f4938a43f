"""Writes from the code what must not tell something else than it: `make docs`.

docs/settings.md, docs/errors.md, and config/nginx/pages: what nginx answers by itself, in our words and look.
"""

from __future__ import annotations

import json
from pathlib import Path

import jinja2
from markupsafe import Markup
from pydantic import SecretStr

from idp import errors
from idp.brand import DEFAULT, Brand
from idp.settings import ROOT, Settings
from idp.texts import LANGUAGES, Texts, catalogue

HERE = Path(__file__).parent
PAGES = ROOT / "config" / "nginx" / "pages"
# What nginx refuses or cannot do without the provider, and what a portal's software is told of it (as idp/oidc/failing.py).
_BY_NGINX = {
    "too-large": (errors.TooLarge, "invalid_request", "Request Entity Too Large"),
    "malformed": (errors.MalformedRequest, "invalid_request", "Bad Request"),
    "unavailable": (errors.DatabaseAway, "temporarily_unavailable", "the provider cannot answer now"),
}
# nginx puts the reference of its log line there, which is the one in the provider's log (X-Request-Id).
_REFERENCE = Markup('<!--# echo var="request_id" -->')
_WAYS = {
    errors.Way.PORTAL: "the agency's portal",
    errors.Way.SIGN_IN: "sign-in",
    errors.Way.LETTER: "the letter",
    errors.Way.RESET: "a new password",
    errors.Way.NEW_LETTER: "a new letter by one click",
    errors.Way.CODES: "another agency's codes",
    errors.Way.RETRY: "the same page again",
    errors.Way.CALL: "who to call",
}


def settings() -> str:
    """Every setting with its default and what it is."""
    lines = [
        "# Settings",
        "",
        "Precedence, last wins: `config/default.toml`, `config/<environment>.toml`, the environment. A setting `x` is",
        "`IDP_X` in the environment, or `IDP_X_FILE` naming a file that holds the value (for secrets). Unknown keys are",
        "refused. `idp config check` tells what is wrong, `idp config show` what is in force, without secrets.",
        "",
        "| setting | default | what it is |",
        "| --- | --- | --- |",
    ]
    for name, field in Settings.model_fields.items():
        default = "(secret)" if isinstance(field.default, SecretStr) else f"`{field.default!r}`".replace("'", "")
        lines.append(f"| `{name}` | {default} | {field.description} |")
    return "\n".join(lines) + "\n"


def failures() -> str:
    """Every numbered failure with its cause, its words and the way on."""
    french, english = catalogue("fr"), catalogue("en")
    lines = [
        "# Errors",
        "",
        "Every failure that a person can meet has a number. A page of its own also shows a reference: the log line of",
        "the same request carries it, and `idp audit search REFERENCE` finds what was done, but for GEN-10, which says that",
        "there is no database to keep it in, and past the bounds of a flood (decision 0021). The way on of a failure that",
        "is told by a field is its form, filled again; a page offers what the last column names, where it exists.",
        "",
        "| number | status | cause | in French | in English | way on |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for error in errors.catalogue():
        cause = " ".join((error.__doc__ or "").split())
        words = [words[error.text].replace("|", "\\|") for words in (french, english)]
        by_field = error.channel is errors.Channel.FIELD
        way = f"the form, at `{error.field}`" if by_field and error.field else "the form" if by_field else ""
        way = way or ", ".join(_WAYS[kind] for kind in error.ways)
        lines.append(f"| {error.code} | {error.status} | {cause} | {words[0]} | {words[1]} | {way} |")
    return "\n".join(lines) + "\n"


def pages() -> dict[str, str]:
    """Name of a file in config/nginx/pages -> its content: a page in each language and JSON, a kind of failure."""
    templates = jinja2.Environment(
        loader=jinja2.FileSystemLoader(ROOT / "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    made = {}
    for kind, (error, code, description) in _BY_NGINX.items():
        made[f"{kind}.json"] = (
            json.dumps({"error": code, "error_description": description}, separators=(",", ":")) + "\n"
        )
        for language in LANGUAGES:
            texts = Texts(language, "Europe/Paris")
            # The retry of a page is the address that stands in the browser.
            known = {
                errors.Way.RETRY: (texts("errors.to_retry"), ""),
                errors.Way.SIGN_IN: (texts("errors.to_login"), "/login"),
                errors.Way.LETTER: (texts("errors.to_letter"), "/login/provisional"),
            }
            title = f"{error.text}_title"
            made[f"{kind}.{language}.html"] = templates.get_template("errors/front.html").render(
                t=texts,
                error=error,
                title=texts(title if texts.has(title) else "errors.title"),
                ways=[known[way] for way in error.ways if way in known],
                brand=Brand.of(DEFAULT),
                reference=_REFERENCE,
            )
    return made


if __name__ == "__main__":
    for name, text in pages().items():
        (PAGES / name).write_text(text, encoding="utf-8")
    (HERE / "settings.md").write_text(settings(), encoding="utf-8")
    (HERE / "errors.md").write_text(failures(), encoding="utf-8")
