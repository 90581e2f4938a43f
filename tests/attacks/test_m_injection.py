"""Group M: what is written into pages, headers, logs and JSON."""

from __future__ import annotations

import json
from typing import Any

import pytest

from idp.errors import DatabaseAway, IdpError, Overloaded
from tests.attacks import attack, inside
from tests.support.acts import sign_in
from tests.support.logs import logged
from tests.support.person import Page
from tests.support.world import STRONG, World

MARKUP = '"><script>alert(1)</script><img src=x onerror=alert(1)>'


@attack("M3", "M4")
def test_the_name_of_a_portal_is_text(world: World) -> None:
    letter, _ = world.member()
    name = 'L\'été & {{7*7}} ${7*7} "x"'  # a name with < or > cannot be registered
    portal = world.portal(letter, name=name)

    page = world.person().open(portal.authorize_url())

    assert page.status == 200
    assert name in page.text
    assert name not in page.html


@attack("M3")
def test_what_a_browser_calls_itself_is_shown_nowhere(world: World) -> None:
    letter, _ = world.member()
    person = world.person(headers={"User-Agent": MARKUP})
    sign_in(person, letter)

    for path in ("/profile", "/profile/password", "/logout", "/help"):
        assert "onerror" not in person.open(path).html


SPLITTERS = ["a%0d%0aX-Evil:%20y", "a%0aSet-Cookie:%20evil=1", "%E5%98%8D%E5%98%8AX-Evil:%20y", "a%00b", "%E2%80%A8X"]


@attack("M5")
@pytest.mark.parametrize("value", SPLITTERS, ids=range(len(SPLITTERS)))
def test_no_value_begins_a_header(world: World, value: str) -> None:
    letter, _ = world.member()
    portal = world.portal(letter)
    person = world.signed_in(letter)
    for path in (
        portal.authorize_url(state=None) + f"&state={value}",
        f"/login?client={value}&societe={value}",
        f"/login/codes?client={value}&then={value}",
        f"/oauth/logout?state={value}&client_id={value}&post_logout_redirect_uri={value}",
        f"/reset?{letter.query}&identifier={value}&merge={value}",
        f"/{value}",
    ):
        for headers in (
            {},
            {"X-Request-Id": value, "Accept-Language": value, "Cookie": f"agency={value}; language={value}"},
        ):
            response = person.get(path, headers=headers)
            assert response.status_code < 500, path
            assert "x-evil" not in response.headers
            assert "evil" not in response.cookies


FORGED = [
    'x\n{"level":"info","message":"login ok"}',
    "\x1b[2J\x1b[31m",
    "a%0ab",
    '","level":"critical","x":"',
    "y" * 50_000,
    "z" * 1_000_000,
]


@attack("M7")
@pytest.mark.parametrize("value", FORGED, ids=range(len(FORGED)))
def test_one_event_is_one_line_of_the_log_whatever_was_typed(world: World, value: str) -> None:
    letter, _ = world.member()
    person = world.person(headers={"User-Agent": "x", "X-Request-Id": "a-request-id"})
    with logged(world) as told:
        person.open(f"/login?{letter.query}")
        person.submit(identifier=value, password=STRONG)
        person.get("/nothing/here", params={"q": value[:50_000]})
        lines = told()

    assert lines
    for line in lines:
        fields = set(json.loads(line))
        assert fields >= {"at", "level", "message"} or fields >= {"at", "address", "path"}, (
            "of the provider, or of nginx"
        )
        assert len(line) < 2_000
        assert "\x1b" not in line
        assert "login ok" not in line


@attack("M10")
@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/nothing", 404),
        ("GET", "/console", 404),
        ("GET", "/?__debugger__=yes&cmd=resource&f=debugger.js", 303),
        ("DELETE", "/login", 405),
        ("POST", "/login/codes", 400),
        ("GET", "/upgrade/x", 404),
        ("GET", "/oauth/authorize", 400),
        ("GET", "/%ff%fe", 404),
        ("GET", "/../../etc/passwd", 404),
        ("GET", "/static/../idp/settings.py", 404),
    ],
)
def test_a_failure_page_is_french_numbered_and_says_nothing_of_the_inside(
    world: World, method: str, path: str, status: int
) -> None:
    response = world.person().http.request(method, path, headers={"X-Debug": "1"})

    assert response.status_code == status
    for within in ("Traceback", "werkzeug", "sqlalchemy", "SELECT ", "/idp/", "flask", "Python/"):
        assert within not in response.text
    if status >= 400:
        page = Page(response)
        assert 'lang="fr"' in page.html
        assert response.headers.get("x-request-id", "") in page.html
        assert page.ways or page.forms


@attack("M10")
@pytest.mark.parametrize(
    ("status", "code", "sent"),
    [
        (403, "GEN-09", {"headers": {"Sec-Fetch-Site": "cross-site"}, "data": {"identifier": "x"}}),
        (413, "GEN-04", {"data": {"identifier": "x" * 1_000_000}}),
        (400, "GEN-05", {"json": {"identifier": "x"}}),
    ],
    ids=["403", "413", "400"],
)
def test_a_refused_post_gets_a_french_page_with_its_number_and_a_way_on(
    world: World, status: int, code: str, sent: dict[str, Any]
) -> None:
    response = world.person().http.post(f"/login?{world.agency().query}", **sent)

    page = Page(response)
    assert (page.status, 'lang="fr"' in page.html) == (status, True)
    assert code in page.text
    assert response.headers["x-request-id"] in page.html
    assert page.ways or page.forms


@attack("M10")
@inside("fails on purpose, as no request can make it")
@pytest.mark.parametrize("failure", [Overloaded(retry_after_seconds=5), DatabaseAway(retry_after_seconds=10)])
def test_a_service_that_cannot_answer_now_says_when_to_come_back(world: World, failure: IdpError) -> None:
    app = world.server.app
    with app.test_request_context("/login", base_url=world.base):
        response = app.make_response(app.handle_user_exception(failure))

    assert response.status_code == 503
    assert failure.code in response.get_data(as_text=True)
    assert int(response.headers["Retry-After"]) > 0
    assert 'href="/login"' in response.get_data(as_text=True)


@attack("M13")
@pytest.mark.parametrize(
    "headers", [{"Host": "evil.example"}, {"X-Forwarded-Host": "evil.example"}, {"Forwarded": "host=evil.example"}]
)
def test_a_forged_host_is_in_no_answer(world: World, headers: dict[str, str]) -> None:
    letter, _ = world.member()
    for path in ("/.well-known/openid-configuration", f"/login?{letter.query}", "/nothing", "/", "/oauth/jwks"):
        response = world.person().get(path, headers=headers)
        assert "evil.example" not in response.text
        assert "evil.example" not in str(response.headers)


@attack("M14")
@pytest.mark.parametrize("path", ["/oauth/token", "/oauth/introspect", "/oauth/revoke", "/oauth/userinfo"])
def test_an_answer_for_machines_is_never_a_page(world: World, path: str) -> None:
    letter, _ = world.member()
    portal = world.portal(letter)
    data = {"grant_type": MARKUP, "token": MARKUP, "code": MARKUP, "scope": MARKUP, "access_token": MARKUP}

    response = world.person().http.post(
        path, data=data, headers={"Accept": "text/html"}, auth=(portal.client_id, portal.secret or "")
    )

    assert response.status_code < 500
    assert response.headers["x-content-type-options"] == "nosniff"
    assert "html" not in response.headers["content-type"]
