"""The certified npm package `oidc-provider`, which shows that the modules are right: what fails there is their fault.

Two versions: what the newer one has dropped is tried with the older (CONFORMANCE_TARGET=oidc_provider_6).
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.conformance.suite.certificates import Certificates
from tests.conformance.targets.process import Process, free_port

_FOLDER = Path(__file__).resolve().parent.parent / "oidc_provider"
_PLACEHOLDER = "https://oidc-provider.test"


class OidcProvider:
    def __init__(self, certificates: Certificates, relying_party: str, folder: Path, version: str) -> None:
        port = free_port()
        self._issuer = f"https://127.0.0.1:{port}"
        self._start = lambda: self._started(certificates, relying_party, folder, version, port)
        self._process = self._start()

    def _started(
        self, certificates: Certificates, relying_party: str, folder: Path, version: str, port: int
    ) -> Process:
        process = Process(
            [str(shutil.which("node")), "provider.mjs"],
            {
                "PATH": os.environ["PATH"],
                "VERSION": version,
                "PORT": str(port),
                "CERTIFICATE": str(certificates.chain),
                "KEY": str(certificates.key),
                "KEYS": str(folder / "keys.json"),
                "NODE_EXTRA_CA_CERTS": str(certificates.authority),
                "RELYING_PARTY": relying_party,
                "CLIENTS": json.dumps(self.configuration()),
            },
            cwd=_FOLDER,
            log=folder / "oidc-provider.log",
        )
        process.ready(f"{self._issuer}/.well-known/openid-configuration", certificates.trusting())
        return process

    def configuration(self, _file: str = "") -> dict[str, Any]:
        """One for all: its pages and clients are of its own."""
        text = (_FOLDER / "configuration.json").read_text(encoding="utf-8")
        return json.loads(text.replace(_PLACEHOLDER, self._issuer))  # type: ignore[no-any-return]

    def rotate_keys(self) -> None:
        """As its manual says: started again, with a new key before those that it had."""
        self._process.stop()
        self._process = self._start()

    def elsewhere(self) -> dict[str, bytes]:
        """The iframe of version 6 takes two scripts from servers of others; it says itself what the digest of one is."""
        return {
            "sha256.js": (_FOLDER / "node_modules" / "jssha" / "src" / "sha256.js").read_bytes(),
            "polyfill.min.js": b"",
        }

    def stop(self) -> None:
        self._process.stop()


def start(
    certificates: Certificates,
    relying_party: str,
    folder: Path,
    _new_database: Callable[[str], str],
    *,
    version: str = "8",
) -> OidcProvider:
    if shutil.which("node") is None:
        raise RuntimeError("node is needed to start oidc-provider")
    with (_FOLDER / "package.json").open() as lock:
        # The processes of one run install once.
        fcntl.flock(lock, fcntl.LOCK_EX)
        installed = _FOLDER / "node_modules" / ".package-lock.json"
        if not installed.exists() or installed.stat().st_mtime < (_FOLDER / "package-lock.json").stat().st_mtime:
            subprocess.run(["npm", "ci", "--silent"], cwd=_FOLDER, check=True)
            installed.touch()
    return OidcProvider(certificates, relying_party, folder, version)
