"""What the demonstration keeps between two runs, in a folder that only its user can read."""

from __future__ import annotations

import fcntl
import json
import os
import secrets
import shlex
from dataclasses import asdict, dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Letter:
    """A letter as its person has it in hand. email: the address that the agency suggests, if any."""

    client: str
    societe: str
    provisional_identifier: str
    provisional_password: str = field(repr=False)
    email: str | None


class FolderInUse(Exception):
    """Another demonstration runs in the folder."""


class Folder:
    """./.demo: mode 0700, and its secret files 0600."""

    # Everything that is ours: `--fresh` deletes nothing else, should the folder be somebody's own.
    _OURS = ("idp.sqlite*", "mails/*.eml", "letters.*", "provider.log", "secret-*", "env")

    def __init__(self, path: Path) -> None:
        self.path = path.resolve()
        self.database = self.path / "idp.sqlite"
        self.mails = self.path / "mails"
        self.provider_log = self.path / "provider.log"

    def open(self, *, fresh: bool) -> None:
        """Make the folder and keep others out until the process ends. fresh: what an earlier run left is deleted.

        Raises FolderInUse.
        """
        self.path.mkdir(mode=0o700, exist_ok=True)
        self._held = os.open(self.path, os.O_RDONLY)
        try:
            fcntl.flock(self._held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise FolderInUse() from None
        if fresh:
            for pattern in self._OURS:
                for file in self.path.glob(pattern):
                    file.unlink()
        self.mails.mkdir(mode=0o700, exist_ok=True)

    @property
    def secret_key_file(self) -> Path:
        """The file of the provider's master secret, made at the first run."""
        self.secret("key")
        return self.path / "secret-key"

    def secret(self, name: str) -> str:
        """A random secret of this installation, 43 characters, the same at each run."""
        file = self.path / f"secret-{name}"
        if not file.exists():
            self._write(file, secrets.token_urlsafe(32))
        return file.read_text(encoding="utf-8")

    def environment(self, port_base: int) -> dict[str, str]:
        """The variables of the provider's process: this machine's, without any `IDP_…` of a real installation."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("IDP_")}
        return kept | {
            "IDP_ENVIRONMENT": "development",
            "IDP_ISSUER": f"http://127.0.0.1:{port_base}",
            "IDP_DATABASE_URL": f"sqlite:///{self.database}",
            "IDP_SECRET_KEY_FILE": str(self.secret_key_file),
            "IDP_BIND_HOST": "127.0.0.1",
            "IDP_BIND_PORT": str(port_base),
            "IDP_WORKERS": "1",
            "IDP_SMTP_HOST": "127.0.0.1",
            "IDP_SMTP_PORT": str(port_base + 2),
            "IDP_SMTP_SECURITY": "none",
            "IDP_LOG_LEVEL": "WARNING",
        }

    def keep_environment(self, port_base: int) -> None:
        """Write the variables to `.demo/env`, so that commands can be run on the demonstration: `. .demo/env`."""
        told = {name: value for name, value in self.environment(port_base).items() if name.startswith("IDP_")}
        self._write(self.path / "env", "".join(f"export {name}={shlex.quote(told[name])}\n" for name in sorted(told)))

    def letters(self) -> list[Letter]:
        """All letters, in the order of the export; empty before the first import."""
        file = self.path / "letters.json"
        return [Letter(**one) for one in json.loads(file.read_text(encoding="utf-8"))] if file.exists() else []

    def keep_letters(self, letters: list[Letter]) -> None:
        self._write(self.path / "letters.json", json.dumps([asdict(letter) for letter in letters], indent=1))

    def _write(self, file: Path, text: str) -> None:
        """Never readable by others, not even for a moment; never half written."""
        half = file.with_suffix(".new")
        half.unlink(missing_ok=True)
        with os.fdopen(os.open(half, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as out:
            out.write(text)
        half.replace(file)
