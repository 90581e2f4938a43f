"""Imports that are killed, interrupted or cut at the worst moment: nothing is lost, nothing leaves twice."""

from __future__ import annotations

import csv
import signal
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import func, select

from idp.accounts.importing import letters as letters_module
from idp.accounts.importing.letters import COLUMNS, LettersError, LettersFile, Row
from idp.accounts.importing.outcome import Outcome
from idp.accounts.importing.run import Run
from idp.accounts.tables import ProvisionalAccount
from idp.app import make_deps
from idp.deps import Deps
from idp.settings import load
from tests.cli.terminal import Terminal
from tests.importing.builders import a_line, an_export, examined

LINES = 400


class PowerCut(BaseException):
    """Ends a run as nothing in the program expects."""


class CutAfterWriting(LettersFile):
    """A letters file whose rows reach the disk, and then the power goes before their passwords are wiped."""

    def append(self, rows: Sequence[Row]) -> int:
        super().append(rows)
        raise PowerCut


class CutWhileWriting(LettersFile):
    """A letters file that is cut in the middle of a row."""

    def append(self, rows: Sequence[Row]) -> int:
        super().append(rows)
        self._file.truncate(self._file.tell() - 30)
        raise PowerCut


def identifiers(path: Path) -> Counter[str]:
    with path.open(encoding="utf-8-sig", newline="") as opened:
        return Counter(row["identifiant"] for row in csv.DictReader(opened, delimiter=";"))


def sealed(idp: Terminal) -> int:
    with idp.reading() as db:
        return db.scalars(select(func.count(ProvisionalAccount.sealed_password))).one()


def stored(idp: Terminal) -> int:
    with idp.reading() as db:
        return db.scalars(select(func.count()).select_from(ProvisionalAccount)).one()


def nothing(_outcome: Outcome) -> None:
    """For runs whose outcomes are of no interest."""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Half of the lines bring a password, half do not."""
    lines = [a_line(identifier=f"T{n}", password="" if n % 2 else "xu2mjee9") for n in range(LINES)]
    return an_export(tmp_path / "export.csv", *lines)


@pytest.fixture
def letters(tmp_path: Path) -> Path:
    return tmp_path / "letters.csv"


def complete(idp: Terminal, file: Path, letters: Path) -> None:
    """Start the import again; then every line is stored and every made password left exactly once."""
    again = idp.ok("accounts", "import", str(file), "--letters", str(letters))
    assert again["created"] + again["unchanged"] == LINES
    assert stored(idp) == LINES
    assert sealed(idp) == 0
    assert identifiers(letters) == Counter(f"T{n}" for n in range(LINES) if n % 2)
    deps = make_deps(load())
    with idp.reading() as db, letters.open(encoding="utf-8-sig", newline="") as opened:
        digests = dict(db.execute(select(ProvisionalAccount.identifier, ProvisionalAccount.password_digest)).all())  # type: ignore[arg-type]
        for row in csv.DictReader(opened, delimiter=";"):
            assert deps.hasher.verify(row["mot_de_passe"], digests[row["identifiant"]])


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM])
def test_an_import_that_was_stopped_goes_on_when_started_again(
    idp: Terminal, file: Path, letters: Path, number: signal.Signals
) -> None:
    idp.agency("ADB/TLS01")
    slow = {"IDP_BCRYPT_COST": "10"}
    process = idp.process("accounts", "import", str(file), "--letters", str(letters), environ=slow)
    deadline = time.monotonic() + 60
    while stored(idp) < 60 and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(number)
    _, said = process.communicate(timeout=60)
    assert 0 < stored(idp) < LINES, "it was to be stopped in the middle"
    if number is not signal.SIGKILL:
        assert process.returncode == 130
        assert "start again to go on" in said
        assert "Traceback" not in said
    complete(idp, file, letters)


def test_passwords_are_hashed_for_new_identifiers_only(
    idp: Terminal, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What makes starting again quick: 200 hashes of cost 12 would take half a minute."""
    idp.agency("ADB/TLS01")
    idp.ok("accounts", "import", str(file))
    monkeypatch.setenv("IDP_BCRYPT_COST", "12")
    started = time.monotonic()
    assert idp.ok("accounts", "import", str(file))["unchanged"] == LINES
    assert time.monotonic() - started < 10


@pytest.mark.parametrize("cut", [CutAfterWriting, CutWhileWriting])
def test_a_power_cut_between_letters_and_wiping_repeats_nothing_in_the_file(
    idp: Terminal, file: Path, letters: Path, cut: type[LettersFile]
) -> None:
    idp.agency("ADB/TLS01")
    deps = make_deps(load())
    with idp._app():
        cutting = cut(letters, deps)
        with pytest.raises(PowerCut):
            Run(deps, tell=nothing, letters_file=cutting).take(examined(file))
        cutting.close()
    assert sealed(idp) > 0
    complete(idp, file, letters)


def test_a_power_cut_before_any_letter_is_written_loses_none(idp: Terminal, file: Path, letters: Path) -> None:
    idp.agency("ADB/TLS01")
    idp.ok("accounts", "import", str(file))
    assert sealed(idp) == LINES // 2
    complete(idp, file, letters)


# --- the letters file itself ------------------------------------------------------------------------------------------


@pytest.fixture
def deps(no_settings: None) -> Deps:
    return make_deps(load())


def test_a_file_that_is_something_else_is_never_added_to(deps: Deps, letters: Path) -> None:
    letters.write_text("Cher journal,\n", encoding="utf-8")
    with pytest.raises(LettersError, match="not a letters file"):
        LettersFile(letters, deps)
    assert letters.read_text(encoding="utf-8") == "Cher journal,\n"


def test_a_link_is_not_followed(deps: Deps, letters: Path, tmp_path: Path) -> None:
    letters.symlink_to(tmp_path / "elsewhere.csv")
    with pytest.raises(OSError, match="symbolic links"):
        LettersFile(letters, deps)
    assert not (tmp_path / "elsewhere.csv").exists()


def test_two_imports_do_not_write_one_file(deps: Deps, letters: Path) -> None:
    first = LettersFile(letters, deps)
    with pytest.raises(LettersError, match="another import"):
        LettersFile(letters, deps)
    first.close()
    LettersFile(letters, deps).close()


def test_a_file_that_others_could_read_is_closed_to_them(deps: Deps, letters: Path) -> None:
    LettersFile(letters, deps).close()
    letters.chmod(0o644)
    LettersFile(letters, deps).close()
    assert letters.stat().st_mode & 0o777 == 0o600


def test_a_torn_title_line_is_written_anew(deps: Deps, letters: Path) -> None:
    letters.write_bytes(b"\xef\xbb\xbfclient;soc")
    LettersFile(letters, deps).close()
    assert letters.read_text(encoding="utf-8-sig").splitlines() == [";".join(COLUMNS)]


def test_a_sealed_password_opens_only_for_its_letter_and_under_its_secret(deps: Deps) -> None:
    [sealed_password] = letters_module.seal(deps, ["one"], ["KXQF-7M3T-WDHE-4RYP"])
    assert letters_module.unseal(deps, "one", sealed_password) == "KXQF-7M3T-WDHE-4RYP"
    with pytest.raises(LettersError, match="another master secret"):
        letters_module.unseal(deps, "two", sealed_password)
    other = make_deps(deps.settings.model_copy(update={"secret_key": type(deps.settings.secret_key)("x" * 40)}))
    with pytest.raises(LettersError, match="another master secret"):
        letters_module.unseal(replace(deps, digests=other.digests), "one", sealed_password)
