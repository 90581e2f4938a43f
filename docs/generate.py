"""Writes docs/settings.md and docs/errors.md from the code, so that they cannot tell something else: `make docs`."""

from __future__ import annotations

from pathlib import Path

from pydantic import SecretStr

from idp import errors
from idp.settings import Settings
from idp.texts import catalogue

HERE = Path(__file__).parent
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
        "the same request carries it, and `idp audit search REFERENCE` finds what was done. The way on of a failure that",
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


if __name__ == "__main__":
    (HERE / "settings.md").write_text(settings(), encoding="utf-8")
    (HERE / "errors.md").write_text(failures(), encoding="utf-8")
