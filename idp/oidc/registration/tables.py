"""Tables of the portals."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import JSON, ForeignKey, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column

from idp.database import Model, Utc


class Client(Model):
    """A portal. It belongs to an agency, else to a customer, else to the platform: that bounds what it sees."""

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
    application_type: Mapped[str] = mapped_column(String(10))
    token_endpoint_auth_method: Mapped[str] = mapped_column(String(30))
    grant_types: Mapped[list[str]] = mapped_column(JSON)
    redirect_uris: Mapped[list[str]] = mapped_column(JSON)
    post_logout_redirect_uris: Mapped[list[str]] = mapped_column(JSON)
    scope: Mapped[str] = mapped_column(String(500))
    require_pkce: Mapped[bool]
    id_token_signed_response_alg: Mapped[str] = mapped_column(String(10))
    initiate_login_uri: Mapped[str | None] = mapped_column(String(2000))
    created_at: Mapped[datetime] = mapped_column(Utc)
    disabled_at: Mapped[datetime | None] = mapped_column(Utc)


class ClientSecret(Model):
    """A secret of a portal, as a digest; several live at once while one is rotated."""

    __tablename__ = "client_secrets"
    __table_args__ = (Index(None, "client_id"),)

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    client_id: Mapped[str] = mapped_column(ForeignKey("clients.id", ondelete="CASCADE"))
    digest: Mapped[str] = mapped_column(String(64))
    created_at: Mapped[datetime] = mapped_column(Utc)
    expires_at: Mapped[datetime | None] = mapped_column(Utc)
