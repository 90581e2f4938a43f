"""`python -m tests.bench.data`: a PostgreSQL cluster with a data set, kept in a folder for `make bench DATA=folder`."""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from tests.bench import product
from tests.bench.databases import PostgreSQL


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.data", description=__doc__)
    parser.add_argument("--people", type=int, required=True, help="accounts; ten million are 30 GB")
    parser.add_argument("--folder", type=Path, required=True, help="where the cluster stays")
    options = parser.parse_args()
    began = time.perf_counter()

    def told(words: str) -> None:
        print(f"{time.perf_counter() - began:7.0f} s  {words}", file=sys.stderr, flush=True)

    database = PostgreSQL(options.folder)
    try:
        product.prepare(database.create(product.DATABASE), options.people, told)
    finally:
        database.stop()
    told("done")


if __name__ == "__main__":
    main()
