"""`idp config`: the settings in force, and what each of them means. Secrets are never shown."""

from __future__ import annotations

from typing import Any

import click
from pydantic import SecretStr
from pydantic.fields import FieldInfo

from idp.cli.output import Output, output_option, rows, say
from idp.cli.output import record as print_record
from idp.settings import PREFIX, Settings, load

HIDDEN = "********"


@click.group()
def command() -> None:
    """Check and show the settings."""


@command.command()
def check() -> None:
    """Exit code 0 when the settings can be used; otherwise every wrong key is named."""
    settings = load()
    say(f"the settings of {settings.environment!r} can be used")


@command.command()
@click.option("--describe", is_flag=True, help="What each setting means, its default and its variable.")
@output_option
def show(describe: bool, output: Output) -> None:
    """The settings in force, secrets hidden."""
    settings = load()
    if describe:
        rows([_described(settings, *field) for field in Settings.model_fields.items()], _COLUMNS, output)
    else:
        print_record({name: _shown(getattr(settings, name)) for name in Settings.model_fields}, output)


_COLUMNS = ("name", "value", "default", "variable", "meaning")


def _described(settings: Settings, name: str, field: FieldInfo) -> dict[str, Any]:
    return {
        "name": name,
        "value": _shown(getattr(settings, name)),
        "default": _shown(field.default),
        "variable": f"{PREFIX}{name.upper()}",
        "meaning": field.description or "",
    }


def _shown(value: Any) -> Any:
    """An empty secret is shown as such: whether one is set matters, what it is does not."""
    if isinstance(value, SecretStr):
        return HIDDEN if value.get_secret_value() else ""
    return value
