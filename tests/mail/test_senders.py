"""Senders side by side: fences, turns of domains, pauses, and the connection that is kept."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest

from idp.mail import rules, store
from idp.mail.messages import DeliveryTest, Voice
from idp.mail.relay import MAILS
from idp.mail.sender import BATCH
from tests.mail.conftest import NewSender
from tests.mail.test_delivery import a_mail, leased, outbox
from tests.support.mailbox import Mailbox
from tests.support.ports import free_port
from tests.support.world import World


def mails(world: World, domain: str, count: int) -> list[str]:
    """Mails to one domain; returns the recipients."""
    made = [f"{world.deps.new_id()}@{domain}" for _ in range(count)]
    with world.transaction() as db:
        for to in made:
            store.enqueue(db, world.deps, DeliveryTest(to=to, voice=Voice("Agence")))
    return made


def states(world: World) -> dict[str, str]:
    return {mail.recipient: mail.state for mail in outbox(world)}


def test_a_thousand_mails_to_one_domain_do_not_delay_the_first_to_another(
    world: World, server: Mailbox, new_sender: NewSender
) -> None:
    mails(world, "grand.exemple", 1000)
    (late,) = mails(world, "petit.exemple", 1)

    new_sender().batch()

    assert len(server.messages) == BATCH
    assert server.to(late)


def test_a_domain_that_puts_mails_off_is_left_alone_while_others_go_on(
    world: World, server: Mailbox, new_sender: NewSender
) -> None:
    server.answers = {"gris.exemple": "450 4.2.0 greylisted"}
    grey, white = mails(world, "gris.exemple", 12), mails(world, "blanc.exemple", 12)
    senders = new_sender()

    senders.all()

    assert {state for to, state in states(world).items() if to in white} == {"sent"}
    tried = [mail for mail in outbox(world) if mail.recipient in grey and mail.attempts]
    assert len(tried) == rules.PATIENCE, "the rest was not even tried"
    with world.reading() as db:
        (domain,) = store.failing_domains(db)
        assert store.standing(db, now=world.clock()).paused == 1
    assert (domain.domain, domain.failures) == ("gris.exemple", rules.PATIENCE)
    assert domain.paused_until is not None
    assert timedelta(0) < domain.paused_until - world.clock() <= timedelta(seconds=72)


def test_a_domain_that_takes_mails_again_gets_them_all(world: World, server: Mailbox, new_sender: NewSender) -> None:
    server.answers = {"gris.exemple": "450 4.2.0 greylisted"}
    grey = mails(world, "gris.exemple", 6)
    senders = new_sender()
    senders.all()

    server.answers = {}
    world.clock.advance(minutes=3)
    senders.all()

    assert all(len(server.to(to)) == 1 for to in grey)
    with world.reading() as db:
        assert not store.failing_domains(db)


def test_a_domain_that_still_refuses_after_its_pause_costs_one_mail_an_attempt(
    world: World, server: Mailbox, new_sender: NewSender
) -> None:
    server.answers = {"gris.exemple": "450 4.2.0 greylisted"}
    mails(world, "gris.exemple", 12)
    senders = new_sender()
    senders.all()
    before = sum(mail.attempts for mail in outbox(world))

    world.clock.advance(minutes=3)
    senders.all()

    assert sum(mail.attempts for mail in outbox(world)) == before + 1
    with world.reading() as db:
        paused_until = store.failing_domains(db)[0].paused_until
    assert paused_until is not None
    assert paused_until - world.clock() > timedelta(seconds=72), "and the next pause is longer"


def test_a_full_mailbox_does_not_hold_up_its_neighbours(world: World, server: Mailbox, new_sender: NewSender) -> None:
    server.answers = {"plein.exemple": "452 4.2.2 mailbox full"}
    mails(world, "plein.exemple", 5)
    new_sender().all()
    server.answers = {}
    (neighbour,) = mails(world, "plein.exemple", 1)

    new_sender().all()

    assert server.to(neighbour)


def test_a_retry_by_an_operator_ends_all_pauses(world: World, server: Mailbox, new_sender: NewSender) -> None:
    server.answers = {"gris.exemple": "421 4.3.2 closing"}
    (to,) = mails(world, "gris.exemple", 1)
    senders = new_sender()
    senders.all()
    server.answers = {}

    with world.transaction() as db:
        assert store.put_back(db, now=world.clock()) == 1
    senders.all()

    assert server.to(to)


def test_a_mail_server_that_is_away_is_asked_again_after_seconds(world: World, new_sender: NewSender) -> None:
    (to,) = mails(world, "exemple.org", 1)
    port = free_port()
    senders = new_sender(port)
    assert [senders.batch() for _ in range(3)] == [0, 0, 0]

    back = Mailbox(port=port)
    try:
        senders.batch()
        assert not back.connections, "it is left alone for a moment"
        world.clock.advance(seconds=30)
        senders.batch()
    finally:
        back.stop()

    assert len(back.to(to)) == 1


def test_one_connection_carries_many_mails_and_is_renewed(world: World, server: Mailbox, new_sender: NewSender) -> None:
    mails(world, "exemple.org", MAILS + 10)

    new_sender().all()

    assert len(server.messages) == MAILS + 10
    assert len(server.connections) == 2


def test_a_connection_that_broke_while_idle_costs_no_mail_anything(world: World, new_sender: NewSender) -> None:
    before = Mailbox()
    senders = new_sender(before.port)
    mails(world, "exemple.org", 1)
    senders.all()
    before.stop()
    again = Mailbox(port=before.port)
    try:
        (to,) = mails(world, "exemple.org", 1)
        world.clock.advance(seconds=5)
        senders.all()
    finally:
        again.stop()

    assert len(again.to(to)) == 1
    assert {mail.attempts for mail in outbox(world)} == {1}


def test_a_sender_that_is_told_to_stop_gives_back_what_it_has_not_begun(
    world: World, server: Mailbox, new_sender: NewSender
) -> None:
    mails(world, "exemple.org", 5)
    stop = threading.Event()
    senders = new_sender(stop=stop)
    stop.set()

    senders.batch()

    assert not server.messages
    assert {(mail.attempts, mail.leased_until) for mail in outbox(world)} == {(0, None)}


def test_a_sender_whose_lease_ends_while_it_sleeps_sends_nothing(
    world: World, server: Mailbox, new_sender: NewSender
) -> None:
    """The process was stopped before a mail of its batch; meanwhile another one sent them all."""
    sent = mails(world, "exemple.org", 5)
    mine, other = new_sender(), new_sender()
    with world.transaction() as db:
        taken = leased(world, db)
    world.clock.advance(minutes=6)
    other.all()

    with world.server.app.app_context():
        assert mine.sender._deliver_all(taken) == []

    assert sorted(mail.to for mail in server.messages) == sorted(sent)
    assert set(states(world).values()) == {"sent"}


def test_a_sender_that_slept_between_recipient_and_body_sends_no_body(
    world: World, server: Mailbox, new_sender: NewSender, monkeypatch: pytest.MonkeyPatch
) -> None:
    to = a_mail(world)
    accepted = Mailbox.handle_RCPT

    async def slow(self: Mailbox, *args: object) -> str:
        answer = await accepted(self, *args)
        world.clock.advance(minutes=6)
        return answer

    monkeypatch.setattr(Mailbox, "handle_RCPT", slow)
    new_sender().batch()
    monkeypatch.setattr(Mailbox, "handle_RCPT", accepted)
    assert not server.messages
    new_sender().all()

    assert len(server.to(to)) == 1


def test_a_lease_is_prolonged_while_a_slow_batch_goes_on(
    world: World, server: Mailbox, new_sender: NewSender, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = mails(world, "exemple.org", 6)
    accepted = Mailbox.handle_RCPT

    async def slow(self: Mailbox, *args: object) -> str:
        world.clock.advance(minutes=2)
        return await accepted(self, *args)

    monkeypatch.setattr(Mailbox, "handle_RCPT", slow)
    new_sender().batch()

    assert sorted(mail.to for mail in server.messages) == sorted(made)
    assert {mail.lease for mail in outbox(world)} == {1}


def test_an_older_versions_mail_is_sent_too(world: World, server: Mailbox, new_sender: NewSender) -> None:
    """While two versions run side by side, the older one writes rows without a domain."""
    to = a_mail(world, domain="")

    new_sender().all()

    assert server.to(to)


def test_two_senders_that_look_at_the_same_mails_share_them(world: World, new_sender: NewSender) -> None:
    """Both worked out the same turns; what one has leased the other one goes past."""
    made = mails(world, "exemple.org", 2 * BATCH)
    one, other = new_sender(), new_sender()
    for sender in (one.sender, other.sender):
        with world.reading() as db:
            sender._queue = store.queue(db, now=world.clock(), limit=4 * BATCH)

    with world.server.app.app_context():
        mine, others = one.sender._taken(), other.sender._taken()
        assert other.sender._taken() == []

    assert (len(mine), len(others)) == (BATCH, BATCH)
    assert sorted(mail.recipient for mail in mine + others) == sorted(made)


def test_a_row_that_another_sender_is_just_taking_is_not_waited_for(world: World) -> None:
    if not world.server.settings.database_url.get_secret_value().startswith("postgresql"):
        return  # SQLite has one writer at a time: there is no same moment
    mails(world, "exemple.org", 5)
    others: list[list[store.Waiting]] = []

    def other() -> None:
        with world.transaction() as second:
            others.append(leased(world, second))

    with world.transaction() as first:
        assert len(leased(world, first, limit=3)) == 3
        thread = threading.Thread(target=other)
        thread.start()
        thread.join()

    assert len(others[0]) == 2
