"""Our provider: a process of its own under granian, as in production, with https on loopback.

Configuration files are those of config/conformance/, so that what is shipped for the official suite is what is tried
here. SQLite, or PostgreSQL with CONFORMANCE_DATABASE=postgresql.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from idp import migrations
from idp.accounts import store as accounts
from idp.accounts.store import identifier_key
from idp.accounts.tables import ProvisionalAccount
from idp.app import make_deps
from idp.cli.context import database
from idp.database import transaction
from idp.oidc.keys import steps as keys
from idp.settings import ROOT, Settings, load
from idp.tenancy import admin
from idp.terms import store as terms
from tests.conformance.suite.certificates import Certificates
from tests.conformance.targets.process import Process, free_port

_CONFIGURATIONS = ROOT / "config" / "conformance"
_PLACEHOLDERS = {"provider": "https://compte.exemple.fr", "suite": "https://suite.exemple.fr"}
_IDP = str(Path(sys.executable).with_name("idp"))
_STATIC_CLIENTS = "basic-static_client.json"
_GRANIAN = str(Path(sys.executable).with_name("granian"))


class Ours:
    def __init__(self, certificates: Certificates, relying_party: str, folder: Path, database_url: str) -> None:
        port = free_port()
        self._issuer = f"https://127.0.0.1:{port}"
        self._suite = relying_party
        self._environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("IDP_")},
            **_settings(self._issuer, database_url, certificates),
        }
        prepare(load(self._environment), self.configuration(_STATIC_CLIENTS))
        self._register_clients(folder)
        self._process = Process(
            [
                *(_GRANIAN, "--interface", "wsgi", "--factory", "--host", "127.0.0.1", "--port", str(port)),
                *("--ssl-certificate", str(certificates.chain), "--ssl-keyfile", str(certificates.key)),
                *("--workers", "1", "--blocking-threads", "4", "--http", "1", "idp.wsgi:create"),
            ],
            self._environment,
            cwd=ROOT,
            log=folder / "provider.log",
        )
        self._process.ready(f"{self._issuer}/.well-known/openid-configuration", certificates.trusting())

    def configuration(self, file: str) -> dict[str, Any]:
        return json.loads(self._filled(file))  # type: ignore[no-any-return]

    def rotate_keys(self) -> None:
        self._idp("keys", "rotate", "--algorithm", "RS256")

    def elsewhere(self) -> dict[str, bytes]:
        return {}

    def stop(self) -> None:
        self._process.stop()

    def _register_clients(self, folder: Path) -> None:
        """The static clients, by the command that an operator uses."""
        declared = folder / "clients.toml"
        declared.write_text(self._filled("clients.toml"), encoding="utf-8")
        secrets = self.configuration(_STATIC_CLIENTS)
        self._idp(
            *("clients", "apply", "-f", str(declared)),
            CONFORMANCE_FIRST_SECRET=secrets["client"]["client_secret"],
            CONFORMANCE_SECOND_SECRET=secrets["client2"]["client_secret"],
            CONFORMANCE_POST_SECRET=secrets["client_secret_post"]["client_secret"],
        )

    def _filled(self, name: str) -> str:
        text = (_CONFIGURATIONS / name).read_text(encoding="utf-8")
        return text.replace(_PLACEHOLDERS["provider"], self._issuer).replace(_PLACEHOLDERS["suite"], self._suite)

    def _idp(self, *arguments: str, **environment: str) -> None:
        subprocess.run(
            [_IDP, *arguments], env=self._environment | environment, cwd=ROOT, check=True, stdout=subprocess.DEVNULL
        )


def start(certificates: Certificates, relying_party: str, folder: Path, new_database: Callable[[str], str]) -> Ours:
    if os.environ.get("CONFORMANCE_DATABASE") == "postgresql":
        url = new_database("conformance")
    else:
        url = f"sqlite:///{folder / 'idp.sqlite'}"
    return Ours(certificates, relying_party, folder, url)


def _settings(issuer: str, database_url: str, certificates: Certificates) -> dict[str, str]:
    """What the plans need beyond the defaults; each is documented in docs/settings.md."""
    return {
        "IDP_ISSUER": issuer,
        "IDP_DATABASE_URL": database_url,
        "IDP_BCRYPT_COST": "4",
        "IDP_REGISTRATION": "open",
        "IDP_REGISTRATIONS_PER_NETWORK_PER_HOUR": "100000",
        "IDP_IMPLICIT_ALLOWED": "true",
        "IDP_UNSIGNED_ID_TOKENS_ALLOWED": "true",
        "IDP_SESSION_IFRAME": "true",
        "IDP_FETCH_ALLOWED_NETWORKS": "127.0.0.0/8",
        "IDP_FETCH_CA_FILE": str(certificates.authority),
        "IDP_LOG_LEVEL": "WARNING",
    }


def prepare(settings: Settings, configuration: dict[str, Any]) -> None:
    """A schema, keys, terms, one agency, and the person whose address and password the browser blocks type."""
    with database(settings) as app:
        migrations.upgrade(app)
        deps = make_deps(settings)
        keys.ensure(deps)
        now = deps.now()
        typed = {command[2]: command[3] for command in _commands(configuration) if command[0] == "text"}
        with transaction() as db:
            terms.publish(db, terms_id=deps.new_id(), terms_of_use="# Objet", privacy_policy="# Vos données", now=now)
            customer_id, agency_id, letter_id, account_id = (deps.new_id() for _ in range(4))
            admin.create_customer(db, customer_id=customer_id, code="CONF", name="Groupe", now=now)
            admin.create_agency(db, agency_id=agency_id, customer_id=customer_id, code="A1", name="Agence", now=now)
            db.add(
                ProvisionalAccount(
                    id=letter_id,
                    agency_id=agency_id,
                    identifier="CONF1",
                    identifier_key=identifier_key("CONF1"),
                    password_digest="-",
                    expires_at=now,
                    **_PERSON,
                    suggested_email=typed["identifier"],
                    import_run="conformance",
                    import_line=1,
                    import_digest="0" * 64,
                    created_at=now,
                    updated_at=now,
                )
            )
            db.flush()
            letter = accounts.letter(db, letter_id)
            accounts.create_account(
                db,
                account_id=account_id,
                email=typed["identifier"],
                email_key=typed["identifier"],
                password_hash=deps.hasher.hash(typed["password"]),
                now=now,
            )
            accounts.join(
                db, membership_id=deps.new_id(), account_id=account_id, letter=letter, origin="upgrade", now=now
            )
            current = terms.current_id(db)
            assert current is not None
            terms.accept(db, acceptance_id=deps.new_id(), account_id=account_id, terms_id=current, now=now)


_PERSON = {
    "civility": "Mme",
    "last_name": "HOAREAU",
    "first_name": "Rolande",
    "company_name": "",
    "phone": "+33195797853",
    "street": "509, boulevard Breton",
    "postal_code": "59469",
    "city": "Saint-Laurent",
    "role": "locataire",
    "mandate": "1777",
}


def _commands(configuration: dict[str, Any]) -> list[list[Any]]:
    return [c for block in configuration["browser"] for task in block["tasks"] for c in task.get("commands", [])]
