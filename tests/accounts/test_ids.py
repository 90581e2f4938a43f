"""The id of an account, which is the subject of its tokens."""

from __future__ import annotations

from dataclasses import replace

from idp.accounts import store
from tests.support.world import World


def test_an_account_id_is_never_taken_for_an_option(world: World) -> None:
    deps = replace(world.deps, new_token=lambda bits: "-h" + "x" * (bits // 6))
    assert store.new_account_id(deps) == "Ah" + "x" * 21
