"""An import asks the database a fixed number of times for each batch, whatever it holds: that is what makes it quick."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event, text

from idp.accounts.importing.letters import LettersFile
from idp.accounts.importing.run import BATCH, Run
from idp.app import make_deps
from idp.database import db
from idp.settings import load
from tests.cli.terminal import Terminal
from tests.demo.running import wait_until
from tests.importing.builders import a_line, an_export, examined

COMPANIES = ("TLS01", "TLS02", "TLS03")


@pytest.fixture
def agencies(idp: Terminal) -> Terminal:
    for company in COMPANIES:
        idp.agency(f"ADB/{company}")
    return idp


def statements(idp: Terminal, file: Path, letters: Path, *lines: str) -> int:
    """How many statements an import of these lines is; loading of rows by COPY is not among them."""
    seen: list[str] = []

    def record(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if not statement.startswith(("BEGIN", "PRAGMA")):
            seen.append(statement)

    with idp._app():
        event.listen(db.engine, "before_cursor_execute", record)
        deps = make_deps(load())
        letters_file = LettersFile(letters, deps)
        Run(deps, tell=lambda _outcome: None, letters_file=letters_file).take(examined(an_export(file, *lines)))
        letters_file.close()
    return len(seen)


def lines(start: int, count: int, **odd: str) -> list[str]:
    """Without passwords, in turn of each agency, two contracts each."""
    return [
        a_line(
            **{"identifier": f"T{n}", "company": COMPANIES[n % 3], "password": "", "contracts": f"V{n}, W{n}", **odd}
        )
        for n in range(start, start + count)
    ]


def test_a_batch_needs_as_many_statements_as_three_lines(agencies: Terminal, tmp_path: Path) -> None:
    file, letters = tmp_path / "export.csv", tmp_path / "letters.csv"
    few, full = lines(0, 3), lines(3, BATCH)
    assert statements(agencies, file, letters, *full) == statements(agencies, file, letters, *few) <= 12
    few, full = lines(0, 3, city="Albi"), lines(3, BATCH, city="Albi")
    assert statements(agencies, file, letters, *full) == statements(agencies, file, letters, *few) <= 12


def test_every_further_batch_costs_the_same_few_statements(agencies: Terminal, tmp_path: Path) -> None:
    file, letters = tmp_path / "export.csv", tmp_path / "letters.csv"
    one = statements(agencies, file, letters, *lines(0, BATCH))
    two = statements(agencies, file, letters, *lines(BATCH, 2 * BATCH))
    assert two - one <= 7


def test_a_file_that_changes_nothing_is_only_looked_up(agencies: Terminal, tmp_path: Path) -> None:
    file, letters = tmp_path / "export.csv", tmp_path / "letters.csv"
    statements(agencies, file, letters, *lines(0, BATCH))
    agencies_and_what_waits_at_each = 1 + len(COMPANIES)
    assert statements(agencies, file, letters, *lines(0, BATCH)) == agencies_and_what_waits_at_each + 1


def test_forgetting_passwords_that_have_left_touches_no_index(agencies: Terminal, tmp_path: Path) -> None:
    """Half of the time of an import, where the row without its password found no room beside the one that had it."""
    with agencies._app():
        if db.engine.dialect.name != "postgresql":
            return  # SQLite writes a row where it is
    counted = text("SELECT n_tup_upd, n_tup_hot_upd FROM pg_stat_user_tables WHERE relname = 'provisional_accounts'")

    def updated() -> tuple[int, int]:
        """Rows so far, and those of them that stayed on their page."""
        with agencies.reading() as session:
            return tuple(session.execute(counted).one())  # type: ignore[return-value]

    rows, of_them = updated()
    statements(agencies, tmp_path / "export.csv", tmp_path / "letters.csv", *lines(0, BATCH))
    with agencies._app():
        db.engine.dispose()  # a connection counts when it ends
    assert wait_until(lambda: updated() == (rows + BATCH, of_them + BATCH)), (rows, of_them, updated())
