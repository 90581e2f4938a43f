"""Requests take turns, and who waits for a password's hash gives its turn away."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from typing import Any

import pytest

from idp.turns import Turns
from tests.demo.running import wait_until


class Requests:
    """Requests in threads, and how many of them ran at once."""

    def __init__(self, turns: Turns, work: Callable[[Requests], None]) -> None:
        self._application = turns.around(self._answer)
        self._work = work
        self._lock = threading.Lock()
        self.running = self.most = self.done = 0
        self._threads: list[threading.Thread] = []

    def _answer(self, _environ: Any, _start: Any) -> Iterable[bytes]:
        with self._lock:
            self.running += 1
            self.most = max(self.most, self.running)
        try:
            self._work(self)
        finally:
            with self._lock:
                self.running -= 1
                self.done += 1
        return [b"ok"]

    def come(self, count: int) -> None:
        started = [threading.Thread(target=self._application, args=({}, None)) for _ in range(count)]  # type: ignore[arg-type]
        for thread in started:
            thread.start()
        self._threads += started

    def all_done(self) -> None:
        for thread in self._threads:
            thread.join()


def test_no_more_requests_run_at_once_than_there_are_turns() -> None:
    let_go = threading.Event()
    requests = Requests(Turns(2), lambda _: let_go.wait() and None)
    requests.come(10)
    assert wait_until(lambda: requests.running == 2)
    let_go.set()
    requests.all_done()

    assert (requests.most, requests.done) == (2, 10)


def test_who_waits_for_a_hash_keeps_nobody_else_waiting() -> None:
    turns, hashed, waiting = Turns(1), threading.Event(), threading.Semaphore(0)

    def sign_in(_: Requests) -> None:
        with turns.given_away():
            waiting.release()
            hashed.wait()

    people = Requests(turns, sign_in)
    people.come(5)
    for _ in range(5):
        waiting.acquire()

    portals = Requests(turns, lambda _: None)
    portals.come(20)
    portals.all_done()
    assert (portals.done, people.done) == (20, 0)
    hashed.set()
    people.all_done()
    assert people.done == 5


def test_a_turn_is_given_back_whatever_happens() -> None:
    turns = Turns(1)

    def fails(_environ: Any, _start: Any) -> Iterable[bytes]:
        with turns.given_away():
            raise LookupError

    for _ in range(3):
        with pytest.raises(LookupError):
            turns.around(fails)({}, None)  # type: ignore[arg-type]
    requests = Requests(turns, lambda _: None)
    requests.come(3)
    requests.all_done()

    assert (requests.most, requests.done) == (1, 3)


def test_a_thread_without_a_turn_gives_none_away() -> None:
    turns = Turns(1)
    with turns.given_away(), turns.given_away():
        pass
    let_go = threading.Event()
    requests = Requests(turns, lambda _: let_go.wait() and None)
    requests.come(3)
    assert wait_until(lambda: requests.running == 1)
    let_go.set()
    requests.all_done()

    assert requests.most == 1
