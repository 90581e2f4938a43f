"""Every SQL statement about customers and agencies."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, select, update
from sqlalchemy.orm import Session

from idp.database import Executor, changed, upsert
from idp.statements import Statement
from idp.tenancy.logos import Logo
from idp.tenancy.tables import Agency, AgencyLogo, Customer


@dataclass(frozen=True)
class AgencyView:
    """An agency as pages, mails and tokens show it. Codes are canonical (capitals, no spaces); logo: its digest."""

    id: str
    customer_id: str
    customer_code: str
    company_code: str
    name: str
    brand_color: str | None
    logo: str | None
    support_phone: str | None
    support_email: str | None
    disabled: bool


_VIEW = select(
    Agency.id,
    Agency.customer_id,
    Customer.code.label("customer_code"),
    Agency.code.label("company_code"),
    Agency.name,
    Agency.brand_color,
    Agency.logo,
    Agency.support_phone,
    Agency.support_email,
    Agency.disabled_at.is_not(None).label("disabled"),
).join(Customer, Customer.id == Agency.customer_id)


def _view(row: Sequence[Any] | None) -> AgencyView | None:
    return None if row is None else AgencyView(*row)


_OF_CODES = Statement(
    _VIEW.where(Customer.code == bindparam("customer_code"), Agency.code == bindparam("company_code"))
)
_OF_ID = Statement(_VIEW.where(Agency.id == bindparam("id")))


def agency_by_codes(db: Executor, customer_code: str, company_code: str) -> AgencyView | None:
    """The agency of two canonical codes, closed ones too."""
    return _view(_OF_CODES.row(db, {"customer_code": customer_code, "company_code": company_code}))


def agency(db: Executor, agency_id: str) -> AgencyView | None:
    return _view(_OF_ID.row(db, {"id": agency_id}))


def agencies(db: Session, *, customer_code: str | None = None) -> list[AgencyView]:
    """All agencies in the order of their codes, or those of one customer."""
    statement = _VIEW.order_by(Customer.code, Agency.code)
    if customer_code is not None:
        statement = statement.where(Customer.code == customer_code)
    return [view for row in db.execute(statement) if (view := _view(row)) is not None]


def customers(db: Session) -> Sequence[Customer]:
    return db.scalars(select(Customer).order_by(Customer.code)).all()


def customer_by_code(db: Session, code: str) -> Customer | None:
    return db.scalars(select(Customer).where(Customer.code == code)).one_or_none()


def set_agency_disabled(db: Session, agency_id: str, at: datetime | None) -> bool:
    """Close (an instant) or open (None) an agency; False when there is no such agency."""
    return changed(db.execute(update(Agency).where(Agency.id == agency_id).values(disabled_at=at))) == 1


def put_logo(db: Session, logo: Logo) -> None:
    """Keep a picture under its digest; the same one again changes nothing."""
    values = {"digest": logo.digest, "media_type": logo.media_type, "content": logo.content}
    db.execute(upsert(db, AgencyLogo.__table__).values(**values).on_conflict_do_nothing())  # type: ignore[arg-type]


def logo(db: Session, digest: str) -> Logo | None:
    row = db.execute(select(AgencyLogo.media_type, AgencyLogo.content).where(AgencyLogo.digest == digest)).one_or_none()
    return None if row is None else Logo(*row)
