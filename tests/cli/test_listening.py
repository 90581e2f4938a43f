"""The socket that all workers accept from."""

from __future__ import annotations

import socket

from idp.cli import listening


def test_no_piece_of_an_answer_waits_for_an_acknowledgement() -> None:
    """Nine tenths of token requests took 2 ms and the last tenth 44: an answer's second piece waited for a delayed ACK.

    Granian sets TCP_NODELAY on sockets that it opens itself; what comes through the shared one has to inherit it.
    """
    with listening.opened("127.0.0.1", 0) as door:
        listening.SharedSocketServer(door, "idp.wsgi:create", interface="wsgi")
        with socket.create_connection(door.getsockname()) as client:
            door.setblocking(True)
            accepted, _ = door.accept()
            with accepted, client:
                assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) == 1
