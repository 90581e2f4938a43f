"""The shape of the house: what is promised in design section 3, checked so that it stays true."""

from __future__ import annotations

import ast
import re
import runpy
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from idp import errors
from idp.settings import ROOT, Settings
from idp.texts import LANGUAGES, catalogue

FLOWS = ("login", "upgrade", "merge", "reset", "profile")
PYTHON = sorted(p for folder in ("idp", "clients") for p in (ROOT / folder).rglob("*.py"))


def test_imports_point_one_way() -> None:
    done = subprocess.run(
        [str(Path(sys.executable).parent / "lint-imports")], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("path", PYTHON, ids=lambda p: str(p.relative_to(ROOT)))
def test_every_module_opens_with_what_it_is(path: Path) -> None:
    if "versions" in path.parts:
        return
    text = path.read_text(encoding="utf-8")
    assert not text.strip() or ast.get_docstring(ast.parse(text)), "a module says first what it is"


@pytest.mark.parametrize("path", PYTHON, ids=lambda p: str(p.relative_to(ROOT)))
def test_no_module_is_longer_than_a_reader_bears(path: Path) -> None:
    if "versions" in path.parts:
        return
    longest = 420 if path.name == "errors.py" else 330  # the catalogue is looked up, not read through
    assert len(path.read_text(encoding="utf-8").splitlines()) <= longest


def test_every_flow_has_the_same_files() -> None:
    for name in FLOWS:
        assert {"__init__.py", "flow.py", "steps.py", "views.py"} <= {p.name for p in (ROOT / "idp" / name).iterdir()}
    for name in ("upgrade", "merge", "reset"):
        assert {"store.py", "tables.py"} <= {p.name for p in (ROOT / "idp" / name).iterdir()}


def test_sql_is_in_stores_only() -> None:
    """`select(`, `insert(`, `update(`, `delete(` of SQLAlchemy stand where a reader looks for them."""
    allowed = {"store.py", "tables.py", "admin.py", "purge.py", "database.py", "statements.py", "health.py"}
    for path in PYTHON:
        if path.name in allowed or "migrations" in path.parts:
            continue
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and node.module == "sqlalchemy":
                names = {alias.name for alias in node.names} & {"select", "insert", "update", "delete"}
                assert not names, f"{path.relative_to(ROOT)} builds statements: {names}"


# --- errors ----------------------------------------------------------------------------------------------------------


def test_error_numbers_are_unique_and_well_formed() -> None:
    codes = [e.code for e in errors.catalogue()]
    assert len(codes) == len(set(codes))
    assert all(re.fullmatch(r"[A-Z]{3}-\d{2}", code) for code in codes)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_error_has_its_words(language: str) -> None:
    for error in errors.catalogue():
        assert error.text in catalogue(language), f"{error.code} has no words"


def test_documents_made_from_code_tell_what_the_code_says() -> None:
    """docs/errors.md, docs/settings.md and config/nginx/pages: `make docs` writes them again."""
    names = runpy.run_path(str(ROOT / "docs" / "generate.py"))
    assert (ROOT / "docs" / "errors.md").read_text(encoding="utf-8") == names["failures"]()
    assert (ROOT / "docs" / "settings.md").read_text(encoding="utf-8") == names["settings"]()
    pages = {path.name: path.read_text(encoding="utf-8") for path in (ROOT / "config" / "nginx" / "pages").iterdir()}
    assert pages == names["pages"]()


# --- words -----------------------------------------------------------------------------------------------------------


def test_languages_say_the_same_things() -> None:
    french, english = (catalogue(language) for language in LANGUAGES)
    assert set(french) == set(english)
    for key, text in french.items():
        assert set(re.findall(r"{(\w+)}", text)) == set(re.findall(r"{(\w+)}", english[key])), key


def test_every_text_is_used_and_every_used_text_exists() -> None:
    sources = "\n".join(
        p.read_text(encoding="utf-8")
        for p in [*PYTHON, *(ROOT / "templates").rglob("*.*")]
        if p.suffix in (".py", ".html", ".txt")
    )
    known = catalogue("fr")
    for used in re.findall(r"""\bt(?:exts)?(?:\.html)?\(["']([a-z_.]+[a-z_])["'][,)]""", sources):
        assert used in known, f"{used} is used and has no words"
    composed = (
        "consent.asked.",
        "logout.problem.",
        "roles.",
        "steps.",
        "passwords.criteria.",
        "passwords.unmet.",
        "legal.",
        "mail.",
        "machines.",
    )
    for key in known:
        if not key.startswith(composed) and not key.endswith("_title"):
            assert f'"{key}"' in sources or f"'{key}'" in sources, f"{key} has words and is not used"


# --- settings and commands -------------------------------------------------------------------------------------------


def test_every_setting_says_what_it_is() -> None:
    assert all(field.description for field in Settings.model_fields.values())


def test_configuration_files_hold_known_keys_and_no_secret() -> None:
    for path in (ROOT / "config").glob("*.toml"):
        values = tomllib.loads(path.read_text(encoding="utf-8"))
        assert set(values) <= set(Settings.model_fields), path.name
        assert not {"secret_key", "smtp_password", "database_url"} & set(values), path.name


def test_every_command_is_documented() -> None:
    import click

    from idp.cli import command as root

    text = (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")

    def walk(command: click.Command, names: list[str]) -> None:
        if isinstance(command, click.Group):
            context = click.Context(command)
            for name in command.list_commands(context):
                found = command.get_command(context, name)
                assert found is not None
                walk(found, [*names, name])
        else:
            assert " ".join(names) in text, f"docs/cli.md does not tell of idp {' '.join(names)}"

    walk(root, [])


def test_requirements_are_pinned_hashed_and_name_no_host() -> None:
    for path in (ROOT / "config" / "requirements").glob("*.txt"):
        text = path.read_text(encoding="utf-8")
        assert "://" not in text, path.name
        for line in text.splitlines():
            if line and not line[0].isspace() and not line.startswith("#"):
                assert "==" in line, line
                assert line.rstrip().endswith("\\"), f"{line} has no hash"


def test_the_tests_that_documents_name_exist() -> None:
    written = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "tests").rglob("test_*.py"))
    text = (ROOT / "docs" / "no-dead-ends.md").read_text(encoding="utf-8")
    named = set(re.findall(r"\b(test_\w+)`", text)) - {path.stem for path in (ROOT / "tests").rglob("test_*.py")}

    assert named
    assert {name for name in named if f"def {name}(" not in written} == set()


def test_each_standard_says_how_far_it_is_done_and_names_tests_that_are_there() -> None:
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in (ROOT / "docs" / "specifications.md").read_text(encoding="utf-8").splitlines()
        if line.startswith("| ") and not line.startswith(("| specification", "| ---"))
    ]
    assert len(rows) > 30
    for specification, state, tests in rows:
        assert re.match(r"(done|partly|not done)\b", state), specification
        named = [one for one in re.split(r",\s*", tests) if one]
        assert named or state.startswith("not done"), specification
        assert [one for one in named if not (ROOT / one).exists()] == [], specification
