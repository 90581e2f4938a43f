"""`idp clients`: the portals, their addresses and secrets; declared one by one, or in files (`files.py`).

commands.py   create, list, show, update, disable, enable, delete, rotate-secret
declared.py   apply, export   files.py   the TOML format: reading with line numbers, writing
plan.py       what of a file is new or different; pure
"""

from __future__ import annotations

import click

from idp.cli.clients import commands, declared


@click.group(
    commands={
        "create": commands.create,
        "list": commands.list_,
        "show": commands.show,
        "update": commands.update,
        "rotate-secret": commands.rotate_secret,
        "disable": commands.disable,
        "enable": commands.enable,
        "delete": commands.delete,
        "apply": declared.apply,
        "export": declared.export,
    }
)
def command() -> None:
    """Portals (OAuth clients) and their secrets."""
