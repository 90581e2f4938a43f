"""A mail server that delivers nothing, and the web page that shows what it received, newest first."""

from __future__ import annotations

import asyncio
import re
import threading
from dataclasses import dataclass
from email import message_from_bytes, policy
from email.message import EmailMessage
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session
from flask import Flask, Response, abort, jsonify, render_template, request
from markupsafe import Markup, escape

HERE = Path(__file__).parent
FRANCE = ZoneInfo("Europe/Paris")
MOST_MAILS = 500
_STATIC = {"css": "text/css", "js": "text/javascript"}
_LINK = re.compile(r"https?://[^\s<>\"]*[^\s<>\".,;:!?)]")
_PAGE_POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src data:; frame-src 'self'; "
    "base-uri 'none'; frame-ancestors 'none'"
)
# A mail is somebody else's page: no script, no network, and it may only open links in a tab of their own.
_MAIL_POLICY = "sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none'; style-src 'unsafe-inline'"


@dataclass(frozen=True)
class Mail:
    """A mail as received. date: as people read it."""

    number: int
    sender: str
    to: list[str]
    date: str
    subject: str
    text: str
    html: str


class Mailbox:
    """What was received, kept in files so that it is still there after a restart. Thread-safe.

    folder: one file a mail, `<number>.eml`, the recipients in a header of our own.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        files = sorted(folder.glob("*.eml"))[-MOST_MAILS:]
        self._mails = [_read(int(file.stem), file.read_bytes()) for file in files]

    def receive(self, recipients: list[str], content: bytes) -> None:
        with self._lock:
            number = self._mails[-1].number + 1 if self._mails else 1
            kept = b"X-Recipients: " + ", ".join(recipients).encode() + b"\r\n" + content
            (self._folder / f"{number:08d}.eml").write_bytes(kept)
            self._mails = [*self._mails, _read(number, kept)][-MOST_MAILS:]

    def newest_first(self, to: str = "") -> list[Mail]:
        """All mails, or those to one address."""
        return [mail for mail in reversed(self._mails) if not to or to.lower() in map(str.lower, mail.to)]

    def mail(self, number: int) -> Mail | None:
        return next((mail for mail in self._mails if mail.number == number), None)


class _Handler:
    """What aiosmtpd calls for each mail."""

    def __init__(self, mailbox: Mailbox) -> None:
        self._mailbox = mailbox

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: ARG002, N802
        content = envelope.content if isinstance(envelope.content, bytes) else (envelope.content or "").encode()
        await asyncio.to_thread(self._mailbox.receive, envelope.rcpt_tos, content)
        return "250 OK"


def smtp_server(mailbox: Mailbox, port: int) -> Any:
    """A server on loopback; `start()` and `stop()` it. Accepts any mail from anybody."""
    return Controller(_Handler(mailbox), hostname="127.0.0.1", port=port)


def create_mailbox_pages(mailbox: Mailbox) -> Flask:
    """The pages: `/`, one page a mail, and `/messages` as JSON (`?to=` for one address, `?newest=` for so many)."""
    app = Flask("idp.demo", static_folder=None, template_folder=str(HERE))

    def found(number: int) -> Mail:
        return mailbox.mail(number) or abort(404)

    @app.get("/")
    def all_mails() -> str:
        return render_template("mailbox.html", mails=mailbox.newest_first(), mail=None)

    @app.get("/<int:number>")
    def one_mail(number: int) -> str:
        return render_template("mailbox.html", mails=[], mail=found(number), text=_with_links(found(number).text))

    @app.get("/<int:number>/html")
    def html_part(number: int) -> Response:
        # Links must leave the frame, which may not be scripted or navigated to other sites.
        html = re.sub(r"(<head[^>]*>|$)", r'\1<base target="_blank">', found(number).html, count=1)
        answer = Response(html, mimetype="text/html")
        answer.headers["Content-Security-Policy"] = _MAIL_POLICY
        return answer

    @app.get("/messages")
    def messages() -> Response:
        most = request.args.get("newest", type=int)
        return jsonify(
            [
                {"id": m.number, "to": m.to, "date": m.date, "subject": m.subject, "text": m.text, "html": m.html}
                for m in mailbox.newest_first(request.args.get("to", ""))[:most]
            ]
        )

    @app.get("/mailbox.<kind>")
    def static_file(kind: str) -> Response:
        if kind not in _STATIC:
            abort(404)
        return Response((HERE / f"mailbox.{kind}").read_text(encoding="utf-8"), mimetype=_STATIC[kind])

    @app.after_request
    def headers(response: Response) -> Response:
        response.headers.setdefault("Content-Security-Policy", _PAGE_POLICY)
        response.headers["Referrer-Policy"] = "no-referrer"
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers["Cache-Control"] = "no-store"
        return response

    return app


def _read(number: int, content: bytes) -> Mail:
    message = message_from_bytes(content, _class=EmailMessage, policy=policy.default)
    return Mail(
        number=number,
        sender=str(message.get("From", "")),
        to=[address.strip() for address in str(message["X-Recipients"]).split(",")],
        date=_date(message),
        subject=str(message.get("Subject", "")),
        text=_part(message, "plain"),
        html=_part(message, "html"),
    )


def _date(message: EmailMessage) -> str:
    """`23/11/2026 à 14:05` in France, as in the mails themselves; empty for a mail without a readable date."""
    try:
        return parsedate_to_datetime(str(message["Date"])).astimezone(FRANCE).strftime("%d/%m/%Y à %H:%M")
    except ValueError:
        return ""


def _part(message: EmailMessage, kind: str) -> str:
    part = message.get_body((kind,))
    return "" if part is None else str(part.get_content())


def _with_links(text: str) -> Markup:
    """The text, safe as HTML, its addresses clickable."""
    pieces, end = [], 0
    for link in _LINK.finditer(text):
        pieces.append(escape(text[end : link.start()]))
        pieces.append(Markup('<a href="{0}" target="_blank" rel="noopener">{0}</a>').format(link[0]))
        end = link.end()
    return Markup("").join([*pieces, escape(text[end:])])
