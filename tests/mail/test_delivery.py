"""Delivering the outbox to a real SMTP server that fails as servers do."""

from __future__ import annotations

import secrets
import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from idp.deps import Deps
from idp.mail import sender, store
from idp.mail.messages import DeliveryTest, Message, Voice
from idp.mail.tables import OutboxMail
from tests.attacks import attack
from tests.faults.catalogue import fault
from tests.support.mailbox import Mailbox
from tests.support.ports import free_port
from tests.support.world import World

LEASE = timedelta(minutes=5)


def sending_to(world: World, port: int) -> Deps:
    return replace(world.deps, settings=world.deps.settings.model_copy(update={"smtp_port": port}))


def a_mail(world: World, message: Message | None = None, **columns: Any) -> str:
    """A mail in the outbox; returns its recipient."""
    to = f"{secrets.token_hex(4)}@exemple.org"
    with world.transaction() as db:
        store.enqueue(db, world.deps, message or DeliveryTest(to=to, voice=Voice("Agence des Quais")))
    if columns:
        with world.transaction() as db:
            row = db.scalars(select(OutboxMail).order_by(OutboxMail.id.desc()).limit(1)).one()
            for name, value in columns.items():
                setattr(row, name, value)
    return message.to if message else to


def leased(world: World, db: Any, limit: int = 20) -> list[store.Waiting]:
    """Mails taken by a sender that does not come to send them."""
    now = world.clock()
    return store.lease(db, store.queue(db, now=now, limit=limit), now=now, duration=LEASE)


def deliver(world: World, port: int) -> None:
    with world.server.app.app_context():
        sender.deliver_due(sending_to(world, port))


def outbox(world: World) -> list[OutboxMail]:
    with world.reading() as db:
        return list(db.scalars(select(OutboxMail).order_by(OutboxMail.id)))


def test_a_delivered_mail_is_marked_and_its_body_wiped(world: World, server: Mailbox) -> None:
    to = a_mail(world)

    deliver(world, server.port)

    assert len(server.to(to)) == 1
    (row,) = outbox(world)
    assert (row.state, row.text, row.html) == ("sent", None, None)
    assert row.sent_at is not None


@fault("X9")
def test_a_server_that_is_down_loses_nothing_and_costs_no_mail_an_attempt(world: World, server: Mailbox) -> None:
    """An hour without the mail server left every mail waiting for up to half an hour more when it was back."""
    to = a_mail(world)

    deliver(world, free_port())
    (row,) = outbox(world)
    assert (row.state, row.attempts, row.leased_until) == ("queued", 0, None)
    deliver(world, server.port)

    assert len(server.to(to)) == 1


@fault("X11")
@pytest.mark.parametrize(
    ("command", "answer"),
    [
        ("answer", "451 4.7.1 greylisted, try again"),
        ("answer_to_data", "452 4.3.1 no space"),
        ("answer_to_sender", "451 4.3.0 later"),
        ("answer_to_sender", "550 5.7.1 sender not allowed"),
        ("answer_to_sender", "530 5.7.0 authentication required"),
    ],
)
def test_what_is_temporary_or_our_own_fault_is_tried_again(
    world: World, server: Mailbox, command: str, answer: str
) -> None:
    """A wrong sender or a missing sign-in at the mail server is an operator's mistake: every mail of that hour was marked
    as refused by its recipient, for good."""
    to = a_mail(world)
    setattr(server, command, answer)

    deliver(world, server.port)
    (row,) = outbox(world)
    assert row.state == "queued"
    assert answer[:3] in (row.last_answer or "")
    setattr(server, command, None)
    world.clock.advance(minutes=2)
    deliver(world, server.port)

    assert len(server.to(to)) == 1


@fault("X11")
@pytest.mark.parametrize("command", ["answer", "answer_to_data"])
def test_what_is_refused_for_good_is_not_tried_again(world: World, server: Mailbox, command: str) -> None:
    a_mail(world)
    setattr(server, command, "550 5.1.1 no such user")

    deliver(world, server.port)
    (row,) = outbox(world)
    assert (row.state, row.text, row.html) == ("refused", None, None)
    setattr(server, command, None)
    world.clock.advance(days=1)
    deliver(world, server.port)

    assert not server.messages


def test_a_refused_mail_does_not_stop_the_next_one(world: World, server: Mailbox) -> None:
    a_mail(world)
    with world.transaction() as db:
        row = db.scalars(select(OutboxMail)).one()
        row.recipient = "two@exemple.org\r\nBcc: everybody@exemple.org"
    to = a_mail(world)

    deliver(world, server.port)
    world.clock.advance(minutes=3)
    deliver(world, server.port)

    assert len(server.to(to)) == 1
    assert not server.to("everybody@exemple.org")


def test_delays_grow_and_after_three_days_it_is_given_up(world: World, server: Mailbox) -> None:
    a_mail(world)
    server.answer = "451 4.3.0 later"
    attempts = 0
    while outbox(world)[0].state == "queued" and attempts < 100:
        deliver(world, server.port)
        attempts += 1
        world.clock.advance(hours=5)

    (row,) = outbox(world)
    assert row.state == "refused"
    assert (row.last_answer or "").startswith("given up")
    assert 14 <= attempts <= 17


def test_several_senders_share_the_work_and_send_each_mail_once(world: World, server: Mailbox) -> None:
    recipients = [a_mail(world) for _ in range(30)]
    barrier = threading.Barrier(4)

    def run() -> None:
        barrier.wait()
        for _ in range(3):
            deliver(world, server.port)

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(m.to for m in server.messages) == sorted(recipients)


def test_a_sender_that_dies_gives_its_mails_back(world: World, server: Mailbox) -> None:
    to = a_mail(world)
    with world.transaction() as db:
        assert len(leased(world, db)) == 1
    deliver(world, server.port)
    assert not server.messages

    world.clock.advance(minutes=6)
    deliver(world, server.port)

    assert len(server.to(to)) == 1


def test_a_sender_that_overslept_cannot_overwrite_what_its_successor_recorded(world: World, server: Mailbox) -> None:
    a_mail(world)
    with world.transaction() as db:
        (mine,) = leased(world, db)
    world.clock.advance(minutes=6)
    deliver(world, server.port)

    with world.transaction() as db:
        store.refused(db, mine, answer="550 late")
        assert store.still_mine(db, mine, until=world.clock() + LEASE) is None

    assert outbox(world)[0].state == "sent"


def test_a_mail_is_not_sent_when_its_cause_was_rolled_back(world: World, server: Mailbox) -> None:
    def cause() -> None:
        with world.transaction() as db:
            store.enqueue(db, world.deps, DeliveryTest(to="x@exemple.org", voice=Voice("Agence")))
            raise LookupError

    with pytest.raises(LookupError):
        cause()

    assert not outbox(world)


def test_a_server_that_takes_seven_bits_only_gets_seven(world: World) -> None:
    old = Mailbox(decode_data=True)
    try:
        to = a_mail(world, DeliveryTest(to="old@exemple.org", voice=Voice("Régie « Été »")))
        deliver(world, old.port)
        (mail,) = old.to(to)
    finally:
        old.stop()

    assert "envoyé automatiquement" in mail.text
    assert "Été" in str(mail.message["From"])


NAMES = [
    "Agence\r\nBcc: everybody@exemple.org",
    'Agence "du Port" <evil@exemple.org>',
    "<script>alert(1)</script><img src=x>",
    "{{7*7}} %s {0}",
    "Agence\x00\x07",
    "é" * 190,
    "\u202eecnegA",
]


@pytest.mark.parametrize("name", NAMES, ids=range(len(NAMES)))
@attack("I14")
def test_an_agencys_name_adds_no_header_and_no_markup(world: World, server: Mailbox, name: str) -> None:
    name = name if world.server.app.config["SQLALCHEMY_DATABASE_URI"].startswith("sqlite") else name.replace("\x00", "")
    to = a_mail(world, DeliveryTest(to="lea@exemple.org", voice=Voice(name)))

    deliver(world, server.port)

    (mail,) = server.to(to)
    assert mail.message["Bcc"] is None
    assert len(mail.message.get_all("From")) == 1
    assert mail.message["From"].addresses[0].addr_spec == world.deps.settings.mail_from
    assert "<script>" not in mail.html
    assert "<img src=x>" not in mail.html
    assert "49" not in mail.text.replace("7*7", "")
    assert not server.to("everybody@exemple.org")


def test_the_same_mail_keeps_its_id_at_each_attempt(world: World, server: Mailbox) -> None:
    a_mail(world)
    (row,) = outbox(world)

    deliver(world, server.port)

    assert row.id in str(server.messages[0].message["Message-ID"])


def test_a_body_is_in_no_repr() -> None:
    now = datetime.now(UTC)
    waiting = store.Waiting("i", "to@exemple.org", "Agence", "Sujet", "secret-text", "secret-html", 1, now, 1, now)

    assert "secret" not in repr(waiting)
