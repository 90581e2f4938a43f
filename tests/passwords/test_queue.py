"""Who is next, and who must go, when passwords wait for their turn."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idp.passwords.queue import Asker, FairQueue

ATTACKER = Asker("203.0.113.9")


def stranger(number: int) -> Asker:
    return Asker(f"192.0.2.{number}")


def known(number: int) -> Asker:
    return Asker(f"device:{number}", proven=True)


def all_of(queue: FairQueue[str]) -> list[str]:
    return [queue.take() for _ in range(len(queue))]


def test_one_askers_passwords_keep_their_order() -> None:
    queue: FairQueue[str] = FairQueue(10)
    for number in range(5):
        queue.put(ATTACKER, f"a{number}")

    assert all_of(queue) == ["a0", "a1", "a2", "a3", "a4"]


def test_a_network_that_sends_a_thousand_waits_behind_itself() -> None:
    queue: FairQueue[str] = FairQueue(1000)
    for number in range(900):
        queue.put(ATTACKER, f"a{number}")
    queue.put(stranger(1), "lea")
    queue.put(stranger(2), "roland")

    assert [queue.take() for _ in range(3)] == ["a0", "lea", "roland"]


def test_who_has_proven_something_takes_every_second_turn() -> None:
    queue: FairQueue[str] = FairQueue(100)
    for number in range(6):
        queue.put(stranger(number), f"s{number}")
    for number in range(3):
        queue.put(known(number), f"k{number}")

    assert all_of(queue) == ["k0", "s0", "k1", "s1", "k2", "s2", "s3", "s4", "s5"]


def test_when_it_is_full_the_newest_of_who_has_the_most_must_go() -> None:
    queue: FairQueue[str] = FairQueue(10)
    for number in range(10):
        queue.put(ATTACKER, f"a{number}")

    assert queue.put(ATTACKER, "a10") == "a10", "the attacker's own next one"
    assert queue.put(stranger(1), "lea") == "a9"
    assert queue.put(stranger(2), "roland") == "a8"
    assert len(queue) == 10


def test_equals_do_not_push_each_other_out() -> None:
    queue: FairQueue[str] = FairQueue(3)
    for number in range(3):
        queue.put(stranger(number), f"s{number}")

    assert queue.put(stranger(9), "late") == "late"
    assert not queue.has_room(stranger(9))


def test_a_thousand_networks_do_not_keep_out_a_browser_that_is_known() -> None:
    """The botnet of decision 0016: each network has one password in the queue."""
    queue: FairQueue[str] = FairQueue(8)
    for number in range(8):
        queue.put(stranger(number), f"s{number}")

    assert queue.has_room(known(1))
    assert queue.put(known(1), "owner") == "s0"
    assert queue.take() == "owner"


def test_known_browsers_do_not_push_each_other_out_either() -> None:
    queue: FairQueue[str] = FairQueue(2)
    queue.put(known(1), "k1")
    queue.put(known(2), "k2")

    assert queue.put(known(3), "k3") == "k3"
    assert queue.put(stranger(1), "s") == "s", "nor do strangers push out who is known"


def test_nothing_can_be_taken_from_an_empty_queue() -> None:
    with pytest.raises(IndexError):
        FairQueue[str](3).take()


@given(
    st.integers(1, 6),
    st.lists(st.one_of(st.none(), st.tuples(st.integers(0, 4), st.booleans())), max_size=60),
)
def test_nothing_is_lost_and_nothing_comes_twice(limit: int, acts: list[tuple[int, bool] | None]) -> None:
    queue: FairQueue[int] = FairQueue(limit)
    inside: set[int] = set()
    for number, act in enumerate(acts):
        if act is not None:
            asker = Asker(str(act[0]), proven=act[1])
            room = queue.has_room(asker)
            gone = queue.put(asker, number)
            assert room == (gone != number)
            inside.add(number)
            if gone is not None:
                inside.remove(gone)
        elif inside:
            inside.remove(queue.take())
        assert len(queue) == len(inside) <= limit
    assert {queue.take() for _ in range(len(queue))} == inside
