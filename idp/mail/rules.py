"""What a mail server's answer means for the mail, and for others to the same domain. Decides; sends and stores nothing.

    5xx about the recipient or the mail   refused for good: never tried again, and the waiting page says so
    421, or no answer in time             the mail waits, and so does its domain at once
    4xx, or a connection that broke       the mail waits; the domain too when it happens PATIENCE times in a row
    4.2.1, 4.2.2 (one mailbox)            the mail waits alone: a full mailbox must not hold up a whole provider
    anything about our own address        the mail waits: an operator's mistake must not cost people their mails

Sources: RFC 5321 sections 4.2.1, 4.5.4.1 (the first retries soon, later ones far apart), RFC 3463 section 3.3.
"""

from __future__ import annotations

import re
import smtplib
from dataclasses import dataclass
from datetime import timedelta

PATIENCE = 3
GIVE_UP_AFTER = timedelta(days=3)
_DELAYS = tuple(timedelta(minutes=m) for m in (1, 2, 5, 15, 30, 60, 120, 240))
_PAUSES = tuple(timedelta(minutes=m) for m in (1, 2, 5, 15, 30))
# A server that is back is found within this: everybody waits for it.
_LONGEST_AWAY = timedelta(seconds=20)
_ONE_MAILBOX = re.compile(r"4\.2\.[12]\b")


@dataclass(frozen=True)
class Verdict:
    """answer: the server's words. final: refused for good. of_domain: counts for the domain; at_once: pauses it now."""

    answer: str
    final: bool = False
    of_domain: bool = False
    at_once: bool = False


def verdict(error: Exception) -> Verdict:
    """error: what `smtplib` raised, or an OSError, while one mail was handed over."""
    if isinstance(error, smtplib.SMTPSenderRefused):
        return Verdict(_answer(error.smtp_code, error.smtp_error))
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        return _of_answer(*next(iter(error.recipients.values())))
    if isinstance(error, smtplib.SMTPResponseException):
        return _of_answer(error.smtp_code, error.smtp_error)
    # smtplib tells a time-out as a connection that was lost, with the time-out as its context.
    return Verdict(one_line(str(error)), of_domain=True, at_once=isinstance(error.__context__ or error, TimeoutError))


def _of_answer(code: int, text: bytes | str) -> Verdict:
    answer = _answer(code, text)
    if 500 <= code < 600:
        return Verdict(answer, final=True)
    return Verdict(answer, of_domain=_ONE_MAILBOX.search(answer) is None, at_once=code == 421)


def pauses(found: Verdict, failures: int) -> bool:
    """Whether a domain is left alone for a while. failures: in a row, with this one."""
    return found.of_domain and (found.at_once or failures >= PATIENCE)


def delay(attempts: int, *, spread: float) -> timedelta:
    """How long a mail waits after so many attempts. spread: between -1 and 1, so that a thousand do not come back at once."""
    return _spread(_DELAYS[min(attempts, len(_DELAYS)) - 1], spread)


def pause(failures: int, *, spread: float) -> timedelta:
    """How long a domain is left alone after so many failures in a row."""
    return _spread(_PAUSES[min(max(0, failures - PATIENCE), len(_PAUSES) - 1)], spread)


def away(failures: int, *, spread: float) -> timedelta:
    """How long the mail server itself is left alone: seconds, since whatever is in the outbox waits for it."""
    return _spread(min(timedelta(seconds=2 ** min(failures, 5) / 2), _LONGEST_AWAY), spread)


def _spread(whole: timedelta, spread: float) -> timedelta:
    return whole * (1 + spread / 5)


def _answer(code: int, text: bytes | str) -> str:
    return f"{code} {one_line(text.decode('utf-8', 'replace') if isinstance(text, bytes) else text)}"


def one_line(text: str) -> str:
    """Without line breaks or control characters: an agency's name must not add headers, nor a server's answer lines."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())
