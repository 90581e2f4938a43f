"""Keeping passwords."""

from __future__ import annotations

import os
import sys
import threading
from collections import Counter
from typing import Any

import pytest

from idp.digests import Digests
from idp.errors import Overloaded
from idp.passwords.generated import ALPHABET, provisional_passwords
from idp.passwords.hashing import NICE, Hasher
from idp.passwords.queue import Asker
from tests.demo.running import wait_until
from tests.faults.catalogue import fault

DIGESTS = Digests("m" * 32)
HASHER = Hasher(DIGESTS, cost=4, concurrency=2, queue_limit=8)


def test_a_password_is_recognised_and_another_is_not() -> None:
    stored = HASHER.hash("Cheval-Bleu-42x")

    assert HASHER.verify("Cheval-Bleu-42x", stored)
    assert not HASHER.verify("cheval-Bleu-42x", stored)
    assert not HASHER.verify("Cheval-Bleu-42x ", stored)
    assert not HASHER.verify("", stored)


def test_every_character_counts_beyond_what_bcrypt_reads() -> None:
    stored = HASHER.hash("x" * 100)

    assert not HASHER.verify("x" * 99 + "y", stored)
    assert not HASHER.verify("x" * 72, stored)


def test_nul_ends_nothing() -> None:
    assert not HASHER.verify("ab\x00d", HASHER.hash("ab\x00c"))


def test_the_same_keys_on_another_keyboard_give_the_same_password() -> None:
    assert HASHER.verify("e\u0301te\u0301-Bleu-42", HASHER.hash("\u00e9t\u00e9-Bleu-42"))


def test_nothing_stored_verifies_nothing() -> None:
    assert not HASHER.verify("decoy", None)
    assert not HASHER.verify("", None)


def test_a_stolen_hash_is_useless_without_the_key() -> None:
    stored = HASHER.hash("Cheval-Bleu-42x")

    assert not Hasher(Digests("n" * 32), cost=4, concurrency=2, queue_limit=8).verify("Cheval-Bleu-42x", stored)


@pytest.mark.parametrize(
    "write", [str.lower, lambda p: p.replace("-", ""), lambda p: p.replace("-", " "), lambda p: f" {p} "]
)
def test_a_generated_password_may_be_copied_loosely(write) -> None:  # type: ignore[no-untyped-def]
    password, another = provisional_passwords(2)
    stored = HASHER.keyed(password)

    assert HASHER.verify(write(password), stored)
    assert not HASHER.verify(another, stored)
    assert not HASHER.verify(stored, stored)


def test_generated_passwords_are_unlike_and_unambiguous() -> None:
    made = provisional_passwords(3000)

    assert len(set(made)) == 3000
    assert all([len(group) for group in password.split("-")] == [4] * 4 for password in made)
    assert not set("".join(made)) - set(ALPHABET) - {"-"}
    assert not set("0O1IL2Z5S8BUV") & set(ALPHABET)


def test_another_cost_is_noticed() -> None:
    assert not HASHER.needs_rehash(HASHER.hash("x"))
    assert Hasher(DIGESTS, cost=5, concurrency=1, queue_limit=1).needs_rehash(HASHER.hash("x"))


class Held(Hasher):
    """Hashes only when it is let go, and counts how many it does at once."""

    def __init__(self, *, concurrency: int, queue_limit: int) -> None:
        super().__init__(DIGESTS, cost=4, concurrency=concurrency, queue_limit=queue_limit)
        self.let_go = threading.Event()
        self.begun = 0
        self._now = 0
        self.most = 0
        self._count = threading.Lock()

    def _done(self, by: Asker, work: Any) -> Any:
        def held() -> Any:
            with self._count:
                self.begun += 1
                self._now += 1
                self.most = max(self.most, self._now)
            self.let_go.wait()
            try:
                return work()
            finally:
                with self._count:
                    self._now -= 1

        return super()._done(by, held)


class Callers:
    """Threads that want a password hashed, and what came of each."""

    def __init__(self, hasher: Hasher) -> None:
        self._hasher = hasher
        self.outcomes: list[tuple[str, str]] = []
        self.waits: list[int] = []
        self._threads: list[threading.Thread] = []

    def come(self, asker: Asker) -> None:
        def call() -> None:
            try:
                self._hasher.hash("x", asker)
            except Overloaded as error:
                self.waits.append(error.facts["retry_after_seconds"])
                self.outcomes.append((asker.name, "refused"))
            else:
                self.outcomes.append((asker.name, "hashed"))

        self._threads.append(threading.Thread(target=call))
        self._threads[-1].start()

    def all_done(self) -> Counter[tuple[str, str]]:
        for thread in self._threads:
            thread.join()
        return Counter(self.outcomes)


@fault("X24")
def test_a_full_queue_turns_away_at_once_and_the_rest_is_hashed() -> None:
    hasher = Held(concurrency=2, queue_limit=3)
    callers = Callers(hasher)
    for _ in range(40):
        callers.come(Asker("198.51.100.1"))
    assert wait_until(lambda: len(callers.outcomes) == 35), "told before anything was hashed"
    with pytest.raises(Overloaded):
        hasher.require_room(Asker("198.51.100.1"))
    hasher.let_go.set()

    assert min(callers.waits) > 0
    assert callers.all_done() == {("198.51.100.1", "refused"): 35, ("198.51.100.1", "hashed"): 5}
    assert hasher.hash("the queue is free again")
    hasher.require_room(Asker("198.51.100.1"))


@fault("X24")
def test_a_network_that_fills_the_queue_gives_way_to_others() -> None:
    hasher = Held(concurrency=1, queue_limit=4)
    callers = Callers(hasher)
    for _ in range(5):
        callers.come(Asker("203.0.113.9"))
    assert wait_until(lambda: hasher.begun == 1 and len(hasher._queue) == 4)
    for number in range(3):
        callers.come(Asker(f"192.0.2.{number}"))
    assert wait_until(lambda: len(callers.outcomes) == 3)
    hasher.let_go.set()

    done = callers.all_done()
    assert done["203.0.113.9", "refused"] == 3
    assert sum(done[f"192.0.2.{number}", "hashed"] for number in range(3)) == 3


@fault("X32")
def test_however_many_want_it_no_more_than_so_many_are_hashed_at_once() -> None:
    """What hashing needs in memory and processors is bounded by a setting, whatever arrives."""
    hasher = Held(concurrency=3, queue_limit=61)
    callers = Callers(hasher)
    for number in range(64):
        callers.come(Asker(str(number)))
    assert wait_until(lambda: hasher.begun == 3 and len(hasher._queue) == 61)
    hasher.let_go.set()

    assert sum(callers.all_done().values()) == 64
    assert hasher.most == 3
    assert len([thread for thread in threading.enumerate() if thread in hasher._pool._threads]) == 3


def test_a_failure_of_hashing_is_told_to_who_asked_and_ends_nothing() -> None:
    with pytest.raises(ValueError, match="salt"):
        HASHER.verify("x", "$2b$no hash at all")

    assert HASHER.hash("x")


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="threads have priorities of their own on Linux")
def test_hashing_stands_back_and_nothing_else_does() -> None:
    HASHER.hash("x")
    own = os.getpriority(os.PRIO_PROCESS, threading.get_native_id())

    hashing = {os.getpriority(os.PRIO_PROCESS, thread.native_id or 0) for thread in HASHER._pool._threads}
    assert hashing == {min(19, own + NICE)}
