"""What operators type, made canonical or refused with the reason: codes, names, colours, phones, agencies."""

from __future__ import annotations

import re
from pathlib import Path

import click
from sqlalchemy.orm import Session

from idp.accounts import addresses
from idp.cli.failures import NotFound
from idp.errors import IdpError
from idp.tenancy import logos, resolve, store
from idp.tenancy.logos import Logo
from idp.tenancy.store import AgencyView
from idp.tenancy.tables import Customer


def code(typed: str, what: str) -> str:
    """A canonical code. what: names it in the refusal."""
    canonical = resolve.canonical(typed)
    if not resolve.valid(canonical):
        raise click.UsageError(
            f"{what} {typed!r}: 1 to 40 of A-Z 0-9 . _ - are allowed, starting with a letter or digit"
        )
    return canonical


def two_codes(typed: str) -> tuple[str, str]:
    """The canonical codes of `CLIENT/SOCIETE`."""
    customer, slash, company = typed.partition("/")
    if not slash:
        raise click.UsageError(f"agency {typed!r}: CLIENT/SOCIETE is expected, such as ADB/TLS01")
    return code(customer, "customer code"), code(company, "company code")


def agency(db: Session, typed: str) -> AgencyView:
    """The agency of `CLIENT/SOCIETE`, closed ones too."""
    found = store.agency_by_codes(db, *two_codes(typed))
    if found is None:
        raise NotFound(f"there is no agency {typed}: `idp agencies list` shows them")
    return found


def customer(db: Session, typed: str) -> Customer:
    found = store.customer_by_code(db, code(typed, "customer code"))
    if found is None:
        raise NotFound(f"there is no customer {typed}: `idp customers list` shows them")
    return found


def name(typed: str) -> str:
    """A name shown to people: one line of 1 to 200 characters."""
    text = " ".join(typed.split())
    if not 1 <= len(text) <= 200 or not text.isprintable():
        raise click.UsageError("a name has 1 to 200 printable characters")
    return text


def logo(typed: str) -> Logo | None:
    """The picture in a file; an empty name takes the logo away."""
    if not typed:
        return None
    try:
        return logos.read(Path(typed).read_bytes())
    except OSError as error:
        raise click.UsageError(f"logo {typed}: {error.strerror}") from None
    except ValueError as error:
        raise click.UsageError(f"logo {typed}: {error}") from None


def color(typed: str) -> str | None:
    """`#rrggbb` in lower case; an empty text takes the colour away."""
    if not typed:
        return None
    if not re.fullmatch(r"#[0-9a-fA-F]{6}", typed):
        raise click.UsageError(f"colour {typed!r}: #rrggbb is expected, such as #0b5394")
    return typed.lower()


def phone(typed: str) -> str | None:
    """E.164, from a French or an international number; an empty text takes it away."""
    if not typed:
        return None
    import phonenumbers

    try:
        number = phonenumbers.parse(typed, "FR")
    except phonenumbers.NumberParseException:
        number = None
    if number is None or not phonenumbers.is_valid_number(number):
        raise click.UsageError(f"phone {typed!r}: a French number, or an international one with +, is expected")
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def address(typed: str) -> str | None:
    """An e-mail address; an empty text takes it away."""
    if not typed:
        return None
    try:
        return addresses.accepted(typed)
    except IdpError:
        raise click.UsageError(f"e-mail address {typed!r}: nom@domaine.fr is expected") from None
