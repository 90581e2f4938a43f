"""How a worker of `idp serve` leaves: it accepts nobody any more, serves whom it accepted, and only then is told to stop.

Granian 2.8 closes, the moment that it is told, every connection whose request has not arrived yet (hyper's graceful
shutdown). What nginx connects just then is answered 502: of a hundred workers replaced under load, one to three lost a
request that way. So the order to stop is kept from it for a second, in which nothing new is accepted.
"""

from __future__ import annotations

import os
import signal
import socket
import threading
import time

# From a connection to the first byte of its request; a proxy sends both together, on a busy machine a moment apart.
_LAST_SECONDS = 1.0


def leave_gently(door: socket.socket) -> None:
    """Once in each worker, before its server starts. door: the socket that this one accepts from."""
    # All threads that are started from now on inherit this: only `_leave` hears of the order.
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    threading.Thread(target=_leave, args=(door,), name="leaving", daemon=True).start()


def _leave(door: socket.socket) -> None:
    signal.sigwait({signal.SIGTERM})
    stop = signal.getsignal(signal.SIGTERM)
    if not callable(stop):  # the server has not started yet, so nobody was accepted
        os._exit(0)
    # Under the door's number stands a socket that nobody knows, in this process alone; closing or shutting down the
    # door would not do: it stays open in the other processes, and goes on waking this one, or would be shut for all.
    with socket.socket(socket.AF_UNIX) as nobody:
        nobody.setblocking(False)
        nobody.bind("")  # an address of the kernel's choice, in no folder (unix(7), autobind)
        nobody.listen()
        os.dup2(nobody.fileno(), door.fileno(), inheritable=False)
    time.sleep(_LAST_SECONDS)
    stop(signal.SIGTERM, None)
