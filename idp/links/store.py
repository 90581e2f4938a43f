"""Every SQL statement about mailed links and codes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import delete, insert, select, update
from sqlalchemy.orm import Session

from idp.database import changed, transaction
from idp.deps import Deps
from idp.digests import Kind
from idp.errors import LinkUnknown, LinkUsed
from idp.links.tables import Link


class LinkKind(StrEnum):
    """What a link does; a link of one kind is never found where another is asked."""

    UPGRADE = "upgrade"
    UPGRADE_CODE = "upgrade-code"
    RESET = "reset"


class LinkExpired(LinkUnknown):
    """Told as every unknown link is; to be forgotten by whoever refuses it (`forget`, or `for_good` around all)."""

    def __init__(self, digest: str) -> None:
        super().__init__()
        self.digest = digest


@dataclass(frozen=True)
class Mailed:
    """A mailed secret that still works: the flow it belongs to and the address it was sent to.

    asked_at, asked_on: when it was asked for, and on what kind of machine; None when the browser did not say.
    """

    digest: str
    flow_id: str
    email_key: str
    asked_at: datetime
    asked_on: str | None


def issue(
    db: Session,
    deps: Deps,
    *,
    kind: LinkKind,
    flow_id: str,
    email_key: str,
    token: str,
    within: str = "",
    asked_on: str | None = None,
) -> None:
    """Store the digest of a secret that is about to be mailed. within: for typed codes, as `find` is asked."""
    now = deps.now()
    db.execute(
        insert(Link).values(
            digest=_digest(deps, kind, within, token),
            kind=kind,
            flow_id=flow_id,
            email_key=email_key,
            created_at=now,
            expires_at=now + deps.settings.link_validity,
            asked_on=asked_on,
        )
    )


def find(db: Session, deps: Deps, *, kind: LinkKind, token: str, within: str = "") -> Mailed:
    """The flow of a mailed secret, which stays as it is: a mail scanner that opens a link spends nothing.

    within: for typed codes, which are short, whose codes are looked at (a letter); a code is nothing elsewhere.
    Raises LinkUnknown (forged, replaced), LinkExpired, LinkUsed.
    """
    digest = _digest(deps, kind, within, token)
    columns = (Link.flow_id, Link.email_key, Link.created_at, Link.asked_on, Link.expires_at, Link.consumed_at)
    row = db.execute(select(*columns).where(Link.digest == digest)).one_or_none()
    if row is None:
        raise LinkUnknown()
    if row.expires_at <= deps.now():
        raise LinkExpired(digest)
    if row.consumed_at is not None:
        raise LinkUsed()
    return Mailed(digest, row.flow_id, row.email_key, row.created_at, row.asked_on)


def flow_of_used(db: Session, deps: Deps, *, kind: LinkKind, token: str) -> str | None:
    """The flow that a mailed link was used for: who clicks twice is shown where it led the first time."""
    return db.scalars(
        select(Link.flow_id).where(Link.digest == _digest(deps, kind, "", token), Link.consumed_at.is_not(None))
    ).one_or_none()


def was_mailed(db: Session, *, kind: LinkKind, email_key: str) -> bool:
    """Whether a link of this kind that nobody used was mailed to an address; an expired one counts until it goes."""
    statement = select(Link.digest).where(
        Link.email_key == email_key, Link.kind == str(kind), Link.consumed_at.is_(None)
    )
    return db.execute(statement.limit(1)).first() is not None


def consume(db: Session, mailed: Mailed, *, now: datetime) -> None:
    """Spend a mailed secret; exactly one caller ever succeeds. Raises LinkUsed."""
    won = db.execute(
        update(Link)
        .where(Link.digest == mailed.digest, Link.consumed_at.is_(None), Link.expires_at > now)
        .values(consumed_at=now)
    )
    if changed(won) != 1:
        raise LinkUsed()


def forget(db: Session, expired: LinkExpired) -> None:
    """Delete an expired secret that somebody is refused for: a clock that goes back does not revive it (decision 44)."""
    db.execute(delete(Link).where(Link.digest == expired.digest, Link.consumed_at.is_(None)))


@contextmanager
def for_good() -> Iterator[None]:
    """Around a transaction that is given up with the refusal: an expired secret is forgotten after it."""
    try:
        yield
    except LinkExpired as expired:
        with transaction() as db:
            forget(db, expired)
        raise


def void_others(db: Session, *, flow_ids: list[str], email_key: str | None = None) -> None:
    """Forget the mailed secrets of these flows, or only those sent to other addresses than `email_key`."""
    statement = delete(Link).where(Link.flow_id.in_(flow_ids), Link.consumed_at.is_(None))
    if email_key is not None:
        statement = statement.where(Link.email_key != email_key)
    db.execute(statement)


def void_of_address(db: Session, *, kind: LinkKind, email_key: str) -> None:
    """Forget the unused secrets of one kind that were mailed to an address: another proof of its account was given."""
    db.execute(delete(Link).where(Link.email_key == email_key, Link.kind == str(kind), Link.consumed_at.is_(None)))


def _digest(deps: Deps, kind: LinkKind, within: str, token: str) -> str:
    if kind is LinkKind.UPGRADE_CODE:
        return deps.digests.digest(Kind.LINK_CODE, f"{within}:{token}")
    return deps.digests.digest(Kind.LINK, f"{kind}:{token}")
