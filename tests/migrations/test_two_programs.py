"""The program before the newest step serves people while the present one upgrades their database, and after it.

The old program is taken from the history of the sources, and runs as processes of its own.
"""

from __future__ import annotations

import io
import json
import os
import re
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Any

import httpx2 as httpx
import pytest

from idp.migrations import releases
from idp.settings import ROOT
from tests.demo.running import wait_until
from tests.faults.catalogue import fault
from tests.migrations.meanwhile import Meanwhile
from tests.support.mailbox import Mailbox
from tests.support.person import Person
from tests.support.ports import free_port
from tests.support.world import HTTP, STRONG, Portal

LETTERS = """CodeClient;CodeSociete;Identifiant;Mot de passe;Nom;Prénom;Email;Rôle
ADB;01;P100;Provisoire-1;HOAREAU;Rolande;rolande.avant@exemple.org;Locataire
ADB;01;P200;Provisoire-2;HOAREAU;Roland;roland.apres@exemple.org;Locataire
"""
BACK = "https://extranet.example/retour"


def _git(*arguments: str) -> bytes:
    done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, check=False)
    return done.stdout if done.returncode == 0 else b""


def _program_before(folder: Path) -> Path:
    """The sources as they were before the newest step of the schema came."""
    newest = max(releases.VERSIONS.glob("[0-9]*_*.py")).relative_to(ROOT)
    added = _git("log", "--diff-filter=A", "--format=%H", "-1", "--", str(newest)).decode().strip()
    packed = _git("archive", f"{added}^" if added else "HEAD", "idp", "templates", "config")
    if not packed:
        pytest.skip("the history of the sources is not here")
    with tarfile.open(fileobj=io.BytesIO(packed)) as sources:
        sources.extractall(folder, filter="data")
    return folder


class Program:
    """A program by its folder: its commands, and its web service."""

    def __init__(self, folder: Path, environ: dict[str, str]) -> None:
        self._folder = folder
        self._environ = environ | {"PYTHONPATH": str(folder)}

    def run(self, *arguments: str) -> Any:
        command = [sys.executable, "-m", "idp", *arguments]
        done = subprocess.run(command, cwd=self._folder, env=self._environ, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout) if done.stdout.startswith(("{", "[")) else None

    def serve(self, base: str) -> subprocess.Popen[bytes]:
        serving = subprocess.Popen([sys.executable, "-m", "idp", "serve"], cwd=self._folder, env=self._environ)

        def ready() -> bool:
            try:
                return bool(HTTP.get(f"{base}/health/ready").status_code == 200)
            except httpx.TransportError:
                return serving.poll() is not None

        assert wait_until(ready, 120)
        assert serving.poll() is None
        return serving


@fault("X27")
def test_the_program_before_serves_during_the_upgrade_and_after_it(
    new_database: Any, mailbox: Mailbox, tmp_path: Path
) -> None:
    base = f"http://127.0.0.1:{free_port()}"
    environ = {name: value for name, value in os.environ.items() if not name.startswith("IDP_")} | {
        "IDP_DATABASE_URL": new_database("two_programs"),
        "IDP_ISSUER": base,
        "IDP_BIND_PORT": base.rpartition(":")[2],
        "IDP_BCRYPT_COST": "4",
        "IDP_SMTP_PORT": str(mailbox.port),
        "IDP_THROTTLE_NETWORK_FREE_ATTEMPTS": "100000",
    }
    before, now = Program(_program_before(tmp_path / "before"), environ), Program(ROOT, environ)
    (tmp_path / "letters.csv").write_text(LETTERS, encoding="utf-8")
    (tmp_path / "terms").write_text("# Objet", encoding="utf-8")
    before.run("db", "upgrade")
    was = before.run("db", "status")["current"]
    before.run(
        "terms", "publish", "--terms-of-use", str(tmp_path / "terms"), "--privacy-policy", str(tmp_path / "terms")
    )
    before.run("customers", "create", "ADB", "--name", "Groupe ADB")
    before.run("agencies", "create", "ADB/01", "--name", "Agence")
    before.run("accounts", "import", str(tmp_path / "letters.csv"))
    made = before.run("clients", "create", "--name", "Extranet", "--agency", "ADB/01", "--redirect-uri", BACK)
    portal = Portal(base, made["client_id"], made["client_secret"], BACK)
    people: list[Person] = []

    def activates(identifier: str, password: str, email: str) -> None:
        people.append(person := Person(base))
        person.open("/login/provisional?client=ADB&societe=01")
        person.submit(provisional_identifier=identifier, provisional_password=password)
        person.submit(having="email")
        person.submit(new_password=STRONG, confirmation=STRONG, accept_terms="yes")
        before.run("mail", "run", "--once")
        link = re.search(r"https?://[^/\s]+(/\S+/confirm/\S+)", mailbox.to(email)[-1].text)
        assert link is not None
        person.open(link[1])
        person.submit(password=STRONG)

    def signs_in() -> None:
        people.append(person := Person(base))
        person.open(portal.authorize_url(scope="openid profile offline_access"))
        person.submit(identifier="rolande.avant@exemple.org", password=STRONG)
        tokens = portal.redeem(person.sent_to).json()
        assert portal.refresh(tokens["refresh_token"]).status_code == 200
        assert portal.userinfo(tokens["access_token"]).json()["family_name"] == "HOAREAU"

    serving = before.serve(base)
    try:
        activates("P100", "Provisoire-1", "rolande.avant@exemple.org")
        with Meanwhile(signs_in):
            now.run("db", "upgrade")
        assert was < now.run("db", "status")["current"] == releases.steps()[-1].number
        activates("P200", "Provisoire-2", "roland.apres@exemple.org")
        serving.terminate()
        serving.wait()
        serving = before.serve(base)  # a host of the old release that starts again
        signs_in()
    finally:
        for person in people:
            person.http.close()
        serving.terminate()
        serving.wait()
