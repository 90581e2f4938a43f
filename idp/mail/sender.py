"""Delivering the outbox by SMTP: leases, sends, records what the server said.

A refusal for good (5xx for the recipient) is recorded and not tried again; anything else is tried again with growing
delays for three days. Run by `idp mail run`; as many senders as wanted may run.
"""

from __future__ import annotations

import logging
import random
import smtplib
import ssl
import threading
from datetime import timedelta
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime

from idp.database import transaction
from idp.deps import Deps
from idp.mail import store
from idp.mail.store import Waiting
from idp.settings import Settings

log = logging.getLogger(__name__)

BATCH = 20
_DELAYS = tuple(timedelta(minutes=m) for m in (1, 2, 5, 15, 30, 60, 120, 240))
GIVE_UP_AFTER = timedelta(days=3)


def deliver_due(deps: Deps) -> int:
    """Send what is due now, one batch; returns how many mails were handled. Never raises for a server's failure."""
    with transaction() as db:
        mails = store.lease(db, now=deps.now(), limit=BATCH)
    if not mails:
        return 0
    try:
        server = connect(deps.settings)
    except (OSError, smtplib.SMTPException) as error:
        log.warning("mail server away", extra={"error": type(error).__name__, "mails": len(mails)})
        for mail in mails:
            _postpone(deps, mail, str(error))
        return len(mails)
    try:
        for mail in mails:
            _deliver(deps, server, mail)
    finally:
        try:
            server.quit()
        except (OSError, smtplib.SMTPException):
            server.close()
    return len(mails)


def run(deps: Deps, stop: threading.Event, *, idle_seconds: float = 1.0) -> None:
    """Deliver until `stop` is set. A failing database is waited for, not died of."""
    while not stop.is_set():
        try:
            handled = deliver_due(deps)
        except Exception:
            log.exception("mail sender")
            handled = 0
        if handled < BATCH:
            stop.wait(idle_seconds)


def connect(settings: Settings) -> smtplib.SMTP:
    timeout = settings.smtp_timeout_seconds
    if settings.smtp_security == "tls":
        server: smtplib.SMTP = smtplib.SMTP_SSL(
            settings.smtp_host, settings.smtp_port, timeout=timeout, context=ssl.create_default_context()
        )
    else:
        server = smtplib.SMTP(settings.smtp_host, settings.smtp_port, timeout=timeout)
        if settings.smtp_security == "starttls":
            server.starttls(context=ssl.create_default_context())
    if settings.smtp_username:
        server.login(settings.smtp_username, settings.smtp_password.get_secret_value())
    return server


def _deliver(deps: Deps, server: smtplib.SMTP, mail: Waiting) -> None:
    try:
        message = compose(mail, deps.settings)
    except ValueError as error:
        # It waits like any other, where an operator sees it; those behind it must not.
        log.warning("mail cannot be written", extra={"mail": mail.id, "error": str(error)})
        _postpone(deps, mail, str(error))
        return
    try:
        server.send_message(message)
    except smtplib.SMTPSenderRefused as error:
        # Our own address or sign-in is wrong: an operator's mistake, which must not cost people their mails.
        log.warning("sender refused", extra={"mail": mail.id, "smtp_code": error.smtp_code})
        _postpone(deps, mail, _answer(error.smtp_code, error.smtp_error))
    except smtplib.SMTPRecipientsRefused as error:
        code, answer = next(iter(error.recipients.values()))
        _record_failure(deps, mail, code, answer)
    except smtplib.SMTPResponseException as error:
        _record_failure(deps, mail, error.smtp_code, error.smtp_error)
    except (OSError, smtplib.SMTPException) as error:
        _postpone(deps, mail, str(error))
    else:
        with transaction() as db:
            store.sent(db, mail, now=deps.now())
        log.info("mail sent", extra={"mail": mail.id})


def _record_failure(deps: Deps, mail: Waiting, code: int, answer: bytes | str) -> None:
    if 500 <= code < 600:
        with transaction() as db:
            store.refused(db, mail, answer=_answer(code, answer))
        log.warning("mail refused", extra={"mail": mail.id, "smtp_code": code})
    else:
        _postpone(deps, mail, _answer(code, answer))


def _answer(code: int, text: bytes | str) -> str:
    return f"{code} {_one_line(text.decode('utf-8', 'replace') if isinstance(text, bytes) else text)}"


def _postpone(deps: Deps, mail: Waiting, answer: str) -> None:
    now = deps.now()
    delay = _DELAYS[min(mail.attempts, len(_DELAYS)) - 1]
    # Jitter, so that a thousand mails do not all come back in the same second.
    until = now + delay * random.uniform(0.8, 1.2)  # noqa: S311 - not a secret
    with transaction() as db:
        if now - mail.created_at > GIVE_UP_AFTER:
            store.refused(db, mail, answer=f"given up after {GIVE_UP_AFTER.days} days: {answer}")
        else:
            store.postponed(db, mail, until=until, answer=answer)


def compose(mail: Waiting, settings: Settings) -> EmailMessage:
    """The MIME message: text first, HTML second, marked as automatic so that no auto-responder answers (RFC 3834).

    In seven bits, which every server takes. Raises ValueError for a recipient that would break a header.
    """
    message = EmailMessage(policy=SMTP.clone(cte_type="7bit"))
    local, _, domain = settings.mail_from.partition("@")
    message["From"] = Address(_one_line(mail.sender_name), local, domain)
    message["To"] = mail.recipient
    message["Subject"] = _one_line(mail.subject)
    message["Date"] = format_datetime(mail.created_at)
    # The same id at each attempt: a server that accepted a mail whose answer was lost can tell the repetition.
    message["Message-ID"] = f"<{mail.id}@{domain}>"
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(mail.text)
    message.add_alternative(mail.html, subtype="html")
    return message


def _one_line(text: str) -> str:
    """Header text without line breaks or control characters: an agency's name must not add headers."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())
