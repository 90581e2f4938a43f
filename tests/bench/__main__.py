"""`python -m tests.bench`: what `make bench` runs. Results go to docs/performance/, progress to stderr."""

from __future__ import annotations

import argparse
import json
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from idp.settings import ROOT
from tests.bench import importing, mails, once, peer, plot, product, report
from tests.bench.databases import Database, PostgreSQL, SQLite
from tests.bench.scenarios import SCENARIOS, Stage
from tests.bench.windows import How, Measured, measure
from tests.bench.wire import Driver
from tests.support import postgres

_MAILS = 2000


def main() -> None:
    options = _options()
    how = How(options.seconds, min(1.0, options.seconds / 3), options.repeat, options.disturbed_over, options.again)
    wanted = [name for name in SCENARIOS if options.scenarios is None or name in options.scenarios]
    measured: list[Measured] = []
    more: dict[str, Any] = {"people": options.people, "workers": product.WORKERS}
    for name in options.databases:
        with ExitStack() as ended:
            database = PostgreSQL(options.data) if name == "postgresql" else SQLite()
            ended.callback(database.stop)
            found, others = _run(database, wanted, how, options, ended)
            measured += found
            more[name] = others
        report.write(options.results, options.name, measured, more)
    plot.draw(measured, options.results / f"{options.name}.svg")
    print(report.table(measured))
    print()
    print(report.ratios(measured))
    print()
    print(json.dumps(more, indent=1))


def _run(
    database: Database, wanted: list[str], how: How, options: argparse.Namespace, ended: ExitStack
) -> tuple[list[Measured], dict[str, Any]]:
    """The scenarios on one database, the peer beside ours where it can run; and what is measured once."""
    others: dict[str, Any] = {}
    url = database.create(product.DATABASE)
    cost = {"IDP_BCRYPT_COST": str(options.cost)}
    product.prepare(url, options.people, _say, **cost)
    whole = options.scenarios is None
    if whole:
        others |= {"commands": once.commands(url), "start": once.start(url)}
        _say(json.dumps(others))
    ours = product.start(url, log=options.results / "server.log" if options.log else None, **cost)
    ended.callback(ours.stop)
    stages = [Stage(product.described(ours, database.process, options.people), _driver(ended))]
    places: list[tuple[Database, str]] = [(database, product.DATABASE)]
    if options.peer and isinstance(database, PostgreSQL) and peer.installed():
        other = peer.Peer(database, cost=options.cost)
        ended.callback(other.stop)
        stages.append(Stage(other.described(), _driver(ended)))
        places.append((database, peer.DATABASE))
    others["memory_idle"] = once.resident(ours.process.pid)
    measured: list[Measured] = []
    for name in wanted:
        for one in measure(SCENARIOS[name], stages, places, how):
            measured.append(one)
            _say(report.table([one]).splitlines()[-1])
        others[f"memory_after_{name}"] = once.resident(ours.process.pid)
    if whole and isinstance(database, PostgreSQL):
        # Not worth the figures of an hour: a failure here is told beside them.
        for name, act in (
            ("rush", lambda: once.rush(stages[0], seconds=how.seconds)),
            ("import", lambda: importing.imported(url, options.lines, database.process)),
            ("mail", lambda: mails.delivered(url, _MAILS, database=database.process)),
        ):
            try:
                others[name] = act()
            except (RuntimeError, OSError) as error:
                others[name] = f"failed: {error}"
            _say(f"{name}: {others[name]}")
    return measured, others


def _driver(ended: ExitStack) -> Driver:
    driver = Driver()
    ended.callback(driver.close)
    return driver


def _say(words: str) -> None:
    print(words, file=sys.stderr, flush=True)


def _options() -> argparse.Namespace:
    databases = ["postgresql", "sqlite"] if postgres.installed() else ["sqlite"]
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument(
        "--scenarios", type=lambda text: text.replace(",", " ").split() or None, help=", ".join(SCENARIOS)
    )
    parser.add_argument("--databases", type=lambda text: text.replace(",", " ").split() or databases, default=databases)
    parser.add_argument("--people", type=int, default=1000, help="accounts in the data set (default 1000)")
    parser.add_argument("--seconds", type=float, default=5.0, help="length of a window (default 5)")
    parser.add_argument("--repeat", type=int, default=3, help="windows of a scenario (default 3)")
    parser.add_argument("--disturbed-over", type=float, default=0.2, help="cores of others; windows above are repeated")
    parser.add_argument("--again", type=int, default=3, help="how often a disturbed window is repeated (default 3)")
    parser.add_argument("--no-peer", dest="peer", action="store_false", help="measure ours alone")
    parser.add_argument(
        "--data", type=Path, help="folder of a kept cluster (python -m tests.bench.data); PostgreSQL only"
    )
    parser.add_argument("--lines", type=int, default=20_000, help="lines of the import (default 20000)")
    parser.add_argument("--cost", type=int, default=12, help="of bcrypt (default 12, as in production)")
    parser.add_argument("--log", action="store_true", help="keep what the provider logs beside the results")
    parser.add_argument("--results", type=Path, default=ROOT / "docs" / "performance")
    parser.add_argument("--name", default="bench", help="of the files of results")
    options = parser.parse_args()
    unknown = [name for name in options.scenarios or [] if name not in SCENARIOS]
    if unknown:
        parser.error(f"unknown scenarios: {', '.join(unknown)}")
    return options


if __name__ == "__main__":
    main()
