"""Pushed authorization requests (RFC 9126): left by the portal's server, started once, by one browser."""

from __future__ import annotations

import threading
from typing import Any
from urllib.parse import urlencode

import pytest

from tests.attacks import attack
from tests.support.world import HTTP, STRONG, Portal, World, answer


@pytest.fixture
def member(world: World):
    agency = world.agency()
    letter, _ = world.member(agency)
    return letter, world.portal(agency)


def parameters(portal: Portal, **changed: str | None) -> dict[str, str]:
    return {name: value for name, value in answer(portal.authorize_url(**changed)).items() if value}


def pushed(portal: Portal, **changed: str | None) -> Any:
    return portal.post("/oauth/par", **parameters(portal, **changed))


def url(portal: Portal, told: dict[str, Any], **more: str) -> str:

    query = {"client_id": portal.client_id, "request_uri": told["request_uri"], **more}
    return f"{portal.base}/oauth/authorize?{urlencode(query)}"


def test_a_pushed_request_is_answered_like_any_other(world: World, member) -> None:
    letter, portal = member
    response = pushed(portal)
    assert response.status_code == 201
    assert response.headers["cache-control"] == "no-store"
    told = response.json()
    assert 0 < told["expires_in"] <= 600
    person = world.person()
    assert person.open(url(portal, told)).path == "/login"
    person.submit(identifier=letter.email, password=STRONG)
    assert portal.redeem(person.sent_to).status_code == 200


@attack("E11")
def test_what_stands_beside_the_name_is_not_looked_at(world: World, member) -> None:
    letter, portal = member
    person = world.signed_in(letter)
    evil = url(
        portal, pushed(portal).json(), redirect_uri="https://evil.example/", scope="x", prompt="none", state="evil"
    )
    location = person.get(evil).headers["location"]
    assert location.startswith(portal.redirect_uri)
    assert answer(location)["state"] == "the-state"


@attack("E10")
def test_reloading_before_the_sign_in_works_and_nothing_does_afterwards(world: World, member) -> None:
    letter, portal = member
    told = pushed(portal).json()
    person = world.person()
    for _ in range(3):
        assert person.open(url(portal, told)).path == "/login"
    person.submit(identifier=letter.email, password=STRONG)
    assert "code" in answer(person.sent_to)
    assert person.get(url(portal, told)).status_code == 409
    assert world.signed_in(letter).get(url(portal, told)).status_code == 404


@attack("E10")
def test_it_works_for_the_client_that_pushed_it_and_for_a_minute_and_a_half(world: World, member) -> None:
    letter, portal = member
    other = world.portal(None)
    told = pushed(portal).json()
    person = world.signed_in(letter)
    assert person.get(url(other, told)).status_code == 404
    world.clock.advance(seconds=91)
    assert person.get(url(portal, told)).status_code == 404
    assert person.get(url(portal, {"request_uri": "urn:ietf:params:oauth:request_uri:guess"})).status_code == 404


def test_of_many_browsers_that_bring_one_name_one_owns_it(world: World, member) -> None:
    _, portal = member
    told = pushed(portal).json()
    people = [world.person() for _ in range(8)]
    barrier = threading.Barrier(len(people))
    statuses: list[int] = []

    def bring(person: Any) -> None:
        barrier.wait()
        statuses.append(person.get(url(portal, told)).status_code)

    threads = [threading.Thread(target=bring, args=(person,)) for person in people]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(statuses) == [303] + [404] * 7


@pytest.mark.parametrize(
    ("changed", "error"),
    [
        ({"redirect_uri": "https://evil.example/"}, "invalid_request"),
        ({"redirect_uri": None}, "invalid_request"),
        ({"response_type": None}, "invalid_request"),
        ({"response_type": "bogus"}, "unsupported_response_type"),
        ({"scope": "nothing"}, "invalid_scope"),
        ({"code_challenge": None}, "invalid_request"),
        ({"request_uri": "urn:ietf:params:oauth:request_uri:x"}, "invalid_request"),
        ({"client_id": "somebody-else"}, "invalid_request"),
        ({"request": "eyJ"}, "invalid_request_object"),
    ],
    ids=str,
)
@attack("E9")
def test_what_is_wrong_is_told_to_the_portals_server(member, changed, error: str) -> None:
    _, portal = member
    response = pushed(portal, **changed)
    assert (response.status_code, response.json()["error"]) == (400, error)


@attack("E9")
def test_a_stranger_cannot_push_and_a_browser_cannot_get(world: World, member) -> None:
    _, portal = member
    assert HTTP.post(f"{world.base}/oauth/par", data=parameters(portal)).status_code == 401
    wrong = HTTP.post(f"{world.base}/oauth/par", data=parameters(portal), auth=(portal.client_id, "wrong"))
    assert (wrong.status_code, wrong.json()["error"]) == (401, "invalid_client")
    assert HTTP.get(f"{world.base}/oauth/par").status_code == 405
