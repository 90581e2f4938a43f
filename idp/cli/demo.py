"""`idp demo`: the whole service with portals and a mailbox, on this machine."""

from __future__ import annotations

import importlib.util
import signal
import threading
from pathlib import Path

import click

from idp.cli.failures import Failure
from idp.demo.folder import Folder, FolderInUse
from idp.demo.places import PORTS, Places, PortInUse
from idp.demo.provider import Provider


@click.command()
@click.option("--fresh", is_flag=True, help="Start again: forget the accounts, letters and mails of earlier runs.")
@click.option(
    "--port-base",
    type=click.IntRange(1024, 65536 - PORTS),
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
    places, folder = Places(port_base), Folder(Path(".demo"))
    try:
        places.require_free()
        folder.open(fresh=fresh)
    except PortInUse as error:
        message = f"port {error.port} is in use: stop what listens there, or choose others with --port-base"
        raise Failure(message) from None
    except FolderInUse:
        raise Failure(f"another demonstration runs in {folder.path}: stop it first") from None
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda _number, _frame: stop.set())
    _run(places, folder, stop, output)


def _run(places: Places, folder: Folder, stop: threading.Event, output: str) -> None:
    provider = Provider(folder.provider_log)
    provider.load(folder.environment(places.port_base))
    folder.keep_environment(places.port_base)
    # Only now, while the provider's process loads its own modules on another core.
    from idp.demo import run, told

    demo = run.Demo(folder, places, provider, stop)
    try:
        demo.start()
        if stop.is_set():
            return
        if output == "json":
            click.echo(told.as_json(demo))
        else:
            told.to_person(demo)
        demo.watch()
    except run.DemoFailed as error:
        raise Failure(str(error)) from None
    finally:
        demo.end()
