"""The socket of `idp serve`: one for all workers, opened here or handed over by systemd (idp.socket).

Granian alone gives each worker of a Linux host a socket of its own on the same port (SO_REUSEPORT): what waits in the
queue of a worker that ends is reset by the kernel, so a reload costs requests, and a second service on the port goes
unnoticed. With one socket the queue outlives any worker. Where systemd holds it, it outlives the service: during a restart
people wait, and nobody is refused (sd_listen_fds(3): LISTEN_PID, LISTEN_FDS, the first descriptor is 3).
"""

from __future__ import annotations

import errno
import os
import socket
from typing import Any

from granian._granian import SocketHolder
from granian.server.mp import MPServer

from idp.cli.failures import Failure

BACKLOG = 2048  # connections that may wait; the kernel's net.core.somaxconn bounds it too
_FIRST_DESCRIPTOR = 3


class SharedSocketServer(MPServer):
    """Granian whose workers accept from the socket that they are given, as it does by itself for Unix sockets."""

    def __init__(self, door: socket.socket, target: str, **options: Any) -> None:
        super().__init__(target, **options)
        # Of two workers that are woken by one connection, one finds none: it must not wait for the next with all it serves.
        door.setblocking(False)
        if door.family != socket.AF_UNIX:
            # Connections inherit it: the second piece of an answer does not wait for the other side to acknowledge the
            # first, which takes it 40 ms (Nagle's algorithm against delayed acknowledgements, RFC 9293 3.7.4).
            door.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._door = door

    def _init_shared_socket(self) -> None:
        holder: Any = SocketHolder
        unix = self._door.family == socket.AF_UNIX
        self._ssp, self._sso = None, self._door
        self._shd: Any = holder(self._door.fileno(), unix, BACKLOG)


def inherited() -> socket.socket | None:
    """The socket that a supervisor opened for this very process; None where nobody did."""
    if os.environ.get("LISTEN_PID") != str(os.getpid()):
        return None
    if os.environ.get("LISTEN_FDS") != "1":
        raise Failure("one socket is expected from the supervisor (LISTEN_FDS=1): name one ListenStream")
    return socket.socket(fileno=_FIRST_DESCRIPTOR)


def opened(host: str, port: int) -> socket.socket:
    """A socket of our own that listens. Raises Failure in one sentence when the port is not to be had."""
    door = _bound(host, port, "IDP_BIND_PORT")
    door.listen(BACKLOG)
    return door


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


def _bound(host: str, port: int, setting: str) -> socket.socket:
    door = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
    door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # connections that just ended do not count
    try:
        door.bind((host, port))
    except OSError as error:
        door.close()
        if error.errno == errno.EADDRINUSE:
            raise Failure(f"port {port} of {host} is in use: stop what listens there, or set {setting}") from None
        raise Failure(f"cannot listen on {host}, port {port}: {error.strerror}") from None
    return door
