"""The connection to the mail server: opened when there is something to send, kept between mails, closed when idle.

A new connection for each mail costs a handshake and a sign-in, and servers count them; one that is kept for ever breaks
unseen. So it is asked after a pause, renewed after MAILS, and given up after IDLE.
"""

from __future__ import annotations

import smtplib
import ssl
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from email.message import EmailMessage
from typing import Any

from idp.settings import Settings

MAILS = 100
IDLE = timedelta(seconds=10)
_ASK_AFTER = timedelta(seconds=2)


class LeaseOver(Exception):
    """The time in which this sender may hand the mail over has passed."""


class _Fenced:
    """Asks, after the recipient was accepted and before the body leaves, whether the mail is still ours to send.

    A process that was stopped in the middle of the conversation (SIGSTOP, a suspended machine) goes on where it was,
    and by then another sender may have sent the mail.
    """

    may_send: Callable[[], bool] = staticmethod(lambda: True)

    def data(self, msg: Any) -> Any:
        if not self.may_send():
            raise LeaseOver
        return super().data(msg)  # type: ignore[misc]


class Plain(_Fenced, smtplib.SMTP): ...


class Secure(_Fenced, smtplib.SMTP_SSL): ...


class Relay:
    """One conversation at a time; of one thread."""

    def __init__(self, settings: Settings, now: Callable[[], datetime]) -> None:
        self._settings = settings
        self._now = now
        self._server: Plain | Secure | None = None
        self._mails = 0
        self._used_at = now()

    def ready(self) -> None:
        """Have an open connection. Raises OSError or SMTPException when the server is away."""
        if self._server is not None and (self._mails >= MAILS or not self._answers(self._server)):
            self.close()
        if self._server is None:
            self._server = connect(self._settings)
            self._mails = 0
        self._used_at = self._now()

    def _answers(self, server: Plain | Secure) -> bool:
        if server.sock is None:
            return False
        if self._now() - self._used_at < _ASK_AFTER:
            return True
        try:
            return server.noop()[0] == 250
        except (OSError, smtplib.SMTPException):
            return False

    def send(self, message: EmailMessage, *, until: datetime) -> None:
        """Hand one mail over. Raises LeaseOver when it was not over by then, else what smtplib raises."""
        assert self._server is not None
        self._server.may_send = lambda: self._now() < until
        self._mails += 1
        try:
            self._server.send_message(message)
        except (OSError, LeaseOver, smtplib.SMTPServerDisconnected):
            # In the middle of a conversation nothing but a new one is certain.
            self.drop()
            raise
        self._used_at = self._now()

    def rest(self) -> None:
        """There is nothing to send now."""
        if self._server is not None and self._now() - self._used_at > IDLE:
            self.close()

    def close(self) -> None:
        if self._server is not None:
            with suppress(OSError, smtplib.SMTPException):
                self._server.quit()
        self.drop()

    def drop(self) -> None:
        if self._server is not None:
            self._server.close()
        self._server = None


def connect(settings: Settings) -> Plain | Secure:
    """A new connection, secured and signed in as the settings say. Raises OSError or SMTPException."""
    timeout = settings.smtp_timeout_seconds
    if settings.smtp_security == "tls":
        server: Plain | Secure = Secure(
            settings.smtp_host, settings.smtp_port, timeout=timeout, context=ssl.create_default_context()
        )
    else:
        server = Plain(settings.smtp_host, settings.smtp_port, timeout=timeout)
        if settings.smtp_security == "starttls":
            server.starttls(context=ssl.create_default_context())
    if settings.smtp_username:
        server.login(settings.smtp_username, settings.smtp_password.get_secret_value())
    return server
