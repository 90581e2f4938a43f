"""Keeping passwords."""

from __future__ import annotations

import threading

import pytest

from idp.digests import Digests
from idp.errors import Overloaded
from idp.passwords.generated import ALPHABET, provisional_password
from idp.passwords.hashing import Hasher
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
    password = provisional_password()
    stored = HASHER.keyed(password)

    assert HASHER.verify(write(password), stored)
    assert not HASHER.verify(provisional_password(), stored)
    assert not HASHER.verify(stored, stored)


def test_generated_passwords_are_unlike_and_unambiguous() -> None:
    made = {provisional_password() for _ in range(200)}

    assert len(made) == 200
    assert not set("".join(made)) - set(ALPHABET) - {"-"}
    assert not set("0O1IL2Z5S8BUV") & set(ALPHABET)


def test_another_cost_is_noticed() -> None:
    assert not HASHER.needs_rehash(HASHER.hash("x"))
    assert Hasher(DIGESTS, cost=5, concurrency=1, queue_limit=1).needs_rehash(HASHER.hash("x"))


@fault("X24")
def test_a_full_queue_says_so_at_once() -> None:
    busy = Hasher(DIGESTS, cost=9, concurrency=1, queue_limit=1)
    barrier = threading.Barrier(12)
    outcomes: list[str] = []
    waits: list[int] = []

    def hash_one() -> None:
        barrier.wait()
        try:
            busy.hash("x")
            outcomes.append("hashed")
        except Overloaded as error:
            waits.append(error.facts["retry_after_seconds"])
            outcomes.append("refused")

    threads = [threading.Thread(target=hash_one) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert "refused" in outcomes
    assert outcomes.count("hashed") >= 2
    assert min(waits) > 0
    busy.hash("the queue is free again")
