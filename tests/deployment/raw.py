"""Requests written by hand, for what no HTTP client would send, and clients that are slow on purpose."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager

from tests.support.nginx import NAME

_CONTEXT = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
_CONTEXT.check_hostname, _CONTEXT.verify_mode = False, ssl.CERT_NONE


@contextmanager
def connected(port: int, *, source: str = "127.0.0.1") -> Iterator[ssl.SSLSocket]:
    """A TLS connection to nginx, its certificate not looked at. source: of 127.0.0.0/8, to be somebody else."""
    with (
        socket.create_connection(("127.0.0.1", port), timeout=30, source_address=(source, 0)) as line,
        _CONTEXT.wrap_socket(line, server_hostname=NAME) as tls,
    ):
        yield tls


def answers(port: int, *requests: bytes) -> list[int]:
    """The statuses of all answers to these bytes on one connection, until it is closed or silent for two seconds."""
    with connected(port) as tls:
        for request in requests:
            tls.sendall(request)
        tls.settimeout(2)
        received = b""
        try:
            while block := tls.recv(65536):
                received += block
        except (TimeoutError, OSError):
            pass
    return [int(line.split()[1]) for line in received.split(b"\r\n") if line.startswith(b"HTTP/1.")]
