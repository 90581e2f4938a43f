"""What the demonstration says: a page for a person, or one line of JSON for a program."""

from __future__ import annotations

import json
from dataclasses import asdict

from rich import box
from rich.console import Console
from rich.table import Table

from idp.demo.folder import Letter
from idp.demo.run import Demo
from idp.demo.world import AGENCIES, SITUATIONS

MOST_LETTERS = 14
WIDE = 120


def as_json(demo: Demo) -> str:
    """One line: issuer, portals, mailbox and the letters that were not used."""
    portals = [
        {
            "url": demo.places.portal(agency),
            "login": f"{demo.places.portal(agency)}/connexion",
            "client": agency.client,
            "societe": agency.societe,
        }
        for agency in AGENCIES
    ]
    found = {"issuer": demo.places.issuer, "portals": portals, "mailbox": demo.places.mailbox}
    return json.dumps(found | {"letters": [asdict(letter) for letter in demo.letters]}, ensure_ascii=False)


def to_person(demo: Demo) -> None:
    """Where to go, and some letters to try."""
    console = Console(highlight=False)
    places = Table(box=None, show_header=False, padding=(0, 3, 0, 0))
    for agency in AGENCIES:
        places.add_row(f"{agency.name} ({agency.client}/{agency.societe})", f"[bold]{demo.places.portal(agency)}[/]")
    places.add_row("Mailbox: all mails arrive here", f"[bold]{demo.places.mailbox}[/]")
    places.add_row("Mon compte immobilier (the provider)", f"[bold]{demo.places.issuer}[/]")
    console.print("\n[bold]The demonstration is running.[/] Open a portal and sign in with a letter:\n")
    console.print(places)
    console.print()
    console.print(_table(demo.letters, console.width))
    console.print(
        "\nOn the sign-in page choose « Utilisez cette option », type a letter's two codes, and read the mailbox."
        "\nTo try commands on it, in another terminal: [bold]. .demo/env && .venv/bin/idp doctor[/]"
        "\nCtrl-C ends everything; the next `idp demo` goes on from here, `idp demo --fresh` starts again.\n"
    )


def _table(letters: list[Letter], width: int) -> Table:
    """width: of the terminal, in characters. What must be typed is never cut, whatever the width."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    for heading in ("Agency", "Identifiant", "Mot de passe", "Suggested address", "Who"):
        if heading != "Who" or width >= WIDE:
            table.add_column(heading, overflow="fold")
    for letter in letters[:MOST_LETTERS]:
        cells = (
            f"{letter.client}/{letter.societe}",
            letter.provisional_identifier,
            letter.provisional_password,
            letter.email or "-",
            SITUATIONS.get(letter.provisional_identifier, ""),
        )
        table.add_row(*cells[: len(table.columns)])
    if len(letters) > MOST_LETTERS:
        table.caption = f"{len(letters) - MOST_LETTERS} more in .demo/letters.json"
    return table
