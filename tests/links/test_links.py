"""Mailed secrets: opened as often as one likes, used once."""

from __future__ import annotations

import secrets
import threading

import pytest
from sqlalchemy import select

from idp.errors import LinkUnknown, LinkUsed
from idp.links import store as links
from idp.links.store import LinkKind, Mailed
from idp.links.tables import Link
from tests.support.world import World


def a_link(
    world: World, *, kind: LinkKind = LinkKind.UPGRADE, flow: str = "", email: str = "lea@exemple.org", within: str = ""
) -> str:
    token = secrets.token_urlsafe(32)
    with world.transaction() as db:
        links.issue(
            db, world.deps, kind=kind, flow_id=flow or secrets.token_hex(8), email_key=email, token=token, within=within
        )
    return token


def find(world: World, token: str, kind: LinkKind = LinkKind.UPGRADE, within: str = "") -> Mailed:
    with world.reading() as db:
        return links.find(db, world.deps, kind=kind, token=token, within=within)


def test_finding_a_link_spends_nothing(world: World) -> None:
    token = a_link(world)

    assert find(world, token) == find(world, token)


def test_of_sixteen_that_use_a_link_at_once_one_wins(world: World) -> None:
    mailed = find(world, a_link(world))
    barrier = threading.Barrier(16)
    won: list[bool] = []

    def use() -> None:
        barrier.wait()
        try:
            with world.transaction() as db:
                links.consume(db, mailed, now=world.clock())
            won.append(True)
        except LinkUsed:
            won.append(False)

    threads = [threading.Thread(target=use) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert won.count(True) == 1


def test_a_used_link_says_so_and_names_its_flow(world: World) -> None:
    token = a_link(world, flow="flow-of-it")
    mailed = find(world, token)
    with world.transaction() as db:
        assert links.flow_of_used(db, world.deps, kind=LinkKind.UPGRADE, token=token) is None
        links.consume(db, mailed, now=world.clock())

    with pytest.raises(LinkUsed):
        find(world, token)
    with world.reading() as db:
        assert links.flow_of_used(db, world.deps, kind=LinkKind.UPGRADE, token=token) == "flow-of-it"


def test_an_expired_link_is_unknown_and_cannot_be_used(world: World) -> None:
    token = a_link(world)
    mailed = find(world, token)
    world.clock.advance(hours=24)

    with pytest.raises(LinkUnknown):
        find(world, token)
    with world.transaction() as db, pytest.raises(LinkUsed):
        links.consume(db, mailed, now=world.clock())


@pytest.mark.parametrize("other", [LinkKind.RESET, LinkKind.UPGRADE_CODE])
def test_a_link_of_one_kind_is_none_of_another(world: World, other: LinkKind) -> None:
    token = a_link(world)

    with pytest.raises(LinkUnknown):
        find(world, token, other)


def test_a_code_works_for_its_letter_only(world: World) -> None:
    code = a_link(world, kind=LinkKind.UPGRADE_CODE, within="letter")

    assert find(world, code, LinkKind.UPGRADE_CODE, within="letter")
    for within in ("", "another"):
        with pytest.raises(LinkUnknown):
            find(world, code, LinkKind.UPGRADE_CODE, within=within)


def test_voiding_spares_the_address_that_counts_and_what_was_used(world: World) -> None:
    flow = secrets.token_hex(8)
    kept = a_link(world, flow=flow, email="lea@exemple.org")
    voided = a_link(world, flow=flow, email="ana@exemple.org")

    with world.transaction() as db:
        links.void_others(db, flow_ids=[flow], email_key="lea@exemple.org")

    assert find(world, kept)
    with pytest.raises(LinkUnknown):
        find(world, voided)


def test_voiding_an_address_spares_other_kinds(world: World) -> None:
    email = f"{secrets.token_hex(4)}@exemple.org"
    upgrade, reset = a_link(world, email=email), a_link(world, kind=LinkKind.RESET, email=email)

    with world.transaction() as db:
        links.void_of_address(db, kind=LinkKind.RESET, email_key=email)

    assert find(world, upgrade)
    with pytest.raises(LinkUnknown):
        find(world, reset, LinkKind.RESET)


def test_the_secret_itself_is_not_stored(world: World) -> None:
    token = a_link(world)

    with world.reading() as db:
        assert token not in repr(db.execute(select(Link)).all())
        assert not [row for row in db.scalars(select(Link.digest)) if token in row]
