"""Group O: requests that are to cost more than they are worth."""

from __future__ import annotations

import gc
import gzip

import pytest
from sqlalchemy import func, select

from idp import purge
from idp.oidc.authorize.tables import AuthorizationRequest
from tests.attacks import attack, inside
from tests.support.world import HTTP, World

MANY = 200


@inside("counts objects in the memory of the provider")
@attack("O4")
def test_requests_that_are_never_finished_leave_nothing_in_memory_and_in_the_end_nothing_at_all(world: World) -> None:
    agency = world.agency()
    portal = world.portal(agency)

    def begin(number: int) -> None:
        HTTP.get(portal.authorize_url(state=f"state-{number}", ui_locales=f"x{number} fr-{number}"))
        HTTP.get(f"{world.base}/login?client=c{number}&societe=s{number}", headers={"Accept-Language": f"q{number}"})
        portal.post("/oauth/par", response_type="code", redirect_uri=portal.redirect_uri, scope="openid", nonce="n")
        HTTP.post(f"{world.base}/oauth/token", data={"client_id": f"client-{number}", "grant_type": f"grant-{number}"})

    for number in range(20):  # what is kept once is kept now
        begin(number)
    gc.collect()
    before = len(gc.get_objects())
    for number in range(20, 20 + MANY):
        begin(number)
    gc.collect()

    assert len(gc.get_objects()) - before < MANY, "less than one object each"
    world.clock.advance(days=400)
    with world.server.app.app_context():
        dict(purge.run(world.deps))
    with world.reading() as db:
        assert db.scalar(select(func.count()).select_from(AuthorizationRequest)) == 0


@attack("O7")
@pytest.mark.parametrize(
    "languages",
    [
        "x" * 60_000,
        "../../etc/passwd",
        "fr;q=" + "9" * 4_000,
        ",".join(f"a{n};q=0.{n}" for n in range(9_000)),
        "en;q=nan",
    ],
    ids=["long", "path", "weight", "many", "not-a-number"],
)
def test_a_hostile_list_of_languages_is_answered_in_french_or_not_at_all(world: World, languages: str) -> None:
    response = HTTP.get(f"{world.base}/help", headers={"Accept-Language": languages})

    assert response.status_code in (200, 400, 431)
    assert response.status_code != 200 or 'lang="fr"' in response.text or languages.startswith("en")


@attack("O8")
def test_a_body_that_unpacks_to_gigabytes_is_not_unpacked(world: World) -> None:
    portal = world.portal(world.agency())
    bomb = gzip.compress(b"grant_type=client_credentials&x=" + b"a" * 50_000_000)

    response = HTTP.post(
        f"{world.base}/oauth/token",
        content=bomb,
        headers={"Content-Encoding": "gzip", "Content-Type": "application/x-www-form-urlencoded"},
        auth=(portal.client_id, portal.secret or ""),
    )

    assert response.status_code == 400
    assert response.json()["error"] in ("invalid_request", "unsupported_grant_type")
