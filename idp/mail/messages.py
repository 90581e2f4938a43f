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
from idp.tenancy.store import AgencyView
from idp.texts import Texts

TEMPLATES = ROOT / "templates"
SERVICE = "Mon compte immobilier"


@dataclass(frozen=True)
class Voice:
    """In whose name, colour and language a mail speaks. name: also the displayed sender. support: who to ask."""

    name: str = SERVICE
    color: str | None = None
    support: str = ""
    language: str = "fr"

    @staticmethod
    def of(agency: AgencyView | None, language: str) -> Voice:
        """The agency's voice; the service's own where there is none."""
        if agency is None:
            return Voice(language=language)
        return Voice(agency.name, agency.brand_color, agency.support_phone or agency.support_email or "", language)


@dataclass(frozen=True, kw_only=True)
class Message:
    """Base of every mail. to: recipient."""

    kind: ClassVar[str]
    to: str
    voice: Voice


@dataclass(frozen=True, kw_only=True)
class VerifyAddress(Message):
    """Proves a new account's address: a link for any device, and a code for the page that waits.

    asked_at, asked_on: when it was asked for, and on what kind of machine, by which the person knows their own act.
    """

    kind: ClassVar[str] = "verify_address"
    link: str
    code: str
    asked_at: datetime
    asked_on: str | None = None
    expires_at: datetime


@dataclass(frozen=True, kw_only=True)
class ResetPassword(Message):
    kind: ClassVar[str] = "reset_password"
    link: str
    asked_at: datetime
    asked_on: str | None = None
    expires_at: datetime


@dataclass(frozen=True, kw_only=True)
class PasswordChanged(Message):
    kind: ClassVar[str] = "password_changed"
    changed_at: datetime
    changed_on: str | None = None
    link: str


@dataclass(frozen=True, kw_only=True)
class AccountMerged(Message):
    kind: ClassVar[str] = "account_merged"
    merged_at: datetime
    link: str


@dataclass(frozen=True, kw_only=True)
class ActivateFirst(Message):
    """Instead of a link for a new password, to who has a letter but no account yet. link: where the letter is typed."""

    kind: ClassVar[str] = "activate_first"
    link: str


@dataclass(frozen=True, kw_only=True)
class LetterWanted(Message):
    """To an agency: somebody whose letter has expired asks for a new one."""

    kind: ClassVar[str] = "letter_wanted"
    identifier: str
    person: str
    asked_at: datetime


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
    voice = replace(message.voice, support=national_phone(message.voice.support))
    texts = Texts(voice.language, timezone)
    brand = Brand.of(voice.color)
    context = {"m": message, "voice": voice, "t": texts, "kind": message.kind, "brand": brand}
    return Rendered(
        subject=texts(f"mail.{message.kind}.subject", agency=voice.name).replace("\n", " "),
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
