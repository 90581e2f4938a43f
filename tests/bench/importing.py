"""`python -m tests.bench.importing`: what `make bench-import` runs: an export without passwords, imported and imported again.

On both databases, by the command as an operator starts it, each on an empty database of its own. What it took goes to
docs/performance/import.md and .json.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

from idp.settings import ROOT
from tests.bench import machine, once, product, report
from tests.bench.data import rows
from tests.bench.databases import Database, PostgreSQL, SQLite
from tests.support import postgres

_HEADER = ("code client", "code société", "identifiant", "civilité", "nom", "prénom", "email", "téléphone")
_MORE = ("adresse", "code postal", "ville", "rôle", "références contrats", "mandat")
_HEADINGS = ("database", "import", "lines", "lines/s", "CPU µs/line", "of it database", "most MB", "load before")


def imported(database_url: str, lines: int, database_process: int | None = None) -> list[dict[str, Any]]:
    """`idp accounts import --letters` of lines with credentials to be made, and the same file again."""
    with tempfile.TemporaryDirectory(prefix="idp-bench-import-") as folder:
        file, letters = Path(folder) / "export.csv", Path(folder) / "letters.csv"
        write_export(file, lines)
        arguments = ["accounts", "import", str(file), "--letters", str(letters), "--output", "csv"]
        told = [_told(name, arguments, database_url, lines, database_process) for name in ("new", "unchanged")]
        with letters.open(encoding="utf-8") as written:
            made = sum(1 for _ in written) - 1
    if made != lines:
        raise RuntimeError(f"{made} letters of {lines} lines")
    return told


def _told(
    name: str, arguments: list[str], database_url: str, lines: int, database_process: int | None
) -> dict[str, Any]:
    load = os.getloadavg()[0]
    before = _of_database(database_process)
    took = once.run(arguments, database_url)
    database = _of_database(database_process) - before
    return {
        "import": name,
        "lines": lines,
        "lines_a_second": round(lines / took["ms"] * 1000),
        "processor_us_a_line": round((took["processor_ms"] * 1000 + database * 1e6) / lines, 1),
        "of_it_database_us": round(database * 1e6 / lines, 1),
        "most_memory_mb": took["most_memory_mb"],
        "load_before": round(load, 2),
    }


def _of_database(process: int | None) -> float:
    if process is None:
        return 0.0
    return sum(machine.processor_seconds(machine.tree(process)).values()) + machine.ended_seconds(process)


def write_export(file: Path, lines: int) -> None:
    """An agency's export without passwords: the first agency of the data set, new identifiers."""
    with file.open("w", encoding="utf-8", newline="") as out:
        writer = csv.writer(out, delimiter=";")
        writer.writerow((*_HEADER, *_MORE))
        for number in range(lines):
            writer.writerow(
                (
                    *("C00000", "S00000", f"N{number:09d}", ("Mme", "M.")[number % 2]),
                    *(f"NOM{number % 9973}", "Rolande", rows.email(number), f"06{number % 10**8:08d}"),
                    *(f"{number % 300 + 1} boulevard Breton", "31000", "Toulouse"),
                    *("locataire", f"V{number:09d}", f"{number % 9000}"),
                )
            )


def _measured(database: Database, lines: int) -> list[dict[str, Any]]:
    try:
        url = database.create(product.DATABASE)
        product.prepare(url, 100, IDP_BCRYPT_COST="4")
        return [{"database": database.name, **one} for one in imported(url, lines, database.process)]
    finally:
        database.stop()


def _table(measured: list[dict[str, Any]]) -> str:
    lines = [_HEADINGS, ("---",) * len(_HEADINGS)]
    lines += [tuple(f"{cell:,}" if isinstance(cell, int) else str(cell) for cell in one.values()) for one in measured]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.importing", description=__doc__)
    parser.add_argument("--lines", type=int, default=100_000, help="of the export (default 100000)")
    parser.add_argument("--results", type=Path, default=ROOT / "docs" / "performance")
    options = parser.parse_args()
    measured: list[dict[str, Any]] = []
    for kind in (PostgreSQL, SQLite) if postgres.installed() else (SQLite,):
        measured += _measured(kind(), options.lines)
        print(_table(measured[-2:]), file=sys.stderr, flush=True)
    whole = {"conditions": report.conditions(), "imports": measured}
    options.results.mkdir(parents=True, exist_ok=True)
    (options.results / "import.json").write_text(json.dumps(whole, indent=1) + "\n", encoding="utf-8")
    facts = "\n".join(f"{name}: {value}\n" for name, value in report.conditions().items())
    (options.results / "import.md").write_text(f"{_table(measured)}\n\n{facts}", encoding="utf-8")
    print(_table(measured))


if __name__ == "__main__":
    main()
