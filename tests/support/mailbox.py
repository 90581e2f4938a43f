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
    """Messages by recipient. `answer`: what the server says to RCPT, None for acceptance."""

    def __init__(self) -> None:
        self.messages: list[Mail] = []
        self.answer: str | None = None
        self.port = free_port()
        self._controller = Controller(self, hostname="127.0.0.1", port=self.port)
        self._controller.start()

    async def handle_RCPT(self, _server: Any, _session: Any, envelope: Any, address: str, _options: Any) -> str:
        if self.answer is not None:
            return self.answer
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:
        parsed = email.message_from_bytes(envelope.content, policy=email.policy.default)
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
