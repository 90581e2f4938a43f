"""The registrations to copy: what a newcomer pastes must be right."""

from __future__ import annotations

from pathlib import Path

import pytest

from idp.cli.clients import files
from idp.cli.clients.defaults import NEW
from idp.oidc.registration import metadata, rules
from idp.settings import Settings

FOLDER = Path(__file__).resolve().parents[2] / "clients" / "registrations"


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.toml")), ids=lambda path: path.stem)
def test_each_file_can_be_applied(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORTAL_CLIENT_SECRET", "0123456789abcdef0123456789abcdef")
    declared, problems = files.read(path)
    assert problems == []
    assert declared
    for one in declared:
        fields = {
            name: tuple(value) if isinstance(value, list) else value
            for name, value in one.values.items()
            if name in vars(NEW)
        }
        client = metadata.Client(**{**vars(NEW), **fields, "id": one.values["client_id"], "agency_id": "an-agency"})
        assert rules.problems(client, Settings()) == []
