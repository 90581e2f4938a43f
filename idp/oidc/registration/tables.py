"""Tables of the portals."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Dialect, ForeignKey, Index, Integer, String, TypeDecorator, text
from sqlalchemy.orm import Mapped, mapped_column

from idp.database import Model, Utc


class Document(TypeDecorator[Any]):
    """JSON; None for a text that is none, which SQLite lets in: it is damage of one row, and no list ends there."""

    impl = JSON
    cache_ok = True

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[Any], Any]:
        read = super().result_processor(dialect, coltype)

        def tolerant(value: Any) -> Any:
            try:
                return value if read is None else read(value)
            except ValueError:
                return None

        return tolerant


class Client(Model):
    """A portal. It belongs to an agency, else to a customer, else to the platform: that bounds what it sees.

    registered: the rest of `metadata.Client`, one document. registration_token_digest: of the token that manages a
    registration made by its own software (RFC 7592).
    """

    __tablename__ = "clients"
    __table_args__ = (
        # One agency has one default portal, where a sign-in without a pending authorization goes on to.
        Index(
            "uq_clients_default_portal",
            "agency_id",
            unique=True,
            sqlite_where=text("default_portal"),
            postgresql_where=text("default_portal"),
        ),
    )

    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    name: Mapped[str] = mapped_column(String(200))
    customer_id: Mapped[str | None] = mapped_column(ForeignKey("customers.id"))
    agency_id: Mapped[str | None] = mapped_column(ForeignKey("agencies.id"))
    default_portal: Mapped[bool]
    registered: Mapped[dict[str, Any]] = mapped_column(Document)
    registration_token_digest: Mapped[str | None] = mapped_column(String(64), unique=True)
    created_at: Mapped[datetime] = mapped_column(Utc)
    disabled_at: Mapped[datetime | None] = mapped_column(Utc)


class ClientSecret(Model):
    """A secret of a portal, as a digest; several live at once while one is rotated.

    sealed: the secret itself, encrypted under the master secret, only where it is the key of an HMAC
    (`client_secret_jwt`, OIDC Core 9): a digest cannot check a signature.
    """

    __tablename__ = "client_secrets"
    __table_args__ = (Index(None, "client_id"),)

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    client_id: Mapped[str] = mapped_column(ForeignKey("clients.id", ondelete="CASCADE"))
    digest: Mapped[str] = mapped_column(String(64))
    sealed: Mapped[str | None] = mapped_column(String(400))
    created_at: Mapped[datetime] = mapped_column(Utc)
    expires_at: Mapped[datetime | None] = mapped_column(Utc)


class InitialAccessToken(Model):
    """Lets whoever holds it register clients, a few times and for a while (RFC 7591 1.2), by its digest.

    The clients belong to its agency, else to its customer, else to the platform.
    """

    __tablename__ = "initial_access_tokens"

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    digest: Mapped[str] = mapped_column(String(64), unique=True)
    name: Mapped[str] = mapped_column(String(200))
    customer_id: Mapped[str | None] = mapped_column(ForeignKey("customers.id"))
    agency_id: Mapped[str | None] = mapped_column(ForeignKey("agencies.id"))
    uses_left: Mapped[int] = mapped_column(Integer)
    created_at: Mapped[datetime] = mapped_column(Utc)
    expires_at: Mapped[datetime] = mapped_column(Utc)
    revoked_at: Mapped[datetime | None] = mapped_column(Utc)
