"""Profiles: what columns and values mean, and mistakes in their files."""

from __future__ import annotations

from pathlib import Path

import pytest

from idp.accounts.importing import profile
from idp.accounts.importing.profile import ProfileError
from idp.accounts.roles import Role
from idp.settings import ROOT
from tests.importing.builders import an_export, records, values

MINIMAL = """\
[columns]
identifier = ["Id"]
role = ["Type"]
[constants]
customer = "ADB"
company = "TLS01"
[roles]
locataire = ["L"]
"""


def a_profile(folder: Path, content: str) -> profile.Profile:
    (folder / "own.toml").write_text(content, encoding="utf-8")
    return profile.load("own", within=folder)


@pytest.mark.parametrize("path", sorted((ROOT / "config" / "imports").glob("*.toml")), ids=lambda path: path.stem)
def test_every_profile_shipped_here_can_be_used(path: Path) -> None:
    assert profile.load(path.stem, within=path.parent).roles


def test_a_file_of_one_agency_may_leave_its_codes_to_the_profile(tmp_path: Path) -> None:
    own = a_profile(tmp_path, MINIMAL)
    an_export(tmp_path / "export.csv", "42;L", titles="Id;Type")
    assert values(records(tmp_path / "export.csv", own)[0])["customer"] == "ADB"
    assert own.roles == {"l": Role.LESSEE}


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("not toml", "Expected"),
        (MINIMAL + "[colours]\n", "unknown: colours"),
        (MINIMAL.replace("identifier", "identifiant"), "unknown fields: identifiant"),
        (MINIMAL.replace('customer = "ADB"', ""), "no column and no constant for customer"),
        (MINIMAL.replace("locataire =", "gardien ="), "gardien"),
        (MINIMAL.replace('role = ["Type"]', 'role = ["id"]'), "'id' stands for identifier and for role"),
    ],
)
def test_a_mistake_in_a_profile_is_told(tmp_path: Path, content: str, reason: str) -> None:
    with pytest.raises(ProfileError, match=reason):
        a_profile(tmp_path, content)


@pytest.mark.parametrize("name", ["absent", "../default", "/etc/passwd"])
def test_only_profiles_of_the_folder_are_read(name: str) -> None:
    with pytest.raises(ProfileError, match=r"known in .*: default"):
        profile.load(name, within=ROOT / "config" / "imports")
