"""Every SQL statement about epochs."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import insert, select, text, update
from sqlalchemy.orm import Session

from idp.migrations.tables import Epoch


def place(db: Session) -> str:
    """Which database this is: the cluster's own number and the database's. Empty on SQLite, which is a file."""
    if db.get_bind().dialect.name != "postgresql":
        return ""
    database_oid = "(SELECT oid FROM pg_database WHERE datname = current_database())"
    cluster, database = db.execute(text(f"SELECT system_identifier, {database_oid} FROM pg_control_system()")).one()  # noqa: S608
    return f"{cluster}/{database}"


def newest(db: Session) -> Epoch | None:
    return db.scalars(select(Epoch).order_by(Epoch.number.desc()).limit(1)).one_or_none()


def begin(db: Session, number: int, *, place: str, now: datetime, settled: bool) -> None:
    """Add an epoch. One that is not settled keeps everything from serving."""
    values = {"number": number, "place": place, "began_at": now, "settled_at": now if settled else None}
    db.execute(insert(Epoch).values(**values))


def move(db: Session, number: int, *, place: str) -> None:
    db.execute(update(Epoch).where(Epoch.number == number).values(place=place))


def settle(db: Session, number: int, *, now: datetime) -> None:
    db.execute(update(Epoch).where(Epoch.number == number).values(settled_at=now))
