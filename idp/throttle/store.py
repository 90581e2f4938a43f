"""Counting attempts and refusing too many; the only SQL about `throttle_counters`.

What protects an account is counted in the database, whatever happens elsewhere. Limits of many people (a network, an
agency) are counted in shared memory where there is one (`memory.py`), and in the database while it is away.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

from sqlalchemy import bindparam, case, select

from idp import metrics
from idp.database import INSERT, Executor, Utc, dialect_of, table_of
from idp.deps import Deps
from idp.digests import Kind
from idp.errors import Overloaded, TooManyAttempts
from idp.passwords.queue import Asker
from idp.settings import Settings
from idp.shared import Away
from idp.statements import Statement, writing
from idp.throttle import memory
from idp.throttle.devices import Device
from idp.throttle.memory import Rule
from idp.throttle.tables import ThrottleCounter

# No delay runs yet. Not `now`: of two attempts at once the one that read the clock first may count last.
_NEVER = datetime(1970, 1, 1, tzinfo=UTC)
# The whole lifetime of a counter's delay doubling; 2**20 first delays are past any longest delay.
_DOUBLINGS = 20


@dataclass(frozen=True)
class Limit:
    """A counter: what is counted, and how many attempts are free of delay.

    delay: a fixed one after the free attempts; None for one that doubles with each further attempt.
    of_many: it counts all that come from one place, not what is tried on one account; it may be counted in memory that
    workers share (decision 0027).
    """

    subject: str
    free: int
    delay: timedelta | None = None
    of_many: bool = False


def account(settings: Settings, key: str) -> Limit:
    """Attempts on one account key (canonical address, or agency and letter identifier), whoever makes them."""
    return Limit(f"account:{key}", settings.throttle_account_free_attempts)


def network(settings: Settings, address: str) -> Limit:
    """Attempts from one network: an IPv4 address, or the /64 that an IPv6 customer has whole."""
    return Limit(f"network:{network_of(address)}", settings.throttle_network_free_attempts, of_many=True)


def agency(settings: Settings, agency_id: str) -> Limit:
    return Limit(f"agency:{agency_id}", settings.throttle_agency_free_attempts, of_many=True)


@dataclass(frozen=True)
class Guess:
    """What an attempt at a password was counted on: `own` is forgotten when it was right, `shared` lose it alone."""

    own: Limit
    shared: tuple[Limit, ...] = ()

    @property
    def limits(self) -> tuple[Limit, ...]:
        return (self.own, *self.shared)

    @property
    def by(self) -> Asker:
        """Who waits for the password to be compared: a browser that proved the address before, or else a network."""
        if not self.shared:
            return Asker(self.own.subject, proven=True)
        return Asker(self.shared[0].subject.partition(":")[2])


def guess(
    db: Executor, deps: Deps, key: str, *, device: Device | None, network_address: str, agency_id: str | None = None
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


def admit(db: Executor, deps: Deps, *limits: Limit) -> None:
    """Count one attempt on each limit, before it is evaluated. Raises TooManyAttempts when one of them must wait.

    What a limit refuses counts on none: to be raised through the transaction, which undoes what was counted in it. That
    reads whatever else it needs before, for the reason that `succeeded` gives.
    """
    elsewhere = [limit for limit in limits if limit.of_many and deps.shared is not None]
    _require_turn(_count_stored(db, deps, [limit for limit in limits if limit not in elsewhere]))
    _require_turn(_count_many(db, deps, elsewhere))


def _require_turn(until: Iterable[datetime | None]) -> None:
    """until: of each limit, from when it admits another attempt. Raises TooManyAttempts."""
    if blocked := [retry_at for retry_at in until if retry_at is not None]:
        raise TooManyAttempts(max(blocked))


def count(db: Executor, deps: Deps, limit: Limit) -> datetime | None:
    """Count one attempt; None when it is admitted, else the instant from which another is."""
    return (_count_many if limit.of_many else _count_stored)(db, deps, [limit])[0]


def _count_many(db: Executor, deps: Deps, limits: Sequence[Limit]) -> list[datetime | None]:
    """Count one attempt on limits of many people: in shared memory, in the database where there is none or it is away."""
    if deps.shared is None or not limits:
        return _count_stored(db, deps, limits)
    try:
        until = memory.count(deps.shared, [_rule(deps, limit) for limit in limits], now=deps.now())
    except Away:
        return _count_stored(db, deps, limits)
    if until is not None:
        metrics.throttled(_kind(limits[0]))
    return [until]


def _count_stored(db: Executor, deps: Deps, limits: Sequence[Limit]) -> list[datetime | None]:
    """Count one attempt on each in the database, in their order; from when each admits another where it refuses this one.

    The count is one statement that only counts while no delay runs: of a hundred attempts at once, those past the
    free ones are refused and none is lost (TOCTOU class, ZITADEL CVE-2024-32868). A refused attempt adds no delay,
    so an attacker cannot keep the owner of an account out for ever.
    """
    if not limits:
        return []
    now = deps.now()
    rules = [_rule(deps, limit) for limit in limits]
    given: dict[str, Any] = {"now": now}
    for place, rule in enumerate(rules):
        given |= {f"key_{place}": rule.key, f"forget_at_{place}": now + rule.memory}
    attempts: dict[str, int] = dict(_counting(dialect_of(db), len(rules)).rows(db, given))  # type: ignore[arg-type]
    refused: list[datetime | None] = []
    for limit, rule in zip(limits, rules, strict=True):
        counted = attempts.get(rule.key)
        if counted is None:
            metrics.throttled(_kind(limit))
            refused.append(blocked_until(db, deps, limit) or now)
            continue
        if counted >= rule.free:
            until = now + min(rule.first * 2 ** min(counted - rule.free, _DOUBLINGS), rule.longest)
            _DELAY.run(db, {"b_key": rule.key, "until": until})
        refused.append(None)
    return refused


@contextmanager
def evaluating(deps: Deps, *limits: Limit) -> Iterator[None]:
    """Around the comparing of a password that was counted on these limits: one that is turned away, too many waiting
    for theirs, was no attempt. Else a rush would shut out those who politely try again."""
    try:
        yield
    except Overloaded:
        elsewhere = _taken_back(deps, [limit for limit in limits if limit.of_many])
        with writing() as db:
            for limit in limits:
                if limit not in elsewhere:
                    _UNCOUNT.run(db, {"b_key": _key(deps, limit)})
        raise


def blocked_until(db: Executor, deps: Deps, limit: Limit) -> datetime | None:
    """The instant from which another attempt is admitted, as the database knows it; None when one is admitted now."""
    row = _BLOCKED.row(db, {"b_key": _key(deps, limit)})
    return row[0] if row is not None and row[0] > deps.now() else None


def right(db: Executor, deps: Deps, counted: Guess) -> None:
    """The password was the right one; last in a unit of work (`succeeded`)."""
    succeeded(db, deps, counted.own, *counted.shared)


def succeeded(db: Executor, deps: Deps, account_limit: Limit, *shared: Limit) -> None:
    """The attempt proved who it was: the account's count is forgotten, the shared counts lose this one attempt only.

    Resetting them would let an attacker's own sign-in buy more guesses at others (allauth 65.8.1).
    Last in a unit of work: a network's count, and an agency's, is one row of all that come from there, who wait for
    whoever holds it.
    shared: in the order of `admit`, row by row, so that attempts and successes never wait for each other in a circle.
    """
    elsewhere = _taken_back(deps, [limit for limit in shared if limit.of_many])
    forget(db, deps, account_limit)
    for limit in shared:
        if limit not in elsewhere:
            _TAKE_BACK.run(db, {"b_key": _key(deps, limit)})


def _taken_back(deps: Deps, limits: Sequence[Limit]) -> Sequence[Limit]:
    """Take one attempt back in shared memory; returns the limits if that was done, none while it is away."""
    if deps.shared is None or not limits:
        return ()
    try:
        memory.less(deps.shared, [_key(deps, limit) for limit in limits])
    except Away:
        return ()
    return limits


def forget(db: Executor, deps: Deps, *limits: Limit) -> None:
    """Forget the counts of these limits: the person proved who they are, or an operator unlocks them."""
    for limit in limits:
        _FORGET.run(db, {"b_key": _key(deps, limit)})


_TABLE = table_of(ThrottleCounter)
_OF_KEY = _TABLE.c.key == bindparam("b_key")
_BLOCKED = Statement(select(_TABLE.c.blocked_until).where(_OF_KEY))
_DELAY = Statement(_TABLE.update().where(_OF_KEY).values(blocked_until=bindparam("until")))
_FORGET = Statement(_TABLE.delete().where(_OF_KEY))
_LESS = _TABLE.update().where(_OF_KEY, _TABLE.c.attempts > 0).values(attempts=_TABLE.c.attempts - 1)
_TAKE_BACK = Statement(_LESS)
_UNCOUNT = Statement(_LESS.values(blocked_until=_NEVER))


@cache
def _counting(dialect: str, limits: int) -> Statement:
    """One attempt more on so many counters, row by row: each of them, and its attempts with this one, unless a delay runs."""
    now = bindparam("now", type_=Utc())
    rows = [
        {
            "key": bindparam(f"key_{place}", type_=_TABLE.c.key.type),
            "attempts": 1,
            "blocked_until": _NEVER,
            "forget_at": bindparam(f"forget_at_{place}", type_=Utc()),
        }
        for place in range(limits)
    ]
    statement = INSERT[dialect](_TABLE).values(rows)
    over = _TABLE.c.forget_at <= now
    # From the first attempt on, not from the last: a counter that many share would never be forgotten.
    forget_at = case((over, statement.excluded.forget_at), else_=_TABLE.c.forget_at)
    counted = statement.on_conflict_do_update(
        index_elements=["key"],
        set_={"attempts": case((over, 1), else_=_TABLE.c.attempts + 1), "forget_at": forget_at},
        where=_TABLE.c.blocked_until <= now,
    )
    return Statement(counted.returning(_TABLE.c.key, _TABLE.c.attempts))


def _rule(deps: Deps, limit: Limit) -> Rule:
    settings = deps.settings
    if limit.delay is not None:
        return Rule(_key(deps, limit), limit.free, limit.delay, limit.delay, limit.delay)
    first = timedelta(seconds=settings.throttle_first_delay_seconds)
    longest = timedelta(seconds=settings.throttle_longest_delay_seconds)
    return Rule(_key(deps, limit), limit.free, timedelta(hours=settings.throttle_memory_hours), first, longest)


def _key(deps: Deps, limit: Limit) -> str:
    return deps.digests.digest(Kind.THROTTLE, limit.subject)


def _kind(limit: Limit) -> str:
    return limit.subject.partition(":")[0]
