"""Table of the keys."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Index, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from idp.database import Model, Utc


class SigningKey(Model):
    """A key pair, for signing or for decrypting by its algorithm; `sealed_key` is the private JWK, encrypted under
    the master secret."""

    __tablename__ = "signing_keys"
    __table_args__ = (
        # One key of an algorithm has no end: however many processes replace it at once, one new key comes of it.
        Index(
            "uq_signing_keys_newest",
            "algorithm",
            unique=True,
            sqlite_where=text("retired_at IS NULL"),
            postgresql_where=text("retired_at IS NULL"),
        ),
    )

    kid: Mapped[str] = mapped_column(String(43), primary_key=True)
    algorithm: Mapped[str] = mapped_column(String(20))
    sealed_key: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(Utc)
    signs_from: Mapped[datetime] = mapped_column(Utc)
    retired_at: Mapped[datetime | None] = mapped_column(Utc)
