"""What only an operator does with customers and agencies: making them and changing them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import func, insert, select, update
from sqlalchemy.orm import Session

from idp.database import changed
from idp.tenancy.tables import Agency, Customer


def create_customer(db: Session, *, customer_id: str, code: str, name: str, now: datetime) -> None:
    """code: canonical and valid. Raises IntegrityError when it is taken."""
    db.execute(insert(Customer).values(id=customer_id, code=code, name=name, created_at=now))


def rename_customer(db: Session, customer_id: str, name: str) -> None:
    db.execute(update(Customer).where(Customer.id == customer_id).values(name=name))


def agency_counts(db: Session) -> dict[str, int]:
    """How many agencies each customer has, by the customer's id."""
    counted = db.execute(select(Agency.customer_id, func.count()).group_by(Agency.customer_id))
    return {customer_id: int(count) for customer_id, count in counted}


def create_agency(
    db: Session, *, agency_id: str, customer_id: str, code: str, name: str, now: datetime, **brand: Any
) -> None:
    """code: canonical and valid. brand: brand_color, logo, support_phone, support_email. Raises IntegrityError when taken."""
    db.execute(
        insert(Agency).values(
            {"id": agency_id, "customer_id": customer_id, "code": code, "name": name, "created_at": now, **brand}
        )
    )


def change_agency(db: Session, agency_id: str, **values: Any) -> bool:
    """values: name, brand_color, logo, support_phone, support_email; False when there is no such agency."""
    return changed(db.execute(update(Agency).where(Agency.id == agency_id).values(**values))) == 1
