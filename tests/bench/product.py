"""Our provider as in production: `idp serve` with two workers on a prepared database, in processes of its own.

What differs from production is named here: http on loopback (the driver speaks no TLS), no limit on sign-ins of one
network (all people come from one), and the cost of bcrypt where a scenario asks for another.
"""

from __future__ import annotations

import compileall
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import urlopen

from idp import migrations
from idp.app import make_deps
from idp.cli.clients.defaults import NEW
from idp.database import db, transaction
from idp.database_app import create_database_app
from idp.oidc.keys import steps as keys
from idp.oidc.registration import secrets, store
from idp.oidc.registration.metadata import Client
from idp.settings import ROOT
from idp.settings import load as load_settings
from idp.terms import store as terms
from tests.bench.data import load, rows
from tests.bench.oidc import Portal, Provider
from tests.support.ports import free_port

DATABASE = "idp"
PASSWORD = "Cheval-Bleu-42x"
_ROTATING = "bench-rotating"
_SECRET = "bench-secret-0123456789-0123456789-abcdef"
_USES: Mapping[str, Mapping[str, Any]] = {
    "main": {"scope": "openid profile email", "id_token_signed_response_alg": "RS256"},
    "es256": {"scope": "openid profile email", "id_token_signed_response_alg": "ES256"},
    "rotating": {"scope": "openid profile email offline_access", "id_token_signed_response_alg": "RS256"},
    "service": {"scope": "profile", "grant_types": ("client_credentials",), "redirect_uris": ()},
}
_PATHS = {"discovery": "/.well-known/openid-configuration"}
WORKERS = 2
SERVE = (str(Path(sys.executable).parent / "idp"), "serve", "--stop-with-parent")


def environment(database_url: str, port: int, **changes: str) -> dict[str, str]:
    """The variables that `idp serve` is started with."""
    return {
        "IDP_ISSUER": f"http://127.0.0.1:{port}",
        "IDP_BIND_PORT": str(port),
        "IDP_DATABASE_URL": database_url,
        "IDP_WORKERS": str(WORKERS),
        "IDP_THROTTLE_NETWORK_FREE_ATTEMPTS": "100000000",
        "IDP_THROTTLE_AGENCY_FREE_ATTEMPTS": "100000000",
        **changes,
    }


def prepare(database_url: str, people: int, told: Callable[[str], None] = lambda _: None, **changes: str) -> None:
    """Make schema, keys, terms, portals and people, where they are not there yet. changes: settings."""
    # As config/install.sh does, whatever PYTHONDONTWRITEBYTECODE says here.
    compileall.compile_dir(ROOT / "idp", quiet=1)
    chosen = load_settings(environment(database_url, 1, **changes))
    app, deps = create_database_app(chosen), make_deps(chosen)
    migrations.upgrade(app)
    with app.app_context():
        keys.ensure(deps)
        now = deps.now()
        with transaction() as session:
            terms_id = terms.current_id(session)
            fresh = terms_id is None
            if terms_id is None:
                terms_id = deps.new_id()
                terms.publish(session, terms_id=terms_id, terms_of_use="…", privacy_policy="…", now=now)
    if fresh:
        plan = rows.Plan(people, deps.digests, now, deps.hasher.hash(PASSWORD), terms_id, _ROTATING)
        load.load(app, plan, told)
        with app.app_context(), transaction() as session:
            for use, changes in _USES.items():
                client = _client(f"bench-{use}", changes)
                store.create(session, client, now=now)
                secrets.put(session, deps, client, _SECRET)
            for number in range(plan.agencies):
                owned = {"agency_id": rows.agency_id(number), "scope": rows.SCOPE}
                store.create(session, _client(rows.portal_id(number), owned), now=now)
    with app.app_context():
        db.engine.dispose()


def _client(client_id: str, changes: Mapping[str, Any]) -> Client:
    there = f"https://{client_id}.exemple.fr/retour"
    return replace(NEW, id=client_id, name=client_id, **{"redirect_uris": (there,), **changes})


@dataclass(frozen=True)
class Running:
    """A started provider. seconds: until its first 200."""

    process: subprocess.Popen[bytes]
    port: int
    seconds: float

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(30)


def start(database_url: str, *, command: Sequence[str] = SERVE, log: Path | None = None, **changes: str) -> Running:
    """The provider, once it answers. command: another server's, with `{port}` where it wants the port.

    log: where what it says is kept. changes: settings.
    """
    port = free_port()
    began = time.perf_counter()
    with (log or Path(os.devnull)).open("ab") as out:
        process = subprocess.Popen(
            [word.replace("{port}", str(port)) for word in command],
            env={**plain_environment(), **environment(database_url, port, **changes)},
            cwd=ROOT,
            stdout=out,
            stderr=out,
        )
    answers(f"http://127.0.0.1:{port}{_PATHS['discovery']}", process)
    return Running(process, port, time.perf_counter() - began)


def answers(url: str, process: subprocess.Popen[bytes], *, limit: float = 60.0) -> None:
    """Wait until the address answers 200. Raises RuntimeError when the process ends or the time is over."""
    until = time.perf_counter() + limit
    while time.perf_counter() < until:
        if process.poll() is not None:
            raise RuntimeError(f"ended with {process.returncode} before it answered")
        try:
            with urlopen(url, timeout=5) as answer:
                if answer.status == 200:
                    return
        except OSError:
            time.sleep(0.01)
    raise RuntimeError(f"no answer from {url}")


def described(running: Running, database_process: int | None, people: int) -> Provider:
    """The running provider, as scenarios take it."""
    with urlopen(f"http://127.0.0.1:{running.port}{_PATHS['discovery']}", timeout=10) as answer:
        document = json.loads(answer.read())
    paths = {
        name: urlsplit(value).path for name, value in document.items() if isinstance(value, str) and "://" in value
    }
    portals = {
        use: Portal(f"bench-{use}", _SECRET, f"https://bench-{use}.exemple.fr/retour", str(changes["scope"]))
        for use, changes in _USES.items()
    }
    processes = {"provider": running.process.pid}
    if database_process is not None:
        processes["database"] = database_process
    return Provider(
        name="idp",
        port=running.port,
        front_port=running.port,
        paths={**_PATHS, **paths},
        portals=portals,
        fields=("identifier", "password"),
        password=PASSWORD,
        person=rows.email,
        people=people,
        processes=processes,
    )


def plain_environment() -> dict[str, str]:
    """The variables of this process without those of a provider."""
    return {name: value for name, value in os.environ.items() if not name.startswith("IDP_")}
