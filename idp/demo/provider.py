"""The provider's process, seen from both ends: `Provider` starts and ends it, `main` is what runs in it.

It is exactly `idp serve`, but for one thing: its modules are loaded while the demonstration still prepares the
database, and it begins to serve at a word on its standard input.
"""

from __future__ import annotations

import http.client
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

STOP_SECONDS = 20.0
_GO = b"go\n"


class Provider:
    """log: the file that takes what the process says."""

    def __init__(self, log: Path) -> None:
        self._log = log
        self._process: subprocess.Popen[bytes] | None = None

    def load(self, environ: Mapping[str, str]) -> None:
        """Start the process; it loads and waits."""
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "idp.demo.provider"],
                env=dict(environ),
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                start_new_session=True,  # Ctrl-C is the demonstration's to pass on
            )

    def go(self) -> None:
        """Let it serve: the database is ready."""
        if self._process is not None and self._process.stdin is not None:
            try:
                self._process.stdin.write(_GO)
                self._process.stdin.flush()
            except BrokenPipeError:
                pass  # it has ended: `ended` says so, and `why` says why

    @property
    def ended(self) -> bool:
        return self._process is None or self._process.poll() is not None

    def why(self) -> str:
        """The last line of its own that it wrote, which says why when it ended on purpose."""
        lines = self._log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
        told = [line for line in lines if not line.startswith("[")] or ["it said nothing"]
        return f"{told[-1].removeprefix('idp: ')} (all it said: {self._log})"

    def stop(self) -> None:
        """Begin to end it; `wait` for it afterwards."""
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()

    def wait(self) -> None:
        if self._process is None:
            return
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        if self._process.stdin is not None:
            self._process.stdin.close()


def answers(host: str, port: int) -> bool:
    """Whether the discovery document can be read, without a proxy that the environment may name."""
    connection = http.client.HTTPConnection(host, port, timeout=5)
    try:
        connection.request("GET", "/.well-known/openid-configuration")
        return connection.getresponse().status == http.HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def main() -> None:
    """In the process: load, wait for the word, serve. Ends when the demonstration does."""
    import idp.cli.serve
    import idp.wsgi
    from idp.cli import command

    idp.cli.serve.die_with_parent()
    if sys.stdin.buffer.readline() == _GO:
        command.main(["serve", "--stop-with-parent"], prog_name="idp")


if __name__ == "__main__":
    main()
