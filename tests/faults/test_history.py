"""The checker: it accepts what a correct service may have done while answers were lost, and nothing else.

A model of a correct service, whose answers are lost at random, must never be reported (Hypothesis runs it); histories
that break an invariant must.
"""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from tests.faults.history import History, Kind, Operation, Result, impossible

OK, FAIL, INFO = Result.OK, Result.FAIL, Result.INFO


def told(kind: Kind, *operations: tuple[Any, ...]) -> History:
    """A history of one key. operations: result, value, and began and ended where the order is not the given one."""
    history = History()
    for number, (result, value, *instants) in enumerate(operations):
        began, ended = instants or (number, number + 0.5)
        history.operations.append(Operation(kind, "k", value, began, ended, result))
    return history


@pytest.mark.parametrize(
    ("kind", "operations", "held", "words"),
    [
        (Kind.CODE, [(OK, "a"), (OK, "b")], [], "redeemed 2 times"),
        (Kind.CODE, [(FAIL, None), (OK, "a")], [], "lost"),
        (Kind.CODE, [(FAIL, None, 0, 1), (INFO, None, 2, 3)], [], "lost"),
        (Kind.FAMILY, [(OK, "a"), (OK, "b")], [], "2 successors"),
        (Kind.FAMILY, [(INFO, None), (FAIL, None)], [], "lost"),
        (Kind.LINK, [(OK, "a"), (OK, "b")], ["b"], "consumed 2 times"),
        (Kind.LINK, [(OK, "a")], ["old"], "is what holds"),
        (Kind.LINK, [(FAIL, "a")], ["a"], "nobody can have set"),
        (Kind.MERGE, [(OK, "a")], [], "found in"),
        (Kind.MERGE, [(OK, "a")], ["a", "a"], "2 places"),
        (Kind.MERGE, [(FAIL, "a")], ["a"], "nobody can have merged"),
        (Kind.ADDRESS, [(OK, "l1"), (OK, "l2")], ["l1"], "promised"),
        (Kind.ADDRESS, [(OK, "l1")], ["l2"], "owned by"),
        (Kind.ADDRESS, [(INFO, "l1")], ["l2"], "nobody can have made"),
        (Kind.MAIL, [(OK, None), (OK, None)], ["x"], "promised, 1 came"),
        (Kind.MAIL, [(OK, None)], ["x", "x", "x"], "3 times"),
        (Kind.MAIL, [(OK, None)], ["x", "y"], "2 different mails"),
    ],
)
def test_what_cannot_have_happened_is_reported(kind: Kind, operations: Any, held: list[Any], words: str) -> None:
    found = impossible(told(kind, *operations), {kind: {"k": held}})
    assert any(words in one for one in found), found


@pytest.mark.parametrize(
    ("kind", "operations", "held"),
    [
        (Kind.CODE, [(INFO, None), (FAIL, None)], []),
        (Kind.CODE, [(INFO, None), (OK, "a")], []),
        (Kind.CODE, [(FAIL, None, 0, 3), (OK, "a", 1, 2)], []),
        (Kind.FAMILY, [(INFO, None), (OK, "a"), (OK, "a")], []),
        (Kind.LINK, [(INFO, "a"), (FAIL, "b")], ["a"]),
        (Kind.LINK, [(INFO, "a"), (OK, "b")], ["b"]),
        (Kind.MERGE, [(INFO, "a")], []),
        (Kind.MERGE, [(INFO, "a")], ["a"]),
        (Kind.ADDRESS, [(INFO, "l1"), (FAIL, "l2")], ["l1"]),
        (Kind.MAIL, [(INFO, None), (OK, None)], ["x", "x"]),
    ],
)
def test_a_lost_answer_may_or_may_not_have_happened(kind: Kind, operations: Any, held: list[Any]) -> None:
    assert impossible(told(kind, *operations), {kind: {"k": held}}) == []


class CorrectService(RuleBasedStateMachine):
    """Codes, refresh tokens, a link and a merge of a service that is right, one act after the other, answers lost."""

    @initialize()
    def begin(self) -> None:
        self.history = History()
        self.codes: dict[str, bool] = {}
        self.successors: dict[str, str] = {}
        self.newest = "t0"
        self.link: str | None = None
        self.merged: list[str] = []
        self.clock = 0

    def tell(self, kind: Kind, key: str, value: Any, result: Result, *, lost: bool) -> None:
        self.clock += 2
        self.history.operations.append(
            Operation(kind, key, value, self.clock, self.clock + 1, INFO if lost else result)
        )

    @rule(number=st.integers(0, 3), lost=st.booleans(), arrives=st.booleans())
    def redeem(self, number: int, lost: bool, arrives: bool) -> None:
        key = f"c{number}"
        result = FAIL if self.codes.get(key) else OK
        if arrives or not lost:
            self.codes[key] = True
        self.tell(Kind.CODE, key, None, result, lost=lost)

    @rule(lost=st.booleans())
    def refresh(self, lost: bool) -> None:
        token = self.newest
        successor = self.successors.setdefault(token, f"{token}.")
        self.tell(Kind.FAMILY, token, successor, OK, lost=lost)
        if not lost:
            self.newest = successor

    @rule(word=st.sampled_from("abc"), lost=st.booleans(), arrives=st.booleans())
    def reset(self, word: str, lost: bool, arrives: bool) -> None:
        result = OK if self.link is None else FAIL
        if self.link is None and (arrives or not lost):
            self.link = word
        self.tell(Kind.LINK, "k", word, result, lost=lost)

    @rule(lost=st.booleans(), arrives=st.booleans())
    def merge(self, lost: bool, arrives: bool) -> None:
        if not self.merged and (arrives or not lost):
            self.merged = ["account"]
        self.tell(Kind.MERGE, "letter", "account", OK, lost=lost)

    @invariant()
    def nothing_is_reported(self) -> None:
        if hasattr(self, "history"):
            truth = {Kind.LINK: {"k": [self.link]}, Kind.MERGE: {"letter": self.merged}}
            assert impossible(self.history, truth) == []


TestCorrectService = CorrectService.TestCase
TestCorrectService.settings = settings(max_examples=30, stateful_step_count=15, deadline=None)
