"""Table of the consents."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import JSON, ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from idp.database import Model, Utc


class Consent(Model):
    """What a person allowed an application. claims: names asked for one by one, sorted."""

    __tablename__ = "consents"

    account_id: Mapped[str] = mapped_column(ForeignKey("accounts.id"), primary_key=True)
    client_id: Mapped[str] = mapped_column(ForeignKey("clients.id", ondelete="CASCADE"), primary_key=True, index=True)
    scope: Mapped[str] = mapped_column(String(500))
    claims: Mapped[list[str]] = mapped_column(JSON)
    given_at: Mapped[datetime] = mapped_column(Utc)
