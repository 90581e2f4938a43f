"""Counting attempts and refusing too many; the only SQL about `throttle_counters`."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import case, delete, select, update
from sqlalchemy.orm import Session

from idp import metrics
from idp.database import upsert
from idp.deps import Deps
from idp.digests import Kind
from idp.errors import TooManyAttempts
from idp.settings import Settings
from idp.throttle.devices import Device
from idp.throttle.tables import ThrottleCounter

# No delay runs yet. Not `now`: of two attempts at once the one that read the clock first may count last.
_NEVER = datetime(1970, 1, 1, tzinfo=UTC)
# The whole lifetime of a counter's delay doubling; 2**20 first delays are past any longest delay.
_DOUBLINGS = 20


@dataclass(frozen=True)
class Limit:
    """A counter: what is counted, and how many attempts are free of delay.

    delay: a fixed one after the free attempts; None for one that doubles with each further attempt.
    """

    subject: str
    free: int
    delay: timedelta | None = None


def account(settings: Settings, key: str) -> Limit:
    """Attempts on one account key (canonical address, or agency and letter identifier), whoever makes them."""
    return Limit(f"account:{key}", settings.throttle_account_free_attempts)


def network(settings: Settings, address: str) -> Limit:
    """Attempts from one network: an IPv4 address, or the /64 that an IPv6 customer has whole."""
    return Limit(f"network:{network_of(address)}", settings.throttle_network_free_attempts)


def agency(settings: Settings, agency_id: str) -> Limit:
    return Limit(f"agency:{agency_id}", settings.throttle_agency_free_attempts)


@dataclass(frozen=True)
class Guess:
    """What an attempt at a password was counted on: `own` is forgotten when it was right, `shared` lose it alone."""

    own: Limit
    shared: tuple[Limit, ...] = ()


def guess(
    db: Session, deps: Deps, key: str, *, device: Device | None, network_address: str, agency_id: str | None = None
) -> Guess:
    """Count one attempt at the password of an address, before it is evaluated. key: canonical.

    A browser that has proven the address before is counted on itself. One that has used up its own attempts goes on as
    any other: so `idp accounts unlock` helps there too, and an attack does not last longer for it.
    Raises TooManyAttempts.
    """
    if device is not None and device.knows(deps, key):
        own = Limit(f"device:{device.browser_digest}:{key}", deps.settings.throttle_account_free_attempts)
        if count(db, deps, own) is None:
            return Guess(own)
    shared = [network(deps.settings, network_address)]
    if agency_id is not None:
        shared.append(agency(deps.settings, agency_id))
    counted = Guess(account(deps.settings, key), tuple(shared))
    admit(db, deps, counted.own, *counted.shared)
    return counted


def network_of(address: str) -> str:
    """The network of an address as text; what is no address is one network of its own."""
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return "unknown"
    if isinstance(ip, ipaddress.IPv6Address):
        return str(ip.ipv4_mapped or ipaddress.ip_network((ip, 64), strict=False))
    return str(ip)


def admit(db: Session, deps: Deps, *limits: Limit) -> None:
    """Count one attempt on each limit, before it is evaluated. Raises TooManyAttempts when one of them must wait."""
    blocked = [retry_at for limit in limits if (retry_at := count(db, deps, limit)) is not None]
    if blocked:
        raise TooManyAttempts(max(blocked))


def count(db: Session, deps: Deps, limit: Limit) -> datetime | None:
    """Count one attempt; None when it is admitted, else the instant from which another is.

    The count is one statement that only counts while no delay runs: of a hundred attempts at once, those past the
    free ones are refused and none is lost (TOCTOU class, ZITADEL CVE-2024-32868). A refused attempt adds no delay,
    so an attacker cannot keep the owner of an account out for ever.
    """
    now = deps.now()
    key = deps.digests.digest(Kind.THROTTLE, limit.subject)
    memory = limit.delay or timedelta(hours=deps.settings.throttle_memory_hours)
    attempts = _count(db, key, now=now, forget_at=now + memory)
    if attempts is None:
        metrics.throttled(limit.subject.partition(":")[0])
        return blocked_until(db, deps, limit) or now
    if attempts >= limit.free:
        until = now + (limit.delay or _growing(attempts - limit.free, deps.settings))
        db.execute(update(ThrottleCounter).where(ThrottleCounter.key == key).values(blocked_until=until))
    return None


def blocked_until(db: Session, deps: Deps, limit: Limit) -> datetime | None:
    """The instant from which another attempt is admitted; None when one is admitted now."""
    key = deps.digests.digest(Kind.THROTTLE, limit.subject)
    until = db.scalars(select(ThrottleCounter.blocked_until).where(ThrottleCounter.key == key)).one_or_none()
    return until if until is not None and until > deps.now() else None


def right(db: Session, deps: Deps, counted: Guess) -> None:
    """The password was the right one."""
    succeeded(db, deps, counted.own, *counted.shared)


def succeeded(db: Session, deps: Deps, account_limit: Limit, *shared: Limit) -> None:
    """The attempt proved who it was: the account's count is forgotten, the shared counts lose this one attempt only.

    Resetting them would let an attacker's own sign-in buy more guesses at others (allauth 65.8.1).
    shared: in the order of `admit`, row by row, so that attempts and successes never wait for each other in a circle.
    """
    forget(db, deps, account_limit)
    for limit in shared:
        key = deps.digests.digest(Kind.THROTTLE, limit.subject)
        db.execute(
            update(ThrottleCounter)
            .where(ThrottleCounter.key == key, ThrottleCounter.attempts > 0)
            .values(attempts=ThrottleCounter.attempts - 1)
        )


def forget(db: Session, deps: Deps, *limits: Limit) -> None:
    """Forget the counts of these limits: the person proved who they are, or an operator unlocks them."""
    keys = [deps.digests.digest(Kind.THROTTLE, limit.subject) for limit in limits]
    db.execute(delete(ThrottleCounter).where(ThrottleCounter.key.in_(keys)))


def _count(db: Session, key: str, *, now: datetime, forget_at: datetime) -> int | None:
    """Attempts including this one; None while a delay runs."""
    table = ThrottleCounter.__table__
    statement = upsert(db, table).values(key=key, attempts=1, blocked_until=_NEVER, forget_at=forget_at)  # type: ignore[arg-type]
    statement = statement.on_conflict_do_update(
        index_elements=["key"],
        set_={
            "attempts": case((table.c.forget_at <= now, 1), else_=table.c.attempts + 1),
            # From the first attempt on, not from the last: a counter that many share would never be forgotten.
            "forget_at": case((table.c.forget_at <= now, forget_at), else_=table.c.forget_at),
        },
        where=table.c.blocked_until <= now,
    ).returning(table.c.attempts)
    row = db.execute(statement).one_or_none()
    return None if row is None else int(row[0])


def _growing(past_free: int, settings: Settings) -> timedelta:
    seconds = settings.throttle_first_delay_seconds * 2 ** min(past_free, _DOUBLINGS)
    return timedelta(seconds=min(seconds, settings.throttle_longest_delay_seconds))
