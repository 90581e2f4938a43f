"""Tables of the agencies."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, LargeBinary, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from idp.database import Model, Utc


class Customer(Model):
    """A group that runs several companies ("code client")."""

    __tablename__ = "customers"

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    code: Mapped[str] = mapped_column(String(40), unique=True)
    name: Mapped[str] = mapped_column(String(200))
    created_at: Mapped[datetime] = mapped_column(Utc)


class Agency(Model):
    """One company of a customer ("code société"), with its brand and who to call. logo: the digest of its picture."""

    __tablename__ = "agencies"
    __table_args__ = (UniqueConstraint("customer_id", "code"),)

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    customer_id: Mapped[str] = mapped_column(ForeignKey("customers.id"))
    code: Mapped[str] = mapped_column(String(40))
    name: Mapped[str] = mapped_column(String(200))
    brand_color: Mapped[str | None] = mapped_column(String(7))
    logo: Mapped[str | None] = mapped_column(String(64))
    support_phone: Mapped[str | None] = mapped_column(String(20))
    support_email: Mapped[str | None] = mapped_column(String(254))
    created_at: Mapped[datetime] = mapped_column(Utc)
    disabled_at: Mapped[datetime | None] = mapped_column(Utc)


class AgencyLogo(Model):
    """A picture, apart from the agency, since every page reads the agency and none the picture."""

    __tablename__ = "agency_logos"

    digest: Mapped[str] = mapped_column(String(64), primary_key=True)
    media_type: Mapped[str] = mapped_column(String(20))
    content: Mapped[bytes] = mapped_column(LargeBinary)
