"""A real SMTP server that keeps what it is sent, and can be told to fail as servers do."""

from __future__ import annotations

import email
import email.policy
from dataclasses import dataclass
from email.message import EmailMessage
from typing import Any

from aiosmtpd.controller import Controller

from tests.support.ports import free_port


@dataclass(frozen=True)
class Mail:
    to: str
    subject: str
    text: str
    html: str
    message: EmailMessage


class Mailbox:
    """Messages by recipient. `answer`: what the server says to RCPT, None for acceptance; the others likewise.

    answers: to RCPT by domain. connections: from where it was spoken to.

    options: of the server, such as `decode_data=True` for one that takes seven bits only.
    """

    def __init__(self, *, port: int | None = None, **options: Any) -> None:
        self.messages: list[Mail] = []
        self.answer: str | None = None
        self.answer_to_sender: str | None = None
        self.answer_to_data: str | None = None
        self.answers: dict[str, str] = {}
        self.connections: set[Any] = set()
        self.port = port or free_port()
        self._controller = Controller(self, hostname="127.0.0.1", port=self.port, **options)
        self._controller.start()

    async def handle_MAIL(self, _server: Any, session: Any, envelope: Any, address: str, options: Any) -> str:
        self.connections.add(session.peer)
        if self.answer_to_sender is not None:
            return self.answer_to_sender
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 OK"

    async def handle_RCPT(self, _server: Any, _session: Any, envelope: Any, address: str, _options: Any) -> str:
        answer = self.answers.get(address.rpartition("@")[2], self.answer)
        if answer is not None:
            return answer
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:
        if self.answer_to_data is not None:
            return self.answer_to_data
        content = envelope.content.encode("ascii") if isinstance(envelope.content, str) else envelope.content
        parsed = email.message_from_bytes(content, policy=email.policy.default)
        assert isinstance(parsed, EmailMessage)
        text, html = parsed.get_body(("plain",)), parsed.get_body(("html",))
        assert text is not None
        assert html is not None
        for recipient in envelope.rcpt_tos:
            self.messages.append(Mail(recipient, str(parsed["Subject"]), _lines(text), _lines(html), parsed))
        return "250 OK"

    def to(self, address: str) -> list[Mail]:
        return [m for m in self.messages if m.to.casefold() == address.casefold()]

    def stop(self) -> None:
        self._controller.stop()


def _lines(part: EmailMessage) -> str:
    return str(part.get_content()).replace("\r\n", "\n")
