"""Table of the mailed secrets."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Index, String
from sqlalchemy.orm import Mapped, mapped_column

from idp.database import Model, Utc


class Link(Model):
    """A link or code of a mail, by the keyed digest of its secret; bound to one flow and one address.

    asked_on: kind of machine that it was asked for on (`idp.web.machines`), which its page tells.
    """

    __tablename__ = "links"
    __table_args__ = (Index(None, "flow_id"), Index(None, "email_key"), Index(None, "expires_at"))

    digest: Mapped[str] = mapped_column(String(64), primary_key=True)
    kind: Mapped[str] = mapped_column(String(20))
    flow_id: Mapped[str] = mapped_column(String(43))
    email_key: Mapped[str] = mapped_column(String(254))
    created_at: Mapped[datetime] = mapped_column(Utc)
    expires_at: Mapped[datetime] = mapped_column(Utc)
    consumed_at: Mapped[datetime | None] = mapped_column(Utc)
    asked_on: Mapped[str | None] = mapped_column(String(16))
