"""Group L, what the provider itself connects to. What it asks of portals' servers stands in tests/oidc/test_fetch.py."""

from __future__ import annotations

import socket
from pathlib import Path

from tests.attacks import attack, inside
from tests.hostile.test_secrets import whole_journey
from tests.support.acts import ask_reset
from tests.support.front import Front
from tests.support.mailbox import Mailbox
from tests.support.world import World


@attack("L8")
@inside("watches the processes of the service")
def test_without_being_told_to_it_connects_to_the_mail_server_and_to_nobody_else(
    tmp_path: Path, mailbox: Mailbox
) -> None:
    """People do all that people do, and portals too; nothing that fetches is on by default (ASVS 13.2.4)."""
    asked = tmp_path / "asked"
    asked.touch()
    observed = Front(
        f"sqlite:///{tmp_path / 'idp.sqlite'}", mailbox, tmp_path, program=("-m", "tests.support.observed", str(asked))
    )
    world = World(observed)
    try:
        _, (person, _) = whole_journey(world)
        for path in ("/.well-known/openid-configuration", "/oauth/jwks", "/profile", "/help", "/logout"):
            person.open(path)
        assert asked.read_text() == "", "the service asked for somebody"

        letter, _ = world.member()
        ask_reset(world.person(), letter)
        observed.served.command("mail", "run", "--once")
    finally:
        world.close()
        observed.stop()

    host = observed.settings.smtp_host
    connected = {f"{address}:{mailbox.port}" for address in ("127.0.0.1", "::1")}
    found = set(asked.read_text().split())
    own = {socket.gethostname(), socket.getfqdn()}  # what it calls itself to the mail server
    assert found <= {host, *own, *connected}
    assert found & connected, "what is opened is seen"
