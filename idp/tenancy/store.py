"""Every SQL statement about customers and agencies."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from idp.database import changed
from idp.tenancy.tables import Agency, Customer


@dataclass(frozen=True)
class AgencyView:
    """An agency as pages, mails and tokens show it. Codes are canonical (capitals, no spaces)."""

    id: str
    customer_id: str
    customer_code: str
    company_code: str
    name: str
    brand_color: str | None
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
    Agency.support_phone,
    Agency.support_email,
    Agency.disabled_at.is_not(None).label("disabled"),
).join(Customer, Customer.id == Agency.customer_id)


def _view(row: Sequence[Any] | None) -> AgencyView | None:
    return None if row is None else AgencyView(*row)


def agency_by_codes(db: Session, customer_code: str, company_code: str) -> AgencyView | None:
    """The agency of two canonical codes, closed ones too."""
    statement = _VIEW.where(Customer.code == customer_code, Agency.code == company_code)
    return _view(db.execute(statement).one_or_none())


def agency(db: Session, agency_id: str) -> AgencyView | None:
    return _view(db.execute(_VIEW.where(Agency.id == agency_id)).one_or_none())


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
