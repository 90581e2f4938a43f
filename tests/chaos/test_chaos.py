"""Each seed is a test: whatever people do, nobody gets stuck, and nothing is half-made."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from random import Random

import pytest
from playwright.sync_api import Browser

from tests.chaos.chromium import ChromiumDevice
from tests.chaos.conftest import FIRST, IN_CHROMIUM, SEEDS
from tests.chaos.play import Failure, Line, play, script, shrink
from tests.support.world import World


def length(seed: int) -> int:
    return Random(f"{seed}: length").randint(4, 30)


@pytest.mark.parametrize("seed", range(FIRST, FIRST + SEEDS))
def test_whatever_people_do_everybody_gets_in_and_nothing_is_half_made(
    chaotic: Callable[[int], World], seed: int
) -> None:
    lines = script(seed, length(seed))
    failure = play(chaotic(seed), seed, lines)
    if failure is not None:
        pytest.fail(story(seed, lines, failure, *shrink(lambda: chaotic(seed), seed, lines, failure)), pytrace=False)


@pytest.mark.parametrize("seed", range(FIRST, FIRST + IN_CHROMIUM))
def test_the_same_holds_in_chromium(chaotic: Callable[[int], World], chromium: Browser, seed: int) -> None:
    """Shorter scripts with other dice, on SQLite: pages do not depend on the database, and a browser takes its time."""
    lines = script(seed + 1_000_000, length(seed) // 2)
    failure = play(chaotic(0), seed + 1_000_000, lines, partial(ChromiumDevice, chromium))
    if failure is not None:
        pytest.fail(story(seed, lines, failure, lines, failure), pytrace=False)


def story(seed: int, lines: list[Line], failure: Failure, fewer: list[Line], shorter: Failure) -> str:
    """What a developer needs: the rule, all of the script, the short one, and how to see it again."""
    return "\n".join(
        (
            f"seed {seed}: {failure.rule}",
            f"again: make chaos SEEDS=1 FROM={seed}",
            f"--- all {len(lines)} acts:",
            *failure.told,
            f"--- {len(fewer)} acts break the same rule: {shorter.rule}",
            f"{[(line.act, line.dice) for line in fewer]}",
            *shorter.told,
        )
    )
