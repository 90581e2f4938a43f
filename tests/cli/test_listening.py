"""The sockets that workers accept from."""

from __future__ import annotations

import socket
from contextlib import ExitStack

import pytest

from idp.cli import listening
from idp.cli.failures import Failure


def test_no_piece_of_an_answer_waits_for_an_acknowledgement() -> None:
    """Nine tenths of token requests took 2 ms and the last tenth 44: an answer's second piece waited for a delayed ACK.

    Granian sets TCP_NODELAY on sockets that it opens itself; what comes through ours has to inherit it.
    """
    (door,) = listening.opened("127.0.0.1", 0, 1)
    with door:
        listening.DoorServer([door], "idp.wsgi:create", interface="wsgi")
        with socket.create_connection(door.getsockname()) as client:
            door.setblocking(True)
            accepted, _ = door.accept()
            with accepted, client:
                assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) == 1


def test_connections_that_come_at_once_are_dealt_out_to_all_workers() -> None:
    """One socket for all gave all sixteen of a burst to one worker, and the other one had nothing to do."""
    with ExitStack() as open_ones:
        doors = [open_ones.enter_context(door) for door in listening.opened("127.0.0.1", 0, 2)]
        for _ in range(64):
            open_ones.enter_context(socket.create_connection(doors[0].getsockname()))
        waiting = [_accepted(door, open_ones) for door in doors]
    assert sum(waiting) == 64
    assert min(waiting) > 8, waiting  # by chance less often than once in a thousand million


def test_a_second_service_on_the_port_is_told_so() -> None:
    with ExitStack() as open_ones:
        doors = [open_ones.enter_context(door) for door in listening.opened("127.0.0.1", 0, 2)]
        port = doors[0].getsockname()[1]
        for count in (1, 2):
            with pytest.raises(Failure, match=f"port {port} of 127.0.0.1 is in use"):
                listening.opened("127.0.0.1", port, count)


def _accepted(door: socket.socket, open_ones: ExitStack) -> int:
    """How many connections wait at a door."""
    door.setblocking(False)
    found = 0
    while True:
        try:
            open_ones.enter_context(door.accept()[0])
        except BlockingIOError:
            return found
        found += 1
