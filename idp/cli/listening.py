"""The sockets of `idp serve`: one for each worker, opened here, or one for all, handed over by systemd (idp.socket).

The first process holds them, so that what waits in the queue of a worker that ends is its successor's; granian alone lets
a worker open its own, and what waited there is reset by the kernel: a reload costs requests. One socket for all is as safe,
but of connections that come at once one worker accepts all, and the others have nothing to do. So the kernel deals them
out (SO_REUSEPORT). Where systemd holds the socket, it outlives the service: during a restart people wait, and nobody is
refused (sd_listen_fds(3): LISTEN_PID, LISTEN_FDS, the first descriptor is 3); nginx keeps no connection there.
"""

from __future__ import annotations

import errno
import os
import signal
import socket
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from typing import Any

from granian._granian import SocketHolder
from granian.server.mp import MPServer

from idp.cli.failures import Failure

BACKLOG = 2048  # connections that may wait; the kernel's net.core.somaxconn bounds it too
_FIRST_DESCRIPTOR = 3


class Wakeup:
    """What wakes the first process up, in place of granian's `threading.Event`: a signal's handler may set it at any moment.

    Python runs handlers between any two steps of the main thread, those of `Event.set` and `Event.wait` included, and the lock
    that is held there would be waited for by the thread that holds it. And a signal that comes just before the thread sleeps on
    a lock, or to another thread, wakes nobody. A pipe has no lock, and `signal.set_wakeup_fd` writes to it whoever was hit.
    An order is never cleared away: one too many only looks that there is nothing to do.
    """

    def __init__(self) -> None:
        self._read, self._write = os.pipe()
        os.set_blocking(self._write, False)

    def set(self) -> None:
        with suppress(BlockingIOError):  # it is full of orders
            os.write(self._write, b"\0")

    def wait(self) -> None:
        """Until an order or a signal comes that was not waited for yet; by the main thread."""
        signal.set_wakeup_fd(self._write, warn_on_full_buffer=False)
        os.read(self._read, 4096)

    def clear(self) -> None:
        """Nothing: orders are taken by the wait that they ended."""


class DoorServer(MPServer):
    """Granian whose workers accept from sockets that they are given, in turn, as it does by itself for Unix sockets."""

    def __init__(self, doors: Sequence[socket.socket], target: str, **options: Any) -> None:
        """The loader of `serve` is called with the worker's door."""
        super().__init__(target, **options)
        for door in doors:
            # Of two workers that are woken by one connection, one finds none: it must not wait for the next with all it serves.
            door.setblocking(False)
            if door.family != socket.AF_UNIX:
                # Connections inherit it: the second piece of an answer does not wait for the other side to acknowledge the
                # first, which takes it 40 ms (Nagle's algorithm against delayed acknowledgements, RFC 9293 3.7.4).
                door.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._doors = doors
        wakeup: Any = Wakeup()
        self.main_loop_interrupt = wakeup

    def _init_shared_socket(self) -> None:
        holder: Any = SocketHolder
        self._ssp = None
        self._holders = [holder(door.fileno(), door.family == socket.AF_UNIX, BACKLOG) for door in self._doors]

    def _spawn_worker(self, idx: int, target: Any, callback_loader: Callable[..., Any]) -> Any:  # type: ignore[override]
        place = idx % len(self._doors)
        self._sso, self._shd = self._doors[place], self._holders[place]
        return super()._spawn_worker(idx, target, partial(callback_loader, self._doors[place]))


def inherited() -> socket.socket | None:
    """The socket that a supervisor opened for this very process; None where nobody did."""
    if os.environ.get("LISTEN_PID") != str(os.getpid()):
        return None
    if os.environ.get("LISTEN_FDS") != "1":
        raise Failure("one socket is expected from the supervisor (LISTEN_FDS=1): name one ListenStream")
    return socket.socket(fileno=_FIRST_DESCRIPTOR)


def opened(host: str, port: int, count: int) -> list[socket.socket]:
    """Sockets of our own that listen on one port. Raises Failure in one sentence when the port is not to be had.

    One only where the kernel does not deal connections out among several (all but Linux).
    """
    setting = "IDP_BIND_PORT"
    if count == 1 or not sys.platform.startswith("linux"):
        doors = [_bound(host, port, setting)]
    else:
        # Whoever shares a port does not notice another service on it.
        with _bound(host, port, setting) as free:
            port = free.getsockname()[1]
        doors = [_bound(host, port, setting, shared=True) for _ in range(count)]
    for door in doors:
        door.listen(BACKLOG)
    return doors


def require_free(host: str, port: int, setting: str) -> None:
    """Raises Failure when the port is in use, naming the setting that would help."""
    _bound(host, port, setting).close()


def address(door: socket.socket) -> str:
    """`127.0.0.1:8000`, `[::1]:8000`, or the path of a Unix socket."""
    name = door.getsockname()
    if isinstance(name, str):
        return f"unix:{name}"
    host, port = name[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _bound(host: str, port: int, setting: str, *, shared: bool = False) -> socket.socket:
    door = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
    door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # connections that just ended do not count
    if shared:
        door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    try:
        door.bind((host, port))
    except OSError as error:
        door.close()
        if error.errno == errno.EADDRINUSE:
            raise Failure(f"port {port} of {host} is in use: stop what listens there, or set {setting}") from None
        raise Failure(f"cannot listen on {host}, port {port}: {error.strerror}") from None
    return door
