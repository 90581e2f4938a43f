"""Every SQL statement about the outbox."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, delete, func, insert, or_, select, text, update
from sqlalchemy.orm import Session

from idp.database import changed, upsert
from idp.deps import Deps
from idp.mail.messages import Message, render
from idp.mail.tables import MailDomain, OutboxMail

COUNTED = 10_000


@dataclass(frozen=True)
class Waiting:
    """A mail that this sender has leased. attempts: including the one to come. lease: the fencing number."""

    id: str
    recipient: str
    sender_name: str
    subject: str
    text: str = field(repr=False)
    html: str = field(repr=False)
    attempts: int
    created_at: datetime
    lease: int
    leased_until: datetime

    @property
    def domain(self) -> str:
        return domain_of(self.recipient)


def domain_of(recipient: str) -> str:
    return recipient.rpartition("@")[2].casefold()


def enqueue(db: Session, deps: Deps, message: Message, *, flow_id: str | None = None) -> None:
    """Write a mail in the transaction that causes it: it is sent if, and only if, that transaction is committed."""
    rendered = render(message, timezone=deps.settings.timezone)
    values = {"state": "queued", "recipient": message.to, "text": rendered.text, "html": rendered.html}
    _add(db, deps, message, rendered.subject, {**values, "flow_id": flow_id})


def discard(db: Session, deps: Deps, message: Message) -> None:
    """The work of `enqueue` for a mail that nobody gets, so that time does not tell which addresses are known."""
    rendered = render(message, timezone=deps.settings.timezone)
    _add(db, deps, message, rendered.subject, {"state": "discarded", "recipient": "", "text": None, "html": None})


def _add(db: Session, deps: Deps, message: Message, subject: str, values: Mapping[str, str | None]) -> None:
    now = deps.now()
    common = {
        "id": deps.new_id(),
        "kind": message.kind,
        "sender_name": message.voice.name,
        "subject": subject,
        "attempts": 0,
        "domain": domain_of(values["recipient"] or ""),
        "next_attempt_at": now,
        "created_at": now,
    }
    db.execute(insert(OutboxMail).values({**common, **values}))


def _due(now: datetime) -> ColumnElement[bool]:
    # The state in words: a prepared statement with a parameter cannot use the index of waiting mails alone.
    paused = select(MailDomain.domain).where(MailDomain.paused_until > now)
    return and_(
        text("outbox_mails.state = 'queued'"),
        OutboxMail.next_attempt_at <= now,
        or_(OutboxMail.leased_until.is_(None), OutboxMail.leased_until < now),
        OutboxMail.domain.not_in(paused),
    )


def queue(db: Session, *, now: datetime, limit: int) -> list[str]:
    """Ids of due mails in the order in which they should leave: a reading that holds up nobody, and promises nothing.

    Domains take turns: a thousand mails to one of them do not delay the first mail to another. Not those that are paused.
    """
    turn = func.row_number().over(partition_by=OutboxMail.domain, order_by=OutboxMail.next_attempt_at)
    due = select(OutboxMail.id, turn.label("turn"), OutboxMail.next_attempt_at).where(_due(now)).subquery()
    return list(db.scalars(select(due.c.id).order_by(due.c.turn, due.c.next_attempt_at).limit(limit)))


def lease(db: Session, ids: Sequence[str], *, now: datetime, duration: timedelta) -> list[Waiting]:
    """Take those of these mails that are still due for this sender alone. One that dies gives its mails back."""
    mine = select(OutboxMail.id).where(OutboxMail.id.in_(ids), _due(now)).with_for_update(skip_locked=True)
    rows = db.execute(
        update(OutboxMail)
        .where(OutboxMail.id.in_(mine))
        .values(leased_until=now + duration, lease=OutboxMail.lease + 1, attempts=OutboxMail.attempts + 1)
        .returning(*(getattr(OutboxMail, one.name) for one in fields(Waiting)))
        .execution_options(synchronize_session=False)
    ).all()
    order = {id_: position for position, id_ in enumerate(ids)}
    return sorted((Waiting(*tuple(row)) for row in rows), key=lambda mail: order[mail.id])


def _leased(mail: Waiting) -> ColumnElement[bool]:
    # The fence: a sender that slept past its lease can neither send nor overwrite what its successor recorded.
    return (OutboxMail.id == mail.id) & (OutboxMail.lease == mail.lease) & (OutboxMail.state == "queued")


def still_mine(db: Session, mail: Waiting, *, until: datetime) -> Waiting | None:
    """The mail with its lease prolonged; None when the lease was over and another sender has the mail, or had it."""
    won = changed(db.execute(update(OutboxMail).where(_leased(mail)).values(leased_until=until)))
    return replace(mail, leased_until=until) if won == 1 else None


def given_back(db: Session, mails: Sequence[Waiting]) -> None:
    """Not tried after all: whichever sender comes next takes them, and no attempt was made."""
    for mail in mails:
        _finish(db, mail, leased_until=None, attempts=OutboxMail.attempts - 1)


def sent(db: Session, mail: Waiting, *, now: datetime) -> None:
    """Accepted by the server: the body, which may hold a live link, is wiped."""
    _finish(db, mail, state="sent", sent_at=now, text=None, html=None, leased_until=None, last_answer=None)
    db.execute(delete(MailDomain).where(MailDomain.domain == mail.domain))


def refused(db: Session, mail: Waiting, *, answer: str) -> None:
    """Refused for good; the waiting page shows it."""
    _finish(db, mail, state="refused", text=None, html=None, leased_until=None, last_answer=answer[:300])


def came_back(db: Session, mail_id: str, *, answer: str) -> bool:
    """Refused after it had been accepted, as a report says; False when there is no such mail or it is known already."""
    statement = update(OutboxMail).where(OutboxMail.id == mail_id, OutboxMail.state == "sent")
    return changed(db.execute(statement.values(state="refused", last_answer=answer[:300]))) == 1


def postponed(db: Session, mail: Waiting, *, until: datetime, answer: str) -> None:
    _finish(db, mail, next_attempt_at=until, leased_until=None, last_answer=answer[:300])


def _finish(db: Session, mail: Waiting, **values: object) -> None:
    db.execute(update(OutboxMail).where(_leased(mail)).values(**values))


def domain_failed(db: Session, domain: str, *, answer: str, now: datetime) -> int:
    """Note that a domain put a mail off; returns how many it put off in a row."""
    table: Any = MailDomain.__table__
    statement = upsert(db, table).values(domain=domain, failures=1, failed_at=now, last_answer=answer[:300])
    statement = statement.on_conflict_do_update(
        index_elements=["domain"],
        set_={"failures": MailDomain.failures + 1, "failed_at": now, "last_answer": answer[:300]},
    )
    return int(db.execute(statement.returning(MailDomain.failures)).scalar_one())


def pause(db: Session, domain: str, *, until: datetime) -> None:
    db.execute(update(MailDomain).where(MailDomain.domain == domain).values(paused_until=until))


def failing_domains(db: Session) -> Sequence[MailDomain]:
    """For an operator: the domains that put mails off, those that are paused the longest first."""
    return db.scalars(select(MailDomain).order_by(MailDomain.paused_until.desc(), MailDomain.domain)).all()


@dataclass(frozen=True)
class Newest:
    """What became of a mail. state: queued, sent or refused. again: there was another one before it."""

    state: str
    at: datetime
    again: bool


def newest_of_flows(db: Session, flow_ids: Sequence[str], *, recipient: str) -> Newest | None:
    """The newest mail to an address about one of these flows; None when there is none."""
    rows = db.execute(
        select(OutboxMail.state, OutboxMail.created_at)
        .where(OutboxMail.flow_id.in_(flow_ids), OutboxMail.recipient == recipient)
        .order_by(OutboxMail.id.desc())
        .limit(2)
    ).all()
    return Newest(rows[0].state, rows[0].created_at, again=len(rows) > 1) if rows else None


def outbox(db: Session, *, state: str | None, limit: int) -> Sequence[OutboxMail]:
    """The newest mails, for an operator; those of one state, or all that somebody was to get."""
    statement = select(OutboxMail).order_by(OutboxMail.id.desc()).limit(limit)
    wanted = OutboxMail.state != "discarded" if state is None else OutboxMail.state == state
    return db.scalars(statement.where(wanted)).all()


def waiting_count(db: Session) -> int:
    return db.scalars(select(func.count()).select_from(OutboxMail).where(OutboxMail.state == "queued")).one()


@dataclass(frozen=True)
class Standing:
    """How the outbox stands. queued, refused (within an hour): counted to COUNTED. oldest: age of a mail that waits.

    paused: domains.
    """

    queued: int
    refused: int
    oldest: timedelta
    paused: int


def standing(db: Session, *, now: datetime) -> Standing:
    """For metrics: cheap however many mails there are."""
    # In words, not as a parameter: a prepared statement with one cannot use the index of waiting mails alone.
    waits = text("state = 'queued'")
    lately = (OutboxMail.state == "refused") & (OutboxMail.next_attempt_at > now - timedelta(hours=1))
    oldest = db.scalars(select(func.min(OutboxMail.created_at)).where(waits)).one()
    return Standing(
        queued=_counted(db, select(OutboxMail.created_at).where(waits)),
        refused=_counted(db, select(OutboxMail.state).where(lately)),
        oldest=timedelta(0) if oldest is None else max(timedelta(0), now - oldest),
        paused=_counted(db, select(MailDomain.domain).where(MailDomain.paused_until > now)),
    )


def _counted(db: Session, some: Select[Any]) -> int:
    return db.scalars(select(func.count()).select_from(some.limit(COUNTED).subquery())).one()


def put_back(db: Session, *, now: datetime) -> int:
    """Make every waiting mail due now, after a mail server came back, and end all pauses; returns how many."""
    db.execute(delete(MailDomain))
    statement = update(OutboxMail).where(OutboxMail.state == "queued").values(next_attempt_at=now)
    return changed(db.execute(statement))
