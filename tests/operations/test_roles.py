"""The whole service on PostgreSQL under the roles of config/postgresql: nothing needs more than it is given."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2 as httpx
import pytest

from tests.cli.terminal import IDP
from tests.demo.running import wait_until
from tests.support.mailbox import Mailbox
from tests.support.person import Person
from tests.support.ports import free_port
from tests.support.roles import Roles
from tests.support.world import HTTP, STRONG, Portal

EXPORT = """client;societe;identifiant;mot de passe;nom;prenom;email;role
ADB;01;P100;Provisoire-1;HOAREAU;Rolande;rolande@exemple.org;locataire
"""


class Service:
    """Commands of the operator, each under the role that it is documented for, and the web service."""

    def __init__(self, roles: Roles, mailbox: Mailbox, folder: Path) -> None:
        self.base = f"http://127.0.0.1:{free_port()}"
        self._roles, self._folder = roles, folder
        self._environ = {name: value for name, value in os.environ.items() if not name.startswith("IDP_")} | {
            "IDP_ISSUER": self.base,
            "IDP_BIND_PORT": self.base.rpartition(":")[2],
            "IDP_WORKERS": "2",
            "IDP_BCRYPT_COST": "4",
            "IDP_SMTP_PORT": str(mailbox.port),
        }

    def _as(self, role: str) -> dict[str, str]:
        return self._environ | {"IDP_DATABASE_URL": self._roles.url(role)}

    def run(self, role: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([*IDP, *arguments], env=self._as(role), capture_output=True, text=True, check=False)

    def ok(self, role: str, *arguments: str) -> Any:
        done = self.run(role, *arguments)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout) if done.stdout else None

    def serve(self) -> subprocess.Popen[bytes]:
        serving = subprocess.Popen([sys.executable, "-m", "idp", "serve"], env=self._as("app"))
        assert wait_until(lambda: self._ready() or serving.poll() is not None, 60)
        assert serving.poll() is None
        return serving

    def _ready(self) -> bool:
        try:
            return bool(HTTP.get(f"{self.base}/health/ready").status_code == 200)
        except httpx.TransportError:
            return False


@pytest.fixture(scope="module")
def roles(new_database: Any) -> Roles:
    return Roles(new_database("service_roles"))


@pytest.fixture
def service(roles: Roles, mailbox: Mailbox, tmp_path: Path) -> Iterator[Service]:
    return Service(roles, mailbox, tmp_path)


def test_a_letter_becomes_a_portals_tokens_with_the_rights_of_each_role(
    service: Service, mailbox: Mailbox, tmp_path: Path
) -> None:
    for name in ("cgu", "donnees"):
        (tmp_path / name).write_text("# Objet\n\nLes présentes conditions…")
    (tmp_path / "export.csv").write_text(EXPORT)
    service.ok("owner", "db", "upgrade")
    service.ok(
        "app",
        "terms",
        "publish",
        "--terms-of-use",
        str(tmp_path / "cgu"),
        "--privacy-policy",
        str(tmp_path / "donnees"),
    )
    service.ok("app", "customers", "create", "ADB", "--name", "Groupe ADB")
    service.ok("app", "agencies", "create", "ADB/01", "--name", "Agence")
    service.ok("app", "accounts", "import", str(tmp_path / "export.csv"))
    back = "https://extranet.example/retour"
    made = service.ok("app", "clients", "create", "--name", "Extranet", "--agency", "ADB/01", "--redirect-uri", back)
    portal = Portal(service.base, made["client_id"], made["client_secret"], back)
    serving = service.serve()
    person = Person(service.base)
    try:
        person.open("/login/provisional?client=ADB&societe=01")
        person.submit(provisional_identifier="P100", provisional_password="Provisoire-1")
        person.submit(having="email")
        person.submit(new_password=STRONG, confirmation=STRONG, accept_terms="yes")
        service.ok("app", "mail", "run", "--once")
        link = re.search(r"https?://[^/\s]+(/\S+/confirm/\S+)", mailbox.to("rolande@exemple.org")[-1].text)
        assert link is not None
        person.open(link[1])
        person.submit(password=STRONG)
        person.open(portal.authorize_url(scope="openid profile offline_access"))
        tokens = portal.redeem(person.sent_to).json()
        assert portal.refresh(tokens["refresh_token"]).status_code == 200
        assert portal.userinfo(tokens["access_token"]).json()["family_name"] == "HOAREAU"
        assert portal.post("/oauth/introspect", token=tokens["access_token"]).json()["active"]

        service.ok("purge", "purge")
        service.ok("app", "audit", "verify")
        service.ok("app", "db", "backup", str(tmp_path / "backup"))
        service.ok("app", "keys", "rotate", "--algorithm", "ES256")
    finally:
        person.http.close()
        serving.terminate()
        serving.wait()
    service.ok("app", "db", "restored")
    service.ok("app", "accounts", "erase", "rolande@exemple.org", "--yes")


@pytest.mark.parametrize(
    ("role", "level", "detail"),
    [("app", "ready", "no more"), ("purge", "care", "DELETE on audit_events"), ("owner", "care", "creates tables")],
)
def test_the_doctor_looks_at_the_rights_of_its_role(service: Service, role: str, level: str, detail: str) -> None:
    found = json.loads(service.run(role, "doctor", "--output", "json").stdout)
    told = next(one for one in found if one["check"] == "database role")

    assert told["level"] == level
    assert detail in told["detail"]


def test_the_doctor_says_what_a_role_lacks(service: Service, roles: Roles) -> None:
    roles.run("REVOKE SELECT ON memberships FROM idp_app")
    try:
        found = json.loads(service.run("app", "doctor", "--output", "json").stdout)
    finally:
        roles.run("GRANT SELECT ON memberships TO idp_app")

    told = next(one for one in found if one["check"] == "database role")
    assert told["level"] == "broken"
    assert "lacks SELECT on memberships" in told["detail"]
