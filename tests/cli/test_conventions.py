"""What holds for every command: speed, exit codes, outputs, sentences instead of tracebacks, docs/cli.md."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from idp.cli import command
from idp.cli.failures import explained
from idp.settings import ROOT
from tests.cli.terminal import IDP, Terminal


def verbs() -> Iterator[tuple[str, click.Command]]:
    """Every command with its full name."""
    root = click.Context(command)
    for noun in command.list_commands(root):
        if noun in ("serve", "demo"):
            continue
        found = command.get_command(root, noun)
        assert found is not None
        if not isinstance(found, click.Group):
            yield noun, found
            continue
        for verb in found.list_commands(root):
            one = found.get_command(root, verb)
            assert one is not None
            yield f"{noun} {verb}", one
            if isinstance(one, click.Group):
                yield from ((f"{noun} {verb} {name}", command) for name, command in one.commands.items())


VERBS = dict(verbs())


def test_help_needs_no_framework_and_no_database_library() -> None:
    code = (
        "import sys; from idp.cli import command; command.main(['--help'], standalone_mode=False); "
        "print([m for m in ('flask', 'sqlalchemy', 'authlib', 'rich', 'pydantic') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.rstrip().endswith("[]")


def test_listing_portals_loads_neither_the_pages_nor_the_keys() -> None:
    """`idp clients list` took a second, most of it for modules of everything else."""
    code = (
        "import sys, idp.cli.clients.listing; "
        "heavy = ('idp.app', 'idp.web.site', 'idp.tables', 'authlib', 'joserfc', 'cryptography', 'zxcvbn', 'bcrypt'); "
        "more = ('email_validator', 'phonenumbers', 'rich', 'alembic', 'idp.passwords'); "
        "others = [m for m in sys.modules if m.startswith('idp.') and m.endswith('.tables')]; "
        "print([m for m in (*heavy, *more) if m in sys.modules], len(others))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.rstrip() == "[] 3", "tables of portals, of agencies, and of the schema: no others are listed"


@pytest.mark.parametrize("name", VERBS)
def test_every_command_is_explained_in_its_help_and_in_the_manual(name: str) -> None:
    assert VERBS[name].help
    assert f"`idp {name}" in (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", VERBS)
def test_every_option_is_explained(name: str) -> None:
    unexplained = [p.name for p in VERBS[name].params if isinstance(p, click.Option) and not p.help]
    assert unexplained == []


@pytest.mark.parametrize(
    "name", [n for n in VERBS if n.rpartition(" ")[2] in ("list", "show", "search", "status", "outbox")]
)
def test_what_lists_or_shows_prints_in_every_form(name: str) -> None:
    option = next(p for p in VERBS[name].params if p.name == "output")
    assert isinstance(option.type, click.Choice)
    assert list(option.type.choices) == ["table", "json", "jsonl", "csv"]


@pytest.mark.parametrize(
    "name",
    [
        n
        for n in VERBS
        if n.rpartition(" ")[2]
        in {"create", "update", "disable", "enable", "delete", "apply", "rotate", "rotate-secret", "publish"}
        | {"import", "unlock", "upgrade", "purge", "revoke"}
    ],
)
def test_what_changes_things_has_a_dry_run(name: str) -> None:
    assert any(p.name == "dry_run" for p in VERBS[name].params)


def test_no_option_takes_a_secret() -> None:
    taken = {p.name for verb in VERBS.values() for p in verb.params}
    assert taken.isdisjoint({"secret", "client_secret", "password", "token"})


def test_a_wrong_option_is_a_usage_error(sqlite_idp: Terminal) -> None:
    assert sqlite_idp.run("customers", "list", "--nope").code == 2
    assert sqlite_idp.run("nothing").code == 2


def test_wrong_settings_are_one_sentence(sqlite_idp: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IDP_ISSUR", "https://x.example")
    answer = sqlite_idp.run("customers", "list")
    assert answer.code == 1
    assert answer.err == "idp: the settings cannot be used: IDP_ISSUR: unknown setting\n"


def test_a_database_that_is_away_has_its_own_exit_code(no_settings: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IDP_DATABASE_URL", "postgresql+psycopg://idp:geheim@127.0.0.1:1/idp")
    answer = Terminal().run("customers", "list")
    assert answer.code == 5
    assert "the database does not answer" in answer.sentence
    assert "geheim" not in answer.err


@pytest.mark.parametrize("url", ["nonsense", "nosuch://x", "sqlite:////proc/nowhere/idp.sqlite"])
def test_an_unusable_database_address_is_one_sentence(
    no_settings: None, monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    monkeypatch.setenv("IDP_DATABASE_URL", url)
    answer = Terminal().run("customers", "list")
    assert answer.code in (1, 5)
    assert len(answer.err.splitlines()) == 1


def test_a_file_that_is_no_database_is_one_sentence(
    no_settings: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "not.sqlite").write_text("this is a letter\n" * 100, encoding="utf-8")
    monkeypatch.setenv("IDP_DATABASE_URL", f"sqlite:///{tmp_path / 'not.sqlite'}")
    answer = Terminal().run("customers", "list")
    assert answer.code in (1, 5)
    assert "not a database" in answer.sentence


def test_cells_that_a_spreadsheet_would_run_are_guarded_in_csv(sqlite_idp: Terminal) -> None:
    sqlite_idp.agency("ADB/TLS01", name="=HYPERLINK(1)")
    listed = sqlite_idp.run("agencies", "list", "--output", "csv").out
    assert "ADB,TLS01,'=HYPERLINK(1),,,no" in listed.splitlines()


def test_json_lines_are_one_object_a_line(sqlite_idp: Terminal) -> None:
    sqlite_idp.agency("ADB/TLS01")
    sqlite_idp.agency("ADB/TLS02")
    assert len(sqlite_idp.run("agencies", "list", "--output", "jsonl").out.splitlines()) == 2


def test_markup_and_terminal_orders_in_names_are_only_text(sqlite_idp: Terminal) -> None:
    sqlite_idp.agency("ADB/TLS01", name="[red]Capitole[/red]")
    assert "[red]Capitole[/red]" in sqlite_idp.run("agencies", "list", "--output", "table").out
    assert sqlite_idp.run("agencies", "update", "ADB/TLS01", "--name", "\x1b[2J").code == 2


def on_a_terminal(*arguments: str, **environ: str) -> str:
    """What a command prints when its output is a terminal."""
    leader, follower = pty.openpty()
    process = subprocess.Popen(
        [*IDP, *arguments], stdout=follower, stderr=subprocess.DEVNULL, env={**os.environ, "TERM": "xterm", **environ}
    )
    os.close(follower)
    printed = b""
    try:
        while block := os.read(leader, 4096):
            printed += block
    except OSError:
        pass  # Linux: the other end is closed
    os.close(leader)
    process.wait(timeout=30)
    return printed.decode()


def test_a_table_is_printed_on_a_terminal_and_json_elsewhere(sqlite_idp: Terminal) -> None:
    sqlite_idp.agency("ADB/TLS01")
    assert "societe" in on_a_terminal("agencies", "list").splitlines()[1]
    assert sqlite_idp.run("agencies", "list").out.startswith("[")


def test_no_color_is_respected(sqlite_idp: Terminal) -> None:
    assert "\x1b[" in on_a_terminal("doctor")
    assert "\x1b[" not in on_a_terminal("doctor", NO_COLOR="1")


def test_a_reader_that_has_enough_makes_no_noise(sqlite_idp: Terminal) -> None:
    pipeline = f"{' '.join(IDP)} config show --describe | head -n 1"
    done = subprocess.run(["bash", "-c", pipeline], capture_output=True, text=True, check=True)
    assert done.stdout
    assert done.stderr == ""


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_each_shell_has_its_completion(sqlite_idp: Terminal, shell: str) -> None:
    assert "_IDP_COMPLETE" in sqlite_idp.run("completion", shell).out


def test_an_unexpected_failure_is_one_line_that_says_how_to_see_more() -> None:
    failure = explained(ZeroDivisionError("first line\nsecond line"))
    assert failure.exit_code == 1
    assert failure.message == "unexpected ZeroDivisionError: first line (`idp --debug …` shows where)"


NAMES_SOMEBODY = [name for name, one in VERBS.items() if {"who", "what", "kid"} & {param.name for param in one.params}]


@pytest.mark.parametrize("start", ["-h", "-n", "--"])
@pytest.mark.parametrize("name", NAMES_SOMEBODY)
def test_an_id_that_begins_with_a_hyphen_is_never_taken_for_options(
    sqlite_idp: Terminal, name: str, start: str
) -> None:
    """Base64url may: with an "h" anywhere behind it help was shown, and nothing was done."""
    id_ = start.ljust(22, "x")
    yes = ["--yes"] if name == "accounts erase" else []
    for arguments in ([id_, *yes], [*yes, "--", id_]):
        told = sqlite_idp.run(*name.split(), *arguments)
        assert (told.code, id_ in told.err) == ((0, False) if name == "audit search" else (3, True)), told
