"""`python -m tests.bench`: what `make bench` runs. Results go to docs/performance/, progress to stderr."""

from __future__ import annotations

import argparse
import sys
from contextlib import ExitStack
from pathlib import Path

from idp.settings import ROOT
from tests.bench import peer, product, report
from tests.bench.databases import Database, PostgreSQL, SQLite
from tests.bench.scenarios import SCENARIOS, Stage
from tests.bench.windows import How, Measured, measure
from tests.bench.wire import Driver
from tests.support import postgres


def main() -> None:
    options = _options()
    how = How(options.seconds, min(1.0, options.seconds / 3), options.repeat, options.disturbed_over, options.again)
    wanted = [name for name in SCENARIOS if options.scenarios is None or name in options.scenarios]
    measured: list[Measured] = []
    for name in options.databases:
        with ExitStack() as ended:
            database = PostgreSQL() if name == "postgresql" else SQLite()
            ended.callback(database.stop)
            measured += _run(database, wanted, how, options, ended)
    report.write(options.results, options.name, measured, {"people": options.people, "workers": product.WORKERS})
    print(report.table(measured))
    print()
    print(report.ratios(measured))


def _run(
    database: Database, wanted: list[str], how: How, options: argparse.Namespace, ended: ExitStack
) -> list[Measured]:
    """The scenarios on one database, the peer beside ours where it can run."""
    url = database.create(product.DATABASE)
    product.prepare(url, options.people, _say)
    log = options.results / "server.log"
    ours = product.start(url, log=log if options.log else None)
    ended.callback(ours.stop)
    _say(f"{database.name}: first answer after {ours.seconds:.2f} s")
    stages = [Stage(product.described(ours, database.process, options.people), _driver(ended))]
    places: list[tuple[Database, str]] = [(database, product.DATABASE)]
    if options.peer and isinstance(database, PostgreSQL) and peer.installed():
        other = peer.Peer(database)
        ended.callback(other.stop)
        stages.append(Stage(other.described(), _driver(ended)))
        places.append((database, peer.DATABASE))
    measured: list[Measured] = []
    for name in wanted:
        for one in measure(SCENARIOS[name], stages, places, how):
            measured.append(one)
            _say(report.table([one]).splitlines()[-1])
    return measured


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
