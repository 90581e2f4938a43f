"""Writes docs/settings.md and docs/errors.md from the code, so that they cannot tell something else: `make docs`."""

from __future__ import annotations

from pathlib import Path

from pydantic import SecretStr

from idp import errors
from idp.settings import Settings
from idp.texts import catalogue

HERE = Path(__file__).parent


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
    """Every numbered failure with its status and its words."""
    french, english = catalogue("fr"), catalogue("en")
    lines = [
        "# Errors",
        "",
        "Every failure that a person can meet has a number. A page of its own also shows a reference: the log line of",
        "the same request carries it. *field*: told by the field, the form filled again; *page*: a page with a way on.",
        "",
        "| number | status | told | cause | in French | in English |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for error in errors.catalogue():
        cause = " ".join((error.__doc__ or error.__name__).split())
        words = [words[error.text].replace("|", "\\|") for words in (french, english)]
        lines.append(f"| {error.code} | {error.status} | {error.channel} | {cause} | {words[0]} | {words[1]} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    (HERE / "settings.md").write_text(settings(), encoding="utf-8")
    (HERE / "errors.md").write_text(failures(), encoding="utf-8")
