"""Whose password is hashed next, and who is turned away when too many wait. Decides; starts nothing, waits for nothing.

Askers take turns, each with one password: a network that sends a thousand waits behind itself. Who has proven something
(a letter, a mailed link, an address at this browser before) and who has not take turns too. When the queue is full, the
newest of whoever has the most in it must go, so that no single asker can fill it for all.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from dataclasses import dataclass
from typing import Generic, TypeVar

Work = TypeVar("Work")


@dataclass(frozen=True)
class Asker:
    """name: a network, a browser that is known, a flow. proven: it is more than an address that anybody may have."""

    name: str
    proven: bool = False


OURSELVES = Asker("", proven=True)  # a command, not somebody who waits for a page


class FairQueue(Generic[Work]):
    """limit: how much may wait. Of one thread at a time."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._waiting = 0
        # By whether they have proven something; each asker's in the order in which they came.
        self._lanes: dict[bool, OrderedDict[str, deque[Work]]] = {True: OrderedDict(), False: OrderedDict()}
        self._proven_next = True

    def __len__(self) -> int:
        return self._waiting

    def has_room(self, asker: Asker) -> bool:
        """Whether `put` would take something of this asker now."""
        return self._waiting < self._limit or self._loser(asker) is not None

    def put(self, asker: Asker, work: Work) -> Work | None:
        """Take one more; returns who must go for it, which is the newcomer itself when nobody else has more."""
        gone: Work | None = None
        if self._waiting >= self._limit:
            lane_and_name = self._loser(asker)
            if lane_and_name is None:
                return work
            gone = self._out(*lane_and_name, newest=True)
        self._lanes[asker.proven].setdefault(asker.name, deque()).append(work)
        self._waiting += 1
        return gone

    def take(self) -> Work:
        """The next one. Raises IndexError when nothing waits."""
        if not self._waiting:
            raise IndexError("nothing waits")
        proven = self._proven_next if self._lanes[self._proven_next] else not self._proven_next
        self._proven_next = not proven
        lane = self._lanes[proven]
        name = next(iter(lane))
        work = self._out(proven, name, newest=False)
        if name in lane:
            lane.move_to_end(name)
        return work

    def _loser(self, newcomer: Asker) -> tuple[bool, str] | None:
        """Whose newest one must go for a newcomer; None when the newcomer itself is the one."""
        strangers = self._lanes[False]
        if newcomer.proven and strangers:
            return False, max(strangers, key=lambda name: len(strangers[name]))
        lane = self._lanes[newcomer.proven]
        most = max(lane, key=lambda name: len(lane[name]), default=None)
        if most is None or len(lane[most]) <= len(lane.get(newcomer.name, ())) + 1:
            return None
        return newcomer.proven, most

    def _out(self, proven: bool, name: str, *, newest: bool) -> Work:
        lane = self._lanes[proven]
        work = lane[name].pop() if newest else lane[name].popleft()
        if not lane[name]:
            del lane[name]
        self._waiting -= 1
        return work
