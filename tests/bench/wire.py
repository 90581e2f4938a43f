"""HTTP/1.1 for a load driver: keep-alive connections, one request at a time on each, one thread, one epoll.

What a worker does is a generator: it yields `(connection, request bytes)`, is sent the `Answer`, and ends when its
operation is done. A closed-loop worker begins its next operation at once; a paced one at its next appointed time, and
its latency counts from that time, so that a slow server cannot hide behind requests that were never sent.
"""

from __future__ import annotations

import select
import socket
from collections import Counter
from collections.abc import Callable, Generator, Iterable
from dataclasses import dataclass, field
from heapq import heappop, heappush
from time import perf_counter

Operation = Generator[tuple["Connection", bytes], "Answer", None]
_GIVE_UP_AFTER = 20  # failures of one worker in a row: nothing is left to measure
_LONGEST_ANSWER = 60.0


class Failed(Exception):
    """The operation did not end as it should; the message says how."""


class Answer:
    """An answer as received. head: lower-case except for values."""

    __slots__ = ("body", "head", "status")

    def __init__(self, status: int, head: bytes, body: bytes) -> None:
        self.status = status
        self.head = head
        self.body = body

    def headers(self, name: bytes) -> list[str]:
        """The values of a header, by its lower-case name."""
        lines = (line.partition(b":") for line in self.head.split(b"\r\n")[1:])
        return [value.strip().decode("latin-1") for key, _, value in lines if key.lower() == name]


class Connection:
    """A keep-alive connection that opens itself, and opens itself again where the server has closed it."""

    __slots__ = ("address", "buffer", "file", "lane", "request", "resent", "socket")

    def __init__(self, port: int) -> None:
        self.address = ("127.0.0.1", port)
        self.buffer = b""
        self.file = -1
        self.lane: Lane | None = None
        self.request = b""
        self.resent = False
        self.socket: socket.socket | None = None

    def close(self) -> None:
        if self.socket is not None:
            self.socket.close()
            self.socket = None


@dataclass
class Tally:
    """What a worker, or a whole window, has seen. latencies: seconds, of operations that ended well in the window."""

    latencies: list[float] = field(default_factory=list)
    errors: Counter[str] = field(default_factory=Counter)


@dataclass
class Lane:
    """One worker. operation: makes its next operation. every: seconds between its starts; None: closed loop.

    watched: whether its operations are counted (those of a rush are not).
    """

    operation: Callable[[], Operation]
    every: float | None = None
    offset: float = 0.0
    watched: bool = True
    running: Operation | None = field(default=None, init=False)
    began: float = field(default=0.0, init=False)
    failures: int = field(default=0, init=False)


class Driver:
    """Runs workers for a window. `close` it at the end."""

    def __init__(self) -> None:
        self._poll = select.epoll()
        self._waiting: dict[int, Connection] = {}
        self._opened: list[Connection] = []
        self._appointments: list[tuple[float, int, Lane]] = []
        self._order = 0
        self._tally = Tally()
        self._window = (0.0, 0.0)

    def run(self, lanes: Iterable[Lane], *, warmup: float, seconds: float, opened: Callable[[], None]) -> Tally:
        """Let them work; counts what ends well between `warmup` and `warmup + seconds` from now.

        opened: called when the window opens. Operations that are under way when this returns are ended by `drain`.
        """
        now = perf_counter()
        self._tally = Tally()
        self._window = (now + warmup, now + warmup + seconds)
        self._appointments.clear()
        for lane in lanes:
            lane.failures = 0
            if lane.every is None:
                self._begin(lane, now)
            else:
                self._appoint(lane, now + lane.offset)
        self._turn(self._window[0])
        opened()
        self._turn(self._window[1])
        return self._tally

    def drain(self) -> None:
        """Wait for the answers that are still under way; then close every connection, so that each window opens its own."""
        limit = perf_counter() + _LONGEST_ANSWER
        while self._waiting and perf_counter() < limit:
            self._receive(0.05)
        self._waiting.clear()
        for connection in self._opened:
            connection.close()
        self._opened.clear()

    def close(self) -> None:
        self._poll.close()

    def do(self, operations: Iterable[Operation]) -> None:
        """Do these operations now, side by side, outside of any window. Raises Failed with the first failure."""
        self._tally = Tally()
        self._window = (0.0, 0.0)  # an end that is past: nobody begins again
        for operation in operations:
            self._begin(Lane(lambda operation=operation: operation), perf_counter())  # type: ignore[misc]
        self.drain()
        if self._tally.errors:
            raise Failed(next(iter(self._tally.errors)))

    # --- turning -----------------------------------------------------------------------------------------------------

    def _turn(self, until: float) -> None:
        while (now := perf_counter()) < until:
            appointments = self._appointments
            while appointments and appointments[0][0] <= now:
                due, _, lane = heappop(appointments)
                self._begin(lane, due)
            pause = min(until, appointments[0][0] if appointments else until) - now
            self._receive(max(0.0, min(pause, 0.05)))

    def _receive(self, timeout: float) -> None:
        for file, _event in self._poll.poll(timeout):
            connection = self._waiting.get(file)
            if connection is None or connection.socket is None:
                continue
            try:
                data = connection.socket.recv(262144)
            except OSError:
                data = b""
            if not data:
                self._lost(connection)
                continue
            connection.buffer = connection.buffer + data if connection.buffer else data
            answer = _parsed(connection)
            if answer is not None:
                del self._waiting[file]
                lane = connection.lane
                assert lane is not None
                self._advance(lane, answer)

    def _lost(self, connection: Connection) -> None:
        """A server may close an idle connection just when it is used again: the request is sent once more."""
        self._waiting.pop(connection.file, None)
        connection.close()
        lane = connection.lane
        assert lane is not None
        if connection.buffer or connection.resent:
            self._failed(lane, "the server closed the connection")
        else:
            self._send(lane, connection, connection.request, again=True)

    def _send(self, lane: Lane, connection: Connection, request: bytes, *, again: bool = False) -> None:
        if self._waiting.get(connection.file) is connection:
            raise RuntimeError("two workers share a connection: each would get the other's answers")
        connection.lane, connection.request, connection.buffer, connection.resent = lane, request, b"", again
        try:
            if connection.socket is None:
                connection.socket = socket.create_connection(connection.address, timeout=30)
                connection.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                connection.file = connection.socket.fileno()
                self._poll.register(connection.file, select.EPOLLIN)
                self._opened.append(connection)
            connection.socket.sendall(request)
        except OSError as error:
            connection.close()
            if again:
                self._failed(lane, f"cannot send: {error}")
            else:
                self._send(lane, connection, request, again=True)
            return
        self._waiting[connection.file] = connection

    def _begin(self, lane: Lane, at: float) -> None:
        lane.running, lane.began = lane.operation(), at
        self._advance(lane, None)

    def _advance(self, lane: Lane, answer: Answer | None) -> None:
        assert lane.running is not None
        try:
            connection, request = next(lane.running) if answer is None else lane.running.send(answer)
        except StopIteration:
            self._ended(lane)
        except Failed as failure:
            self._failed(lane, str(failure))
        else:
            self._send(lane, connection, request)

    def _ended(self, lane: Lane) -> None:
        now = perf_counter()
        lane.failures = 0
        if lane.watched and self._window[0] <= now <= self._window[1]:
            self._tally.latencies.append(now - lane.began)
        self._next(lane, now)

    def _failed(self, lane: Lane, why: str) -> None:
        now = perf_counter()
        lane.failures += 1
        if lane.watched:
            self._tally.errors[why[:200]] += 1
        if lane.failures < _GIVE_UP_AFTER:
            self._next(lane, now)

    def _next(self, lane: Lane, now: float) -> None:
        if lane.every is not None:
            self._appoint(lane, lane.began + lane.every)
        elif now < self._window[1]:
            # Not at once: an operation without a request would never let the others have their turn.
            self._appoint(lane, now)

    def _appoint(self, lane: Lane, at: float) -> None:
        if at < self._window[1]:
            self._order += 1
            heappush(self._appointments, (at, self._order, lane))


def _parsed(connection: Connection) -> Answer | None:
    """The answer, once it is whole. Only what these servers send: a length, or chunks."""
    buffer = connection.buffer
    end = buffer.find(b"\r\n\r\n")
    if end < 0:
        return None
    head = buffer[:end]
    lower = head.lower()
    status = int(buffer[9:12])
    at = lower.find(b"\r\ncontent-length:")
    if at >= 0:
        stop = lower.find(b"\r\n", at + 17)
        length = int(lower[at + 17 : stop if stop >= 0 else end])
        if len(buffer) < end + 4 + length:
            return None
        body = buffer[end + 4 : end + 4 + length]
    elif b"\r\ntransfer-encoding: chunked" in lower:
        whole = _unchunked(buffer, end + 4)
        if whole is None:
            return None
        body = whole
    elif status in (204, 304):
        body = b""
    else:
        return None
    if b"\r\nconnection: close" in lower:
        connection.close()
    return Answer(status, head, body)


def _unchunked(buffer: bytes, at: int) -> bytes | None:
    parts = []
    while True:
        line = buffer.find(b"\r\n", at)
        if line < 0:
            return None
        size = int(buffer[at:line].split(b";")[0], 16)
        at = line + 2
        if len(buffer) < at + size + 2:
            return None
        if size == 0:
            return b"".join(parts)
        parts.append(buffer[at : at + size])
        at += size + 2
