"""The mails that exist, one class each, and how they become text and HTML.

A message holds what its words name and nothing else. Addresses in it are built from the configured issuer, never from
a request's Host (ZITADEL CVE-2025-64101). Words are in `texts.*.toml` under `mail.<kind>`, the looks in `templates/mail`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from functools import cache
from typing import ClassVar

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from idp.brand import Brand
from idp.phones import national_phone
from idp.settings import ROOT
from idp.texts import Texts

TEMPLATES = ROOT / "templates"


@dataclass(frozen=True, kw_only=True)
class Message:
    """Base of every mail. to: recipient. agency_name: who it is about; also the displayed sender."""

    kind: ClassVar[str]
    to: str
    agency_name: str
    agency_color: str | None = None
    support: str = ""
    language: str = "fr"


@dataclass(frozen=True, kw_only=True)
class VerifyAddress(Message):
    """Proves a new account's address: a link for any device, and a code for the page that waits."""

    kind: ClassVar[str] = "verify_address"
    link: str
    code: str
    expires_at: datetime


@dataclass(frozen=True, kw_only=True)
class ResetPassword(Message):
    kind: ClassVar[str] = "reset_password"
    link: str
    expires_at: datetime


@dataclass(frozen=True, kw_only=True)
class PasswordChanged(Message):
    kind: ClassVar[str] = "password_changed"
    changed_at: datetime
    link: str


@dataclass(frozen=True, kw_only=True)
class AccountMerged(Message):
    kind: ClassVar[str] = "account_merged"
    merged_at: datetime
    link: str


@dataclass(frozen=True, kw_only=True)
class DeliveryTest(Message):
    """What `idp mail test` sends."""

    kind: ClassVar[str] = "delivery_test"


@dataclass(frozen=True)
class Rendered:
    subject: str
    text: str
    html: str


def render(message: Message, *, timezone: str) -> Rendered:
    """The words of a message: a subject without personal data, a complete text, and the same as HTML."""
    texts = Texts(message.language, timezone)
    message = replace(message, support=national_phone(message.support))
    brand = Brand.of(message.agency_color)
    context = {"m": message, "t": texts, "kind": message.kind, "brand": brand.light, "night": brand.dark}
    return Rendered(
        subject=texts(f"mail.{message.kind}.subject", agency=message.agency_name).replace("\n", " "),
        text=_templates().get_template(f"{message.kind}.txt").render(context),
        html=_templates().get_template(f"{message.kind}.html").render(context),
    )


@cache
def _templates() -> Environment:
    return Environment(
        loader=FileSystemLoader(TEMPLATES / "mail"),
        autoescape=select_autoescape(["html"]),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
