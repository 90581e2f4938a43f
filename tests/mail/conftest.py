"""A mail server and an outbox of the test's own, and senders that are closed when it ends."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from sqlalchemy import delete

from idp.mail.sender import Sender
from idp.mail.tables import MailDomain, OutboxMail
from tests.support.mailbox import Mailbox
from tests.support.world import World


@pytest.fixture
def server() -> Iterator[Mailbox]:
    box = Mailbox()
    yield box
    box.stop()


@pytest.fixture(autouse=True)
def empty_outbox(world: World) -> None:
    with world.transaction() as db:
        db.execute(delete(OutboxMail))
        db.execute(delete(MailDomain))


class OneSender:
    """A sender, and the batches that it delivers."""

    def __init__(self, world: World, port: int, stop: threading.Event | None = None) -> None:
        self._world = world
        settings = world.deps.settings.model_copy(update={"smtp_port": port})
        self.sender = Sender(replace(world.deps, settings=settings), stop)

    def batch(self) -> int:
        with self._world.server.app.app_context():
            return self.sender.deliver_due()

    def all(self) -> None:
        while self.batch():
            pass


NewSender = Callable[..., OneSender]


@pytest.fixture
def new_sender(world: World, server: Mailbox) -> Iterator[NewSender]:
    """Makes senders to `server`, or to another port."""
    made: list[OneSender] = []

    def make(port: int | None = None, stop: threading.Event | None = None) -> OneSender:
        made.append(OneSender(world, port or server.port, stop))
        return made[-1]

    yield make
    for one in made:
        one.sender.close()
