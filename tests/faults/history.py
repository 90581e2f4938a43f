"""What clients saw, and whether it can have happened: one small automaton for each kind of key.

Every client writes down what it asked and what it was told. An operation whose answer was lost (`INFO`) may have
happened, then or at any later moment, or not at all; one that was refused (`FAIL`) has not; one that was granted (`OK`)
has. The checker reports each key whose history no run of a correct service explains. Method: Jepsen's histories.
"""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class Result(StrEnum):
    OK = "ok"
    FAIL = "fail"
    INFO = "info"


class Kind(StrEnum):
    CODE = "code"  # key: the code; value: what it bought
    FAMILY = "family"  # key: the refresh token presented; value: its successor
    LINK = "link"  # key: the link; value: the password that it set
    MERGE = "merge"  # key: the letter; value: the account
    ADDRESS = "address"  # key: the address; value: the letter that became its owner's
    MAIL = "mail"  # key: the address; value: None; OK: the page said that a mail is under way


@dataclass
class Operation:
    """Instants are of the monotonic clock, in seconds. `value` of an operation that is INFO: what it would have done."""

    kind: Kind
    key: str
    value: Any
    began: float
    ended: float = 0.0
    result: Result = Result.INFO

    def before(self, other: Operation) -> bool:
        """Whether this one was over when the other began."""
        return self.ended < other.began


@dataclass
class History:
    """Thread-safe: operations of any number of clients."""

    operations: list[Operation] = field(default_factory=list)
    traces: list[str] = field(default_factory=list)  # answers that no fault excuses (I6)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @contextmanager
    def operation(self, kind: Kind, key: str, value: Any = None) -> Iterator[Operation]:
        """An operation; its result stays INFO unless the client sets it, also when an exception passes."""
        one = Operation(kind, key, value, time.monotonic())
        try:
            yield one
        finally:
            one.ended = time.monotonic()
            with self._lock:
                self.operations.append(one)


def impossible(history: History, truth: Mapping[Kind, Mapping[str, list[Any]]]) -> list[str]:
    """What no correct service can have done, as sentences.

    truth: what the database (for MAIL: the mailbox) holds in the end, by kind and key: the password that is set, the
    accounts that a letter is of, the letters that an address's account came from, the links that were mailed.
    """
    keys: defaultdict[tuple[Kind, str], list[Operation]] = defaultdict(list)
    for one in history.operations:
        keys[one.kind, one.key].append(one)
    found = list(history.traces)
    for (kind, key), operations in keys.items():
        held = truth.get(kind, {}).get(key, [])
        found += [f"{kind} {key}: {problem}" for problem in _AUTOMATA[kind](_sorted(operations), held)]
    return found


def _sorted(operations: list[Operation]) -> list[Operation]:
    return sorted(operations, key=lambda one: one.began)


def _may_have_happened(operations: list[Operation], but: Operation) -> bool:
    """Whether another operation may have been the one: granted or lost, and begun before this one was over."""
    return any(o is not but and o.result is not Result.FAIL and o.began < but.ended for o in operations)


def _code(operations: list[Operation], _held: list[Any]) -> Iterator[str]:
    granted = [o for o in operations if o.result is Result.OK]
    if len(granted) > 1:
        yield f"redeemed {len(granted)} times (I1)"
    for one in operations:
        if one.result is Result.FAIL and not _may_have_happened(operations, one):
            yield "refused although nobody had redeemed it: it was issued, and lost (I5)"
        if one.result is Result.OK and any(o.result is Result.OK and o.before(one) for o in operations):
            yield "redeemed after it was redeemed (I1)"


def _family(operations: list[Operation], _held: list[Any]) -> Iterator[str]:
    successors = {o.value for o in operations if o.result is Result.OK}
    if len(successors) > 1:
        yield f"{len(successors)} successors (I2)"
    # The clients of our loads present a token again within the grace only, and never one whose successor they used.
    if any(o.result is Result.FAIL for o in operations):
        yield "refused although it was the newest of its family: it was issued, and lost (I2, I5)"


def _link(operations: list[Operation], held: list[Any]) -> Iterator[str]:
    granted = {o.value for o in operations if o.result is Result.OK}
    possible = {o.value for o in operations if o.result is not Result.FAIL}
    if len(granted) > 1:
        yield f"consumed {len(granted)} times (I3)"
    if len(held) != 1 or (granted and held[0] not in granted):
        yield f"it set {granted or possible}, and {held} is what holds (I3, I5)"
    elif held[0] not in possible and held[0] is not None:
        yield f"{held[0]} holds, and nobody can have set it (I3)"


def _merge(operations: list[Operation], held: list[Any]) -> Iterator[str]:
    """held: the account of each place that the letter has."""
    if len(held) > 1:
        yield f"in {len(held)} places (I4)"
    for one in operations:
        if one.result is Result.OK and held != [one.value]:
            yield f"merged into {one.value}, and found in {held} (I4, I5)"
    if held and not any(o.result is not Result.FAIL and o.value == held[0] for o in operations):
        yield f"found in {held}, and nobody can have merged it (I4)"


def _address(operations: list[Operation], held: list[Any]) -> Iterator[str]:
    """held: the letters that the account of this address came into being by."""
    if len(held) > 1:
        yield f"owned {len(held)} times (I4)"
    granted = [o.value for o in operations if o.result is Result.OK]
    if len(set(granted)) > 1:
        yield f"promised to {granted} (I4)"
    if granted and held != granted[:1]:
        yield f"promised to {granted}, owned by {held} (I5)"
    if held and not any(o.result is not Result.FAIL and o.value == held[0] for o in operations):
        yield f"owned by {held}, and nobody can have made it (I4)"


def _mail(operations: list[Operation], held: list[Any]) -> Iterator[str]:
    """held: the link of each mail that arrived."""
    due = sum(o.result is Result.OK for o in operations)
    asked = sum(o.result is not Result.FAIL for o in operations)
    links = set(held)
    if len(links) < due:
        yield f"{due} mails were promised, {len(links)} came (I8)"
    if len(links) > asked:
        yield f"{len(links)} different mails came, {asked} were asked for (I8)"
    yield from (f"a mail came {held.count(link)} times (I8)" for link in links if held.count(link) > 2)


_AUTOMATA: Mapping[Kind, Callable[[list[Operation], list[Any]], Iterator[str]]] = {
    Kind.CODE: _code,
    Kind.FAMILY: _family,
    Kind.LINK: _link,
    Kind.MERGE: _merge,
    Kind.ADDRESS: _address,
    Kind.MAIL: _mail,
}
