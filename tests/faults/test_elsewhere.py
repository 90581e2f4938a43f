"""A host that stands in another language and time zone: the same answers."""

from __future__ import annotations

import json
import os
import re
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import select

from idp.audit.tables import AuditEvent
from tests.cli.terminal import IDP
from tests.faults.catalogue import fault
from tests.support import acts
from tests.support.served import Served
from tests.support.world import ProviderServer, World

KIRITIMATI = {"TZ": "Pacific/Kiritimati", "LC_ALL": "C", "LANG": "C"}  # fourteen hours ahead of UTC


@fault("X39")
def test_another_language_and_time_zone_of_the_host_change_no_page_and_no_instant(
    provider: ProviderServer, world: World
) -> None:
    letter, _ = world.member(first_name="Zoë", last_name="LŒUILLÉ")
    usual, elsewhere = Served(provider), Served(provider, **KIRITIMATI)
    try:
        person = elsewhere.person()
        assert acts.sign_in(person, letter).heading == "Profil"
        pages = [_shown(person.http.get(f"{served.base}/profile").text, served.base) for served in (usual, elsewhere)]
    finally:
        usual.stop()
        elsewhere.stop()
    with world.reading() as db:
        signed_in = select(AuditEvent.at).where(AuditEvent.name == "login.succeeded").order_by(AuditEvent.at.desc())
        at = db.scalars(signed_in.where(AuditEvent.agency_id == letter.agency_id)).first()

    assert "LŒUILLÉ" in pages[0]
    assert pages[0] == pages[1]
    assert at is not None
    assert abs(at - datetime.now(UTC)) < timedelta(hours=1)


def _shown(html: str, base: str) -> str:
    """Without what is another one each time."""
    return re.sub(r'(nonce|value|content|id|for|href|action)="[^"]*"', "", html.replace(base, ""))


@fault("X39")
def test_a_file_is_imported_and_shown_alike_everywhere(world: World, tmp_path: Path) -> None:
    """Files of agencies are cp1252 whatever the host thinks, letters are UTF-8, and instants of JSON are UTC."""
    agency = world.agency()
    shown, letters = [], []
    for name, environ in (("A", {}), ("B", KIRITIMATI)):
        file, letter = tmp_path / f"{name}.csv", tmp_path / f"{name}-lettres.csv"
        line = f"{agency.client};{agency.societe};É{name};Mme;LŒUILLÉ;Zoë;Locataire;V{name}"
        header = "CodeClient;CodeSociete;Identifiant;Civilité;Nom;Prénom;Rôle;Références contrats"
        file.write_bytes(f"{header}\r\n{line}\r\n".encode("cp1252"))
        _idp(world, environ, "accounts", "import", str(file), "--letters", str(letter))
        shown.append(json.loads(_idp(world, environ, "accounts", "show", f"{agency.client}/{agency.societe}/É{name}")))
        letters.append(letter.read_text(encoding="utf-8"))

    assert "LŒUILLÉ" in letters[1]
    for one, name in zip(shown, "AB", strict=True):
        assert f"É{name}" in json.dumps(one, ensure_ascii=False)
        assert [
            value for value in one.values() if isinstance(value, str) and re.match(r"20\d\d-.*T.*(\+00:00|Z)$", value)
        ]
    assert [name for name, value in shown[0].items() if value is None] == [n for n, v in shown[1].items() if v is None]


def _idp(world: World, environ: dict[str, str], *arguments: str) -> str:
    clean = {key: value for key, value in os.environ.items() if not key.startswith("IDP_")}
    own = {"IDP_DATABASE_URL": world.deps.settings.database_url.get_secret_value()}
    done = subprocess.run([*IDP, *arguments], env=clean | own | environ, capture_output=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout.decode("utf-8")
