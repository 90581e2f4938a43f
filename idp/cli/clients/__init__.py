"""`idp clients`: the portals, their addresses and secrets; declared one by one, or in files (`files.py`).

commands.py   create, list, show, update, disable, enable, delete, rotate-secret; changes.py: what their options mean
declared.py   apply, diff, export   files.py   the TOML format: reading with line numbers, writing
plan.py       what of a file is new or different; pure
tokens.py     with which software registers itself   trial.py   test: does what is registered work?
"""

from __future__ import annotations

import click

from idp.cli.clients import commands, declared, tokens, trial


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
        "test": trial.test,
        "apply": declared.apply,
        "diff": declared.diff,
        "export": declared.export,
        "tokens": tokens.command,
    }
)
def command() -> None:
    """Portals (OAuth clients) and their secrets."""
