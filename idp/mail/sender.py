"""Delivering the outbox by SMTP: leases, sends, records what the server said. Run by `idp mail run`, as often as wanted.

A mail is leased before it is tried, and the lease is fenced: of two senders that believe to have the same mail only one
goes on. Nothing is leased while the mail server is away, so an outage costs no mail an attempt. A process that
dies, or is stopped while a body is on its way, may send that one mail again, under the same Message-ID; nothing else may.
"""

from __future__ import annotations

import logging
import random
import smtplib
import threading
from collections.abc import Sequence
from datetime import datetime, timedelta
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime

from idp import spans
from idp.database import reading, transaction
from idp.deps import Deps
from idp.mail import rules, store
from idp.mail.relay import LeaseOver, Relay
from idp.mail.rules import one_line
from idp.mail.store import Waiting
from idp.settings import Settings

log = logging.getLogger(__name__)

BATCH = 20
# Mails whose turns are worked out at once: with a hundred thousand waiting that costs as much as sending some.
LOOK = 10 * BATCH


class Sender:
    """Delivers batch by batch over one connection. stop: when set, no further mail is begun."""

    def __init__(self, deps: Deps, stop: threading.Event | None = None) -> None:
        self._deps = deps
        self._stop = stop or threading.Event()
        self._relay = Relay(deps.settings, deps.now)
        self._lease = timedelta(seconds=deps.settings.mail_lease_seconds)
        self._queue: list[str] = []
        self._failures = 0
        self._away_until: datetime | None = None

    def deliver_due(self) -> int:
        """Send what is due now, one batch; returns how many mails were taken. Never raises for a server's failure."""
        now = self._deps.now()
        if self._away_until is not None and now < self._away_until:
            return 0
        if not self._queue:
            with reading() as db:
                self._queue = store.queue(db, now=now, limit=LOOK)
        if not self._queue:
            self._relay.rest()
            return 0
        if not self._ready():
            self._queue = []
            return 0
        mails = self._taken()
        left = self._deliver_all(mails)
        if left:
            with transaction() as db:
                store.given_back(db, left)
        return len(mails)

    def _taken(self) -> list[Waiting]:
        """The next batch, leased; empty when other senders have all that was looked at."""
        mails: list[Waiting] = []
        while self._queue and not mails:
            ids, self._queue = self._queue[:BATCH], self._queue[BATCH:]
            with transaction() as db:
                mails = store.lease(db, ids, now=self._deps.now(), duration=self._lease)
        return mails

    def close(self) -> None:
        self._relay.close()

    def _ready(self) -> bool:
        """Whether the mail server answers; when it does not it is left alone for some seconds."""
        try:
            self._relay.ready()
        except (OSError, smtplib.SMTPException) as error:
            self._failures += 1
            self._away_until = self._deps.now() + rules.away(self._failures, spread=_spread())
            log.warning("mail server away", extra={"error": type(error).__name__, "answer": one_line(str(error))})
            return False
        if self._failures:
            log.info("mail server is back")
        self._failures, self._away_until = 0, None
        return True

    def _deliver_all(self, mails: Sequence[Waiting]) -> list[Waiting]:
        """Deliver mails one after the other; returns those that were not tried."""
        paused: set[str] = set()
        left: list[Waiting] = []
        for position, leased in enumerate(mails):
            if leased.domain in paused:
                left.append(leased)
                continue
            if self._stop.is_set() or not self._ready():
                return left + list(mails[position:])
            mail = self._held(leased)
            if mail is not None and not self._deliver(mail):
                paused.add(mail.domain)
        return left

    def _held(self, mail: Waiting) -> Waiting | None:
        """The mail with enough of its lease left to send it; None when another sender has it."""
        now = self._deps.now()
        if mail.leased_until - now > self._lease / 2:
            return mail
        with transaction() as db:
            held = store.still_mine(db, mail, until=now + self._lease)
        if held is None:
            log.warning("lease lost", extra={"mail": mail.id})
        return held

    def _deliver(self, mail: Waiting) -> bool:
        """Send one mail and record what came of it; False when its domain is to be left alone."""
        with spans.work("mail send"):
            spans.note("idp.mail.attempts", mail.attempts)
            return self._try(mail)

    def _try(self, mail: Waiting) -> bool:
        try:
            message = compose(mail, self._deps.settings)
        except ValueError as error:
            # It waits like any other, where an operator sees it; those behind it must not.
            log.warning("mail cannot be written", extra={"mail": mail.id, "error": str(error)})
            return self._record(mail, rules.Verdict(str(error)))
        try:
            self._relay.send(message, until=mail.leased_until)
        except LeaseOver:
            log.warning("lease over", extra={"mail": mail.id})
            spans.note("idp.mail.outcome", "lease over")
            return True
        except (OSError, smtplib.SMTPException) as error:
            return self._record(mail, rules.verdict(error))
        with transaction() as db:
            store.sent(db, mail, now=self._deps.now())
        spans.note("idp.mail.outcome", "sent")
        log.info("mail sent", extra={"mail": mail.id})
        return True

    def _record(self, mail: Waiting, found: rules.Verdict) -> bool:
        now = self._deps.now()
        until = now + rules.delay(mail.attempts, spread=_spread())
        paused = False
        with transaction() as db:
            if found.final:
                store.refused(db, mail, answer=found.answer)
            elif now - mail.created_at > rules.GIVE_UP_AFTER:
                store.refused(db, mail, answer=f"given up after {rules.GIVE_UP_AFTER.days} days: {found.answer}")
            else:
                store.postponed(db, mail, until=until, answer=found.answer)
            if found.of_domain:
                failures = store.domain_failed(db, mail.domain, answer=found.answer, now=now)
                paused = rules.pauses(found, failures)
                if paused:
                    store.pause(db, mail.domain, until=now + rules.pause(failures, spread=_spread()))
        spans.note("idp.mail.outcome", "refused" if found.final else "put off")
        said = {"mail": mail.id, "smtp_code": found.answer[:3], "domain_paused": paused}
        log.warning("mail refused" if found.final else "mail put off", extra=said)
        return not paused


def _spread() -> float:
    return random.uniform(-1, 1)  # noqa: S311 - not a secret


def deliver_due(deps: Deps) -> int:
    """Send one batch over a connection of its own; returns how many mails were taken."""
    sender = Sender(deps)
    try:
        return sender.deliver_due()
    finally:
        sender.close()


def run(deps: Deps, stop: threading.Event, *, idle_seconds: float = 1.0) -> None:
    """Deliver until `stop` is set. A failing database is waited for, not died of."""
    sender = Sender(deps, stop)
    while not stop.is_set():
        try:
            handled = sender.deliver_due()
        except Exception:
            log.exception("mail sender")
            handled = 0
        if not handled:
            stop.wait(idle_seconds)
    sender.close()


def compose(mail: Waiting, settings: Settings) -> EmailMessage:
    """The MIME message: text first, HTML second, marked as automatic so that no auto-responder answers (RFC 3834).

    In seven bits, which every server takes. Raises ValueError for a recipient that would break a header, and when there
    is nothing to say.
    """
    if not mail.text or not mail.html:
        raise ValueError("the mail has no body")
    message = EmailMessage(policy=SMTP.clone(cte_type="7bit"))
    local, _, domain = settings.mail_from.partition("@")
    message["From"] = Address(one_line(mail.sender_name), local, domain)
    message["To"] = mail.recipient
    message["Subject"] = one_line(mail.subject)
    message["Date"] = format_datetime(mail.created_at)
    # The same id at each attempt: a server that accepted a mail whose answer was lost can tell the repetition.
    message["Message-ID"] = f"<{mail.id}@{domain}>"
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(mail.text)
    message.add_alternative(mail.html, subtype="html")
    return message
