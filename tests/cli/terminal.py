"""An operator's terminal: runs `idp …` on a database of the test's own, in this process or in another."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from click.testing import CliRunner
from sqlalchemy.orm import Session

from idp.cli import command
from idp.database import db, reading, transaction
from idp.database_app import create_database_app
from idp.settings import load

IDP = (sys.executable, "-W", "error", "-m", "idp")


@dataclass(frozen=True)
class Answer:
    code: int
    out: str
    err: str

    @property
    def data(self) -> Any:
        """What a JSON output holds."""
        return json.loads(self.out)

    @property
    def sentence(self) -> str:
        """The last line of stderr: why a command failed."""
        return self.err.strip().splitlines()[-1]


class Terminal:
    """`run` answers with code, stdout and stderr; `ok` also asserts that it worked, and reads the JSON."""

    def run(self, *arguments: str, stdin: str | None = None) -> Answer:
        result = CliRunner().invoke(command, arguments, input=stdin)
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
        assert "Traceback" not in result.stderr
        return Answer(result.exit_code, result.stdout, result.stderr)

    def ok(self, *arguments: str) -> Any:
        answer = self.run(*arguments)
        assert answer.code == 0, answer.err
        return answer.data if answer.out else None

    def process(self, *arguments: str, environ: Mapping[str, str] | None = None) -> subprocess.Popen[str]:
        """The same in a process of its own, for what only a process can show."""
        return subprocess.Popen(
            [*IDP, *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, **(environ or {})},
        )

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """The database, to look at."""
        with self._app(), reading() as session:
            yield session

    @contextmanager
    def transaction(self) -> Iterator[Session]:
        """The database, to prepare what no command makes."""
        with self._app(), transaction() as session:
            yield session

    @contextmanager
    def _app(self) -> Iterator[None]:
        with create_database_app(load()).app_context():
            try:
                yield
            finally:
                db.engine.dispose()

    def agency(self, codes: str, name: str = "Agence") -> None:
        """An agency with its customer."""
        customer = codes.partition("/")[0]
        self.run("customers", "create", customer, "--name", customer)
        self.ok("agencies", "create", codes, "--name", name)
