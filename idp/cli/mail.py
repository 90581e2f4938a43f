"""`idp mail`: delivering the outbox, looking at it, and asking the mail server a question."""

from __future__ import annotations

import signal
import smtplib
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import BinaryIO

import click
from flask import Flask

from idp import logs
from idp.accounts import addresses
from idp.cli.context import changing, database, dry_run_option, light_deps, opened, record
from idp.cli.failures import Away, Failure
from idp.cli.output import Output, output_option, rows, say
from idp.database import reading, transaction
from idp.deps import Deps
from idp.errors import IdpError
from idp.mail import bounces, relay, sender, store
from idp.mail.messages import DeliveryTest, Voice, render
from idp.mail.store import Waiting
from idp.migrations import require_current
from idp.settings import Settings, load

_COLUMNS = ("id", "kind", "recipient", "state", "attempts", "created_at", "sent_at", "next_attempt_at", "last_answer")

_OF_DOMAINS = ("domain", "failures", "failed_at", "paused_until", "last_answer")


@click.group()
def command() -> None:
    """Deliver mail, look at the outbox, test the mail server."""


@command.command()
@click.option("--once", is_flag=True, help="Deliver what is due now, then end.")
def run(once: bool) -> None:
    """Deliver mails until SIGTERM or Ctrl-C. As many senders as wanted may run, on any host."""
    settings = load()
    with database(settings) as app:
        require_current(app)
        deps = light_deps(settings)
        logs.configure(settings.log_level)
        if once:
            with _traced(app, settings):
                while sender.deliver_due(deps):
                    pass
            return
        stop = threading.Event()

        def end(_signal: int, _frame: FrameType | None) -> None:
            # The mail being delivered is finished: ending between a server's answer and its record would repeat it.
            stop.set()

        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, end)
        say("delivering mails; Ctrl-C ends")
        with _traced(app, settings):
            _run_all(app, deps, stop)


@contextmanager
def _traced(app: Flask, settings: Settings) -> Iterator[None]:
    """Each mail is a trace, where `traces_endpoint` wants them."""
    if not settings.traces_endpoint:
        yield
        return
    from idp import traces

    traces.install_without_requests(app, settings)
    try:
        yield
    finally:
        traces.finish(app)


def _run_all(app: Flask, deps: Deps, stop: threading.Event) -> None:
    """As many senders as there are connections, until all have ended; the first of them in this thread."""

    def run() -> None:
        with app.app_context():
            sender.run(deps, stop)

    others = [threading.Thread(target=run, name="mail") for _ in range(deps.settings.mail_connections - 1)]
    for thread in others:
        thread.start()
    sender.run(deps, stop)
    for thread in others:
        thread.join()


@command.command()
@click.option("--state", type=click.Choice(["queued", "sent", "refused"]), help="Only those.")
@click.option("--limit", type=click.IntRange(1, 10_000), default=50, show_default=True, help="How many, newest first.")
@click.option("--retry", is_flag=True, help="First make every waiting mail due now, after the server came back.")
@dry_run_option
@output_option
def outbox(state: str | None, limit: int, retry: bool, dry_run: bool, output: Output) -> None:
    """The newest mails and what the server said. Bodies are never shown: they hold links that work."""
    with opened() as deps:
        if retry:
            with changing(dry_run=dry_run) as db:
                count = store.put_back(db, now=deps.now())
                record(db, deps, "mail-retried", mails=count)
            say(f"{count} waiting mails are due now")
        with reading() as db:
            found = [
                {name: getattr(mail, name) for name in _COLUMNS} for mail in store.outbox(db, state=state, limit=limit)
            ]
    rows(found, _COLUMNS, output)


@command.command()
@output_option
def domains(output: Output) -> None:
    """The domains that put mails off lately, until when each is left alone, and what was answered."""
    with opened(), reading() as db:
        found = [{name: getattr(one, name) for name in _OF_DOMAINS} for one in store.failing_domains(db)]
    rows(found, _OF_DOMAINS, output)


@command.command()
@click.argument("report", type=click.File("rb"), default="-")
def bounced(report: BinaryIO) -> None:
    """Note that a mail came back: REPORT is what the other server sent to `mail_from`, on stdin from an alias's pipe.

    The waiting page then says so, with the way on. Anything but the report of a final failure is ignored.
    """
    found = bounces.returned_mail(report.read(bounces.LONGEST))
    if found is None:
        say("not the report of a mail that was refused for good: ignored")
        return
    mail_id, answer = found
    with opened(), transaction() as db:
        known = store.came_back(db, mail_id, answer=answer)
    say(f"mail {mail_id} came back: {answer}" if known else f"no mail {mail_id} that was sent: ignored")


@command.command()
@click.argument("address")
def test(address: str) -> None:
    """Send a test mail to ADDRESS now, past the outbox, and say what the mail server answered."""
    settings = load()
    try:
        recipient = addresses.accepted(address)
    except IdpError:
        raise click.UsageError(f"e-mail address {address!r}: nom@domaine.fr is expected") from None
    say(_deliver(light_deps(settings), settings, recipient))


def _deliver(deps: Deps, settings: Settings, recipient: str) -> str:
    """Send the test mail; returns what happened. Raises Away (no connection) and Failure (the server said no)."""
    where = f"{settings.smtp_host}:{settings.smtp_port} ({settings.smtp_security})"
    rendered = render(DeliveryTest(to=recipient, voice=Voice()), timezone=settings.timezone)
    mail = Waiting(
        id=deps.new_id(),
        recipient=recipient,
        sender_name="Mon compte immobilier",
        subject=rendered.subject,
        text=rendered.text,
        html=rendered.html,
        attempts=1,
        created_at=deps.now(),
        lease=0,
        leased_until=deps.now(),
    )
    try:
        server = relay.connect(settings)
    except smtplib.SMTPResponseException as error:
        raise Failure(f"{where} refused the connection: {_answer(error.smtp_code, error.smtp_error)}") from None
    except (OSError, smtplib.SMTPException) as error:
        raise Away(f"{where} does not answer: {error}") from None
    try:
        server.send_message(sender.compose(mail, settings))
    except smtplib.SMTPRecipientsRefused as error:
        raise Failure(f"{where} refused {recipient}: {_answer(*error.recipients[recipient])}") from None
    except smtplib.SMTPResponseException as error:
        raise Failure(f"{where} refused the mail: {_answer(error.smtp_code, error.smtp_error)}") from None
    except (OSError, smtplib.SMTPException) as error:
        raise Away(f"{where} broke off: {error}") from None
    finally:
        server.close()
    return f"{where} accepted the mail for {recipient}; its Message-ID starts with {mail.id}"


def _answer(code: int, text: bytes | str) -> str:
    return f"{code} {text.decode('utf-8', 'replace') if isinstance(text, bytes) else text}"
