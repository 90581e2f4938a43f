"""Group O: requests that are to cost more than they are worth."""

from __future__ import annotations

import gc
import gzip
import itertools
import threading
from collections import Counter
from collections.abc import Iterator

import pytest
from sqlalchemy import func, select

from idp import purge
from idp.oidc.authorize.tables import AuthorizationRequest
from tests.attacks import attack, inside
from tests.demo.running import wait_until
from tests.support.front import Front
from tests.support.mailbox import Mailbox
from tests.support.world import HTTP, STRONG, World

MANY = 200
_ENOUGH = 10  # refreshes meanwhile


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

    numbers = itertools.count()

    def objects_after(requests: int) -> int:
        for _ in range(requests):
            begin(next(numbers))
        gc.collect()
        return len(gc.get_objects())

    # What is kept once (a cache, a pool, a mapper of the session's) shows in one round; a leak grows in each.
    counts = [objects_after(requests) for requests in (20, MANY, MANY, MANY)]
    growths = [later - earlier for earlier, later in itertools.pairwise(counts)]

    assert min(growths) < MANY, f"less than one object each: {growths}"
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


@pytest.fixture(scope="module")
def front(tmp_path_factory: pytest.TempPathFactory, mailbox: Mailbox) -> Iterator[Front]:
    """A service of its own, whose hashes take long and that lets few wait."""
    folder = tmp_path_factory.mktemp("rush")
    slow = {"IDP_BCRYPT_COST": "12", "IDP_HASHING_CONCURRENCY": "1", "IDP_HASHING_QUEUE_LIMIT": "1"}
    made = Front(f"sqlite:///{folder / 'idp.sqlite'}", mailbox, folder, **slow)
    yield made
    made.stop()


@attack("O5")
def test_while_too_many_sign_in_portals_get_their_tokens_and_people_are_told_to_come_back(front: Front) -> None:
    """Each of the eight asks for a quarter of a second of a processor at a time; nothing is said here about how long a token takes."""
    world = World(front)
    portal = world.portal(world.agency())
    page = f"/login?{world.agency().query}"
    statuses: Counter[int] = Counter()
    told: set[str] = set()
    ended = threading.Event()

    def guess(number: int) -> None:
        person = world.person()
        person.open(page)
        form = person.page.form(having="identifier")
        for count in itertools.count():
            if ended.is_set():
                return
            fields = {**form.fields, "identifier": f"n{number}.{count}@exemple.org", "password": STRONG}
            response = person.http.post(form.action, data=fields)
            statuses[response.status_code] += 1
            if response.status_code == 503:
                told.add(response.headers.get("retry-after", ""))

    crowd = [threading.Thread(target=guess, args=(number,)) for number in range(8)]
    for one in crowd:
        one.start()
    try:
        assert wait_until(lambda: statuses[503] > 0, 60), statuses
        answers = [portal.token(grant_type="client_credentials").status_code for _ in range(_ENOUGH)]
    finally:
        ended.set()
        for one in crowd:
            one.join()
        world.close()

    assert answers == [200] * _ENOUGH
    assert set(statuses) <= {400, 429, 503}
    assert "" not in told
