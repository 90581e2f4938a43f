"""Orders to stop come in numbers: Ctrl-C twice, a supervisor and a terminal at once, a parent of several threads that dies."""

from __future__ import annotations

import signal
from contextlib import suppress

from tests.support.served import Served
from tests.support.world import World


def test_it_ends_however_often_it_is_told(world: World) -> None:
    served = Served(world.server)
    try:
        with suppress(ProcessLookupError):
            for _ in range(500):
                served.process.send_signal(signal.SIGTERM)
                served.process.send_signal(signal.SIGINT)
        assert served.process.wait(30) == 0
    finally:
        served.stop()
