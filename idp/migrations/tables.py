"""What the database says about itself: which steps of its schema were done, and when it was put back from a backup."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Integer, String
from sqlalchemy.orm import Mapped, mapped_column

from idp.database import Model, Utc


class SchemaStep(Model):
    """A step of the schema, and the oldest program that may serve on it: how an older program knows that it may."""

    __tablename__ = "schema_steps"

    number: Mapped[str] = mapped_column(String(4), primary_key=True)
    oldest_program: Mapped[str] = mapped_column(String(4))
    done_at: Mapped[datetime] = mapped_column(Utc)


class Epoch(Model):
    """The time from one restore to the next. number: from 1. place: which database it is, as the server tells.

    settled_at: when everything that must not live again was void; until then nothing serves.
    """

    __tablename__ = "epochs"

    number: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    place: Mapped[str] = mapped_column(String(60))
    began_at: Mapped[datetime] = mapped_column(Utc)
    settled_at: Mapped[datetime | None] = mapped_column(Utc)
