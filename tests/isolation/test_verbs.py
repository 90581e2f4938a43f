"""Every verb: what is done for one agency tells nothing of another one, and changes nothing of it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from idp.cli import command as root
from tests.attacks import attack, inside
from tests.cli.terminal import Terminal
from tests.isolation import verbs
from tests.isolation.scene import Scene


def _names(command: click.Command, names: tuple[str, ...] = ()) -> Iterator[str]:
    if not isinstance(command, click.Group):
        yield " ".join(names)
        return
    context = click.Context(command)
    for name in command.list_commands(context):
        found = command.get_command(context, name)
        assert found is not None
        yield from _names(found, (*names, name))


@pytest.fixture
def idp(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> Terminal:
    """An operator's terminal at the provider's own database."""
    for name in list(os.environ):
        if name.startswith("IDP_"):
            monkeypatch.delenv(name)
    settings = scene.world.server.settings
    monkeypatch.setenv("IDP_DATABASE_URL", settings.database_url.get_secret_value())
    monkeypatch.setenv("IDP_ISSUER", settings.issuer)
    monkeypatch.setenv("IDP_BCRYPT_COST", "4")
    return Terminal()


def test_every_verb_is_an_agency_s_or_the_platform_s() -> None:
    assert sorted(_names(root)) == sorted({**verbs.OF_AN_AGENCY, **verbs.OF_THE_PLATFORM})


def test_what_is_beta_s_is_found_where_beta_is_named(scene: Scene, idp: Terminal) -> None:
    beta = scene.beta.agency
    answer = idp.run("accounts", "search", "zq", "--agency", f"{beta.client}/{beta.societe}")
    assert scene.told_of_beta(answer.out)


@attack("Q1")
@inside("commands of an operator, which are no requests")
@pytest.mark.parametrize("verb", list(verbs.OF_AN_AGENCY))
def test_a_verb_for_one_agency_leaves_the_others_alone(scene: Scene, idp: Terminal, verb: str, tmp_path: Path) -> None:
    words = verbs.words(scene, tmp_path)
    answer = idp.run(*verb.split(), *(one.format_map(words) for one in verbs.OF_AN_AGENCY[verb]))

    # `test` and `diff` answer with what they found; everything else did what it was asked.
    assert answer.code == 0 or verb in ("clients test", "clients diff"), answer.err
    given = scene.beta.fresh.identifier.casefold() if verb == "accounts import" else ""
    assert [mark for mark in scene.told_of_beta(answer.out + answer.err) if mark.casefold() != given] == []
    scene.unchanged()


@attack("Q1")
@inside("commands of an operator, which are no requests")
@pytest.mark.parametrize(
    "verb", ["accounts show", "accounts unlock", "accounts disable", "accounts export", "accounts erase"]
)
def test_a_letter_of_another_agency_is_not_found_under_one_s_own_codes(scene: Scene, idp: Terminal, verb: str) -> None:
    agency = scene.alpha.agency
    who = f"{agency.client}/{agency.societe}/{scene.beta.waiting.identifier}"
    answer = idp.run(*verb.split(), who, *(["--yes"] if verb == "accounts erase" else []))

    assert answer.code == 3
    assert scene.told_of_beta(answer.out) == []
    scene.unchanged()
