"""`idp demo`: the whole service with portals and a mailbox, on this machine."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import click

from idp.cli.failures import Failure

# The provider's port, the mailbox, SMTP and three portals.
PORTS = 6


@click.command()
@click.option("--fresh", is_flag=True, help="Start again: forget the accounts, letters and mails of earlier runs.")
@click.option(
    "--port-base",
    type=click.IntRange(1024, 65535 - PORTS),
    default=8000,
    show_default=True,
    help="The provider's port; the next five are the mailbox, SMTP and the portals.",
)
@click.option(
    "--output",
    "-o",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="json: the first line of stdout tells a program where everything is.",
)
def command(fresh: bool, port_base: int, output: str) -> None:
    """Run a complete demonstration on this machine: provider, mailbox, three agencies' portals, letters to try.

    Everything listens on 127.0.0.1 and is kept in ./.demo. Ctrl-C ends it.
    """
    for needed in ("aiosmtpd", "requests"):
        if importlib.util.find_spec(needed) is None:
            raise Failure(f"the demonstration needs {needed}: install mon-compte-immobilier[demo]")
    from idp.demo import run, told
    from idp.demo.folder import Folder, FolderInUse

    run.quiet_logs()
    folder = Folder(Path(".demo"))
    demo = run.Demo(folder, port_base)
    try:
        demo.require_ports()
        folder.open(fresh=fresh)
        demo.start()
        if output == "json":
            click.echo(told.as_json(demo))
        else:
            told.to_person(demo)
        demo.watch()
    except FolderInUse:
        raise Failure(f"another demonstration runs in {folder.path}: stop it first") from None
    except run.DemoFailed as error:
        raise Failure(str(error)) from None
    finally:
        demo.stop()
