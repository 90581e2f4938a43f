"""`python -m tests.bench.servers`: the provider under granian, as `idp serve` runs it, and under gunicorn, in turn.

gunicorn is no part of the project: it is measured where it is installed. Two processes each; a worker of gunicorn answers
one request at a time, or has as many threads as one of ours.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace

from tests.bench import product, report
from tests.bench.databases import PostgreSQL
from tests.bench.scenarios import SCENARIOS, Stage
from tests.bench.windows import How, measure
from tests.bench.wire import Driver

_GUNICORN = (
    sys.executable,
    "-m",
    "gunicorn",
    "idp.wsgi:create()",
    "-w",
    str(product.WORKERS),
    "-b",
    "127.0.0.1:{port}",
)
SERVERS: Mapping[str, Sequence[str]] = {
    "granian": product.SERVE,
    "gunicorn sync": _GUNICORN,
    "gunicorn gthread": (*_GUNICORN, "-k", "gthread", "--threads", "4"),
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.servers", description=__doc__)
    parser.add_argument("--seconds", type=float, default=5.0, help="length of a window (default 5)")
    parser.add_argument("--repeat", type=int, default=3, help="windows of each (default 3)")
    parser.add_argument("--scenarios", nargs="+", default=["userinfo", "refresh"], choices=sorted(SCENARIOS))
    options = parser.parse_args()
    with ExitStack() as ended:
        database = PostgreSQL(None)
        ended.callback(database.stop)
        url = database.create(product.DATABASE)
        product.prepare(url, people=1000)
        stages = []
        for name, command in SERVERS.items():
            running = product.start(url, command=command)
            ended.callback(running.stop)
            driver = Driver()
            ended.callback(driver.close)
            stages.append(Stage(replace(product.described(running, database.process, 1000), name=name), driver))
        how = How(options.seconds, min(1.0, options.seconds / 3), options.repeat, again=0)
        places = [(database, product.DATABASE)] * len(stages)
        for name in options.scenarios:
            print(report.table(measure(SCENARIOS[name], stages, places, how)))


if __name__ == "__main__":
    main()
