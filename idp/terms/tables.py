"""Tables of the terms."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Integer, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from idp.database import Model, Utc


class Terms(Model):
    """One version of the terms of use and the privacy policy; never changed once published."""

    __tablename__ = "terms"

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    version: Mapped[int] = mapped_column(Integer, unique=True)
    terms_of_use: Mapped[str] = mapped_column(Text)
    privacy_policy: Mapped[str] = mapped_column(Text)
    published_at: Mapped[datetime] = mapped_column(Utc)


class TermsAcceptance(Model):
    """That an account accepted a version; kept as proof (RGPD article 7)."""

    __tablename__ = "terms_acceptances"
    __table_args__ = (UniqueConstraint("account_id", "terms_id"),)

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    account_id: Mapped[str] = mapped_column(ForeignKey("accounts.id"))
    terms_id: Mapped[str] = mapped_column(ForeignKey("terms.id"))
    accepted_at: Mapped[datetime] = mapped_column(Utc)
