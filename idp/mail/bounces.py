"""Mails that came back: reading the report that a mail server sends to our sender address (RFC 3464).

A server may accept a mail and find out later that nobody has the address. Its report names the mail by the
Message-ID that we wrote, which is the id of the outbox row. Only a failure for good counts: a report of a delay does not.
A forged report needs that id, which only the recipient's side knows, and does no more than show a sentence.
"""

from __future__ import annotations

import re
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import cast

LONGEST = 1_000_000  # bytes of a report that are looked at
_ID = re.compile(r"<([0-9a-z-]{16,40})@[^<>\s]{1,253}>", re.IGNORECASE)


def returned_mail(raw: bytes) -> tuple[str, str] | None:
    """The id of the mail that a report says was refused for good, and the server's words; None for anything else."""
    report = message_from_bytes(raw[:LONGEST], policy=policy.default)
    status = next((part for part in report.walk() if part.get_content_type() == "message/delivery-status"), None)
    if status is None:
        return None
    # Its payload is one block of fields about the report and one for each recipient (RFC 3464, section 2.1).
    blocks = cast("list[EmailMessage]", status.get_payload())
    failed = next((block for block in blocks if _field(block, "Action").lower() == "failed"), None)
    if failed is None or not _field(failed, "Status").startswith("5"):
        return None
    for part in report.walk():
        if part.get_content_type() in ("message/rfc822", "text/rfc822-headers"):
            found = _ID.search(part.as_string()[:20_000])
            if found is not None:
                return found[1], _field(failed, "Diagnostic-Code") or _field(failed, "Status")
    return None


def _field(block: EmailMessage, name: str) -> str:
    return " ".join(str(block.get(name, "")).split())
