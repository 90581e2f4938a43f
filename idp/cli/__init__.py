"""The command line: `idp NOUN VERB`. This module only knows the nouns; each is a module that is imported when used.

Conventions, the same everywhere (docs/cli.md): data on stdout, messages and progress on stderr; `--output
table|json|jsonl|csv`; exit codes of `failures.ExitCode`; one sentence for a failure, never a traceback (unless
`--debug`); `--dry-run` on what changes things; secrets never among the arguments, printed once.
"""

from __future__ import annotations

from typing import Any

import click

from idp.cli import failures
from idp.cli.lazy import LazyGroup


class Root(LazyGroup):
    """The whole command line: tells every failure as one sentence with its exit code."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except (click.ClickException, click.exceptions.Exit, BrokenPipeError):
            raise
        except (KeyboardInterrupt, click.Abort):
            raise failures.Interrupted() from None
        except Exception as error:
            if ctx.params.get("debug"):
                raise
            raise failures.explained(error) from None


@click.command(
    cls=Root,
    nouns={
        "customers": ("idp.cli.customers:command", "Groups that run agencies (codes client)."),
        "agencies": ("idp.cli.agencies:command", "Companies of a customer (codes société), with their brand."),
        "clients": ("idp.cli.clients:command", "Portals (OAuth clients) and their secrets."),
        "accounts": (
            "idp.cli.accounts:command",
            "Import letters; find, show, unlock, close, export and erase people's accounts.",
        ),
        "keys": ("idp.cli.keys:command", "Signing keys of tokens."),
        "terms": ("idp.cli.terms:command", "Terms of use and privacy policy."),
        "mail": ("idp.cli.mail:command", "Deliver mail, look at the outbox, test the mail server."),
        "audit": (
            "idp.cli.audit:command",
            "Find what was done, by whom, and why; show that nothing was changed since.",
        ),
        "sessions": ("idp.cli.sessions:command", "Who is signed in; end it; portals that were not told."),
        "db": ("idp.cli.db:command", "The database's schema."),
        "config": ("idp.cli.config:command", "Check and show the settings."),
        "doctor": ("idp.cli.doctor:command", "Is everything ready? One line for each check."),
        "purge": ("idp.cli.purge:command", "Delete what has expired."),
        "serve": ("idp.cli.serve:command", "Run the web service."),
        "demo": ("idp.cli.demo:command", "Run a complete demonstration on this machine."),
        "completion": ("idp.cli.completion:command", "Completion of commands for your shell."),
    },
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
)
@click.version_option(package_name="mon-compte-immobilier", prog_name="idp")
@click.option("--debug", is_flag=True, help="Show the traceback of an unexpected failure.")
def command(debug: bool) -> None:
    """Mon compte immobilier: the identity provider of property-management extranets.

    Settings come from config/*.toml and from IDP_… variables; `idp config check` tells what is wrong with them.
    Exit codes: 0 ok, 1 failure, 2 usage, 3 not found, 4 conflict, 5 database or mail server away, 130 interrupted.
    """
