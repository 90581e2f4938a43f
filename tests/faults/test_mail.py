"""The mail server away, slow, refusing or hanging up, and a sender stopped in its sleep: no mail is lost, none sent twice.

`idp mail run` is a process of its own here, the mail server a real one, and people go on meanwhile.
"""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete, select

from idp.exporter import Stored
from idp.mail import store
from idp.mail.messages import DeliveryTest, Voice
from idp.mail.tables import MailDomain, OutboxMail
from tests.cli.terminal import IDP
from tests.demo.running import wait_until
from tests.faults.catalogue import fault
from tests.mail.conftest import NewSender, new_sender, server
from tests.support.acts import ask_for_account, confirm
from tests.support.mailbox import Mailbox
from tests.support.ports import free_port
from tests.support.world import World

__all__ = ["new_sender", "server"]


@pytest.fixture(autouse=True)
def empty_outbox(world: World) -> None:
    with world.transaction() as db:
        db.execute(delete(OutboxMail))
        db.execute(delete(MailDomain))


class SenderProcess:
    """`idp mail run` on the database of the test."""

    def __init__(self, world: World, port: int, log: Path, **settings: str) -> None:
        clean = {name: value for name, value in os.environ.items() if not name.startswith("IDP_")}
        environ = {
            **clean,
            "IDP_DATABASE_URL": world.server.settings.database_url.get_secret_value(),
            "IDP_ISSUER": world.base,
            "IDP_SMTP_PORT": str(port),
            **settings,
        }
        self._log = log
        with log.open("w") as written:
            self.process = subprocess.Popen([*IDP, "mail", "run"], env=environ, stdout=written, stderr=written)

    def says(self, text: str, times: int = 1) -> bool:
        return self._log.read_text(encoding="utf-8").count(f'"{text}"') >= times

    def end(self) -> None:
        self.process.send_signal(signal.SIGCONT)
        self.process.terminate()
        assert self.process.wait(timeout=60) == 0


NewProcess = Callable[..., SenderProcess]


@pytest.fixture
def new_process(world: World, tmp_path: Path) -> Iterator[NewProcess]:
    made: list[SenderProcess] = []

    def make(port: int, **settings: str) -> SenderProcess:
        made.append(SenderProcess(world, port, tmp_path / f"sender-{len(made)}", **settings))
        return made[-1]

    yield make
    for one in made:
        one.end()


class Holding(Mailbox):
    """Keeps whoever names a recipient of `domain` waiting until it is let go."""

    def __init__(self, domain: str) -> None:
        self._domain = domain
        self.held = threading.Event()
        self.let_go = threading.Event()
        super().__init__()

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: Any) -> str:
        if address.endswith(self._domain):
            self.held.set()
            while not self.let_go.is_set():
                await asyncio.sleep(0.02)
        return await super().handle_RCPT(server, session, envelope, address, options)

    def stop(self) -> None:
        self.let_go.set()
        super().stop()


@pytest.fixture
def holding() -> Iterator[Holding]:
    box = Holding("lent.exemple")
    yield box
    box.stop()


def mails(world: World, domain: str, count: int) -> list[str]:
    made = [f"{world.deps.new_id()}@{domain}" for _ in range(count)]
    with world.transaction() as db:
        for to in made:
            store.enqueue(db, world.deps, DeliveryTest(to=to, voice=Voice("Agence")))
    return made


def all_sent(world: World) -> bool:
    with world.reading() as db:
        return set(db.scalars(select(OutboxMail.state).where(OutboxMail.state != "discarded"))) == {"sent"}


def attempts(world: World) -> list[int]:
    with world.reading() as db:
        return sorted(db.scalars(select(OutboxMail.attempts).where(OutboxMail.state == "queued")))


def metric(world: World, name: str, **labels: str) -> float:
    return next(
        sample.value
        for family in Stored(world.deps).collect()
        for sample in family.samples
        if sample.name == name and sample.labels == labels
    )


@fault("X9")
def test_without_a_mail_server_people_go_on_and_their_mails_leave_when_it_is_back(
    world: World, new_process: NewProcess
) -> None:
    port = free_port()
    sender = new_process(port)
    letter = world.letter()
    person = ask_for_account(world, letter)
    assert wait_until(lambda: sender.says("mail server away"))
    assert metric(world, "idp_outbox_mails", state="queued") == 1
    assert metric(world, "idp_outbox_oldest_seconds") > 0
    assert person.reload().heading == "Vérifiez votre messagerie"
    world.clock.advance(seconds=31)
    assert "peut prendre quelques minutes" in person.reload().text
    world.clock.advance(seconds=-31)

    back = Mailbox(port=port)
    try:
        assert wait_until(lambda: back.to(letter.email or ""), 60), "without a human act"
        assert wait_until(lambda: all_sent(world))
    finally:
        back.stop()

    assert len(back.messages) == 1
    world.mailbox.messages.extend(back.messages)
    assert confirm(world, person, letter.email).status == 200


@fault("X10")
def test_a_mail_server_that_is_slow_with_one_domain_holds_up_neither_pages_nor_other_domains(
    world: World, new_process: NewProcess, holding: Holding
) -> None:
    (slow,) = mails(world, "lent.exemple", 1)
    new_process(holding.port, IDP_MAIL_CONNECTIONS="2")
    assert wait_until(holding.held.is_set)

    letter = world.letter()
    person = ask_for_account(world, letter)
    assert wait_until(lambda: holding.to(letter.email or "")), "another connection took it"
    world.mailbox.messages.extend(holding.messages)
    assert confirm(world, person, letter.email).status == 200
    assert not holding.to(slow)

    holding.let_go.set()
    assert wait_until(lambda: all_sent(world))
    assert set(Counter(mail.to for mail in holding.messages).values()) == {1}


@fault("X10")
def test_a_mail_server_that_never_answers_loses_nothing(
    world: World, new_process: NewProcess, holding: Holding
) -> None:
    made = mails(world, "lent.exemple", 3)
    sender = new_process(holding.port, IDP_SMTP_TIMEOUT_SECONDS="1", IDP_MAIL_CONNECTIONS="1")
    assert wait_until(lambda: sender.says("mail put off"))

    assert wait_until(lambda: attempts(world) == [0, 0, 1]), "one was tried, the others were given back"
    with world.reading() as db:
        (domain,) = store.failing_domains(db)
    assert domain.paused_until is not None
    holding.let_go.set()
    with world.transaction() as db:
        store.put_back(db, now=world.clock())
    assert wait_until(lambda: all_sent(world))
    assert sorted(mail.to for mail in holding.messages) == sorted(made)


@fault("X11")
def test_a_refusal_for_good_is_shown_to_the_person_with_the_way_on(
    world: World, server: Mailbox, new_process: NewProcess
) -> None:
    letter = world.letter()
    person = ask_for_account(world, letter)
    server.answer = "550 5.1.1 no such user"
    sender = new_process(server.port)
    assert wait_until(lambda: sender.says("mail refused"))

    page = person.reload()
    assert "n'a pas pu être remis" in page.text
    page = person.click("Changer d'adresse")
    server.answer = None
    page = person.submit(email=f"autre.{letter.email}")
    assert page.path.endswith("/password")


class HangsUp(Mailbox):
    """Closes the connection instead of answering a body, `times` times; `keeps`: having accepted it."""

    def __init__(self, *, keeps: bool, times: int = 1) -> None:
        self._keeps, self._left = keeps, times
        super().__init__()

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        if not self._left:
            return await super().handle_DATA(server, session, envelope)
        self._left -= 1
        if self._keeps:
            await super().handle_DATA(server, session, envelope)
        server.transport.close()
        return "250 OK"


@fault("X11")
@pytest.mark.parametrize(("keeps", "copies"), [(False, 1), (True, 2)], ids=["lost", "accepted"])
def test_a_connection_that_ends_after_the_body_repeats_the_mail_once_at_most(
    world: World, new_sender: NewSender, keeps: bool, copies: int
) -> None:
    """Nobody can know whether it was accepted. The copy has the same id and the same link."""
    box = HangsUp(keeps=keeps)
    try:
        letter = world.letter()
        ask_for_account(world, letter)
        one = new_sender(box.port)
        one.all()
        assert not all_sent(world)
        world.clock.advance(minutes=2)
        one.all()
    finally:
        box.stop()

    assert all_sent(world)
    got = box.to(letter.email or "")
    assert len(got) == copies
    assert len({(str(mail.message["Message-ID"]), mail.text) for mail in got}) == 1


@fault("X33")
def test_a_sender_stopped_in_its_sleep_sends_nothing_that_another_one_sent(
    world: World, new_process: NewProcess, holding: Holding
) -> None:
    """SIGSTOP with a batch in hand and one mail half-way; another sender takes over when the lease has passed."""
    made = mails(world, "lent.exemple", 6)
    short = {"IDP_MAIL_LEASE_SECONDS": "2", "IDP_MAIL_CONNECTIONS": "1"}
    first = new_process(holding.port, **short)
    assert wait_until(holding.held.is_set)
    first.process.send_signal(signal.SIGSTOP)

    holding.let_go.set()
    new_process(holding.port, **short)
    assert wait_until(lambda: all_sent(world), 60)
    first.process.send_signal(signal.SIGCONT)

    assert wait_until(lambda: first.says("lease over") and first.says("lease lost", 5)), "it noticed with each mail"
    assert all_sent(world)
    assert Counter(mail.to for mail in holding.messages) == Counter(made)
