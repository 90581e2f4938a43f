"""`idp clients`: the portals, their addresses and secrets; declared one by one, or in files (`files.py`).

listing.py    list, show   commands.py   what changes one; changes.py: what its options mean
declared.py   apply, diff, export   files.py   the TOML format: reading with line numbers, writing
plan.py       what of a file is new or different; pure
tokens.py     with which software registers itself   trial.py   test: does what is registered work?
"""

from __future__ import annotations

import click

from idp.cli.lazy import LazyGroup

_HERE = "idp.cli.clients"


@click.command(
    cls=LazyGroup,
    nouns={
        "create": (f"{_HERE}.commands:create", "Register a portal and print the settings for it."),
        "list": (f"{_HERE}.listing:list_", "All portals, in the order of their ids."),
        "show": (f"{_HERE}.listing:show", "One portal with all that is registered."),
        "update": (f"{_HERE}.commands:update", "Change what is registered of a portal."),
        "rotate-secret": (f"{_HERE}.commands:rotate_secret", "Make a new secret; the old ones work for a while."),
        "disable": (f"{_HERE}.commands:disable", "Refuse every request of a portal."),
        "enable": (f"{_HERE}.commands:enable", "Undo `disable`."),
        "delete": (f"{_HERE}.commands:delete", "Forget a portal and revoke its grants."),
        "test": (f"{_HERE}.trial:test", "Try what is registered of a portal."),
        "apply": (f"{_HERE}.declared:apply", "Make the registrations what files declare."),
        "diff": (f"{_HERE}.declared:diff", "What `apply` would change."),
        "export": (f"{_HERE}.declared:export", "Print the registrations as a file for `apply`."),
        "tokens": (f"{_HERE}.tokens:command", "Tokens with which software registers itself."),
    },
)
def command() -> None:
    """Portals (OAuth clients) and their secrets."""
