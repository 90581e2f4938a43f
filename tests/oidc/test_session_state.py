"""Whether a portal's page can see that the sign-in changed (OpenID Connect Session Management 1.0), in Chromium."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser
from werkzeug.serving import make_server

from tests.support.mailbox import Mailbox
from tests.support.person import Person
from tests.support.world import HTTP, ProviderServer, World, answer

ASK = """([frame, message]) => new Promise((done) => {
  const inside = document.createElement("iframe");
  addEventListener("message", (event) => done(event.data), { once: true });
  inside.onload = () => inside.contentWindow.postMessage(message, new URL(frame).origin);
  inside.src = frame;
  document.body.append(inside);
})"""


@pytest.fixture(scope="module")
def framed(tmp_path_factory: pytest.TempPathFactory, mailbox: Mailbox) -> Iterator[World]:
    """A provider with the setting on."""
    url = f"sqlite:///{tmp_path_factory.mktemp('framed') / 'idp.sqlite'}"
    server = ProviderServer(url, mailbox, IDP_SESSION_IFRAME="true")
    yield World(server)
    server.stop()


@pytest.fixture(scope="module")
def site() -> Iterator[str]:
    """The portal's own page."""

    def page(_environ: object, start: object) -> list[bytes]:
        start("200 OK", [("Content-Type", "text/html")])  # type: ignore[operator]
        return [b"<!DOCTYPE html><title>x</title>"]

    server = make_server("127.0.0.1", 0, page, threaded=True)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def ask(chromium: Browser, world: World, person: Person, site: str, message: str) -> str:
    """What the frame answers the portal's page, in a browser with this person's cookies."""
    context = chromium.new_context()
    try:
        cookies = [{"name": c.name, "value": c.value or "", "url": world.base} for c in person.http.cookies.jar]
        context.add_cookies(cookies)  # type: ignore[arg-type]
        page = context.new_page()
        page.goto(site)
        return str(page.evaluate(ASK, [f"{world.base}/oauth/check_session", message]))
    finally:
        context.close()


def test_the_frame_says_unchanged_until_the_person_signs_out(chromium: Browser, framed: World, site: str) -> None:
    letter, _ = framed.member()
    portal = framed.portal(letter, redirect_uris=(f"{site}/retour",))
    person = framed.signed_in(letter)
    person.open(portal.authorize_url())
    state = answer(person.sent_to)["session_state"]
    message = f"{portal.client_id} {state}"
    assert ask(chromium, framed, person, site, message) == "unchanged"
    assert ask(chromium, framed, person, site, f"another {state}") == "changed"
    assert ask(chromium, framed, person, site, "nonsense") == "error"
    person.open("/logout")
    person.submit("Me déconnecter")
    assert ask(chromium, framed, person, site, message) == "changed"


def test_who_signs_in_for_the_portal_has_the_state_too(chromium: Browser, framed: World, site: str) -> None:
    letter, _ = framed.member()
    portal = framed.portal(letter, redirect_uris=(f"{site}/retour",))
    person = framed.person()
    person.open(portal.authorize_url())
    person.submit(identifier=letter.email or "", password="Cheval-Bleu-42x")
    message = f"{portal.client_id} {answer(person.sent_to)['session_state']}"
    assert ask(chromium, framed, person, site, message) == "unchanged"


def test_another_person_at_this_browser_is_a_change(chromium: Browser, framed: World, site: str) -> None:
    letter, _ = framed.member()
    other, _ = framed.member()
    portal = framed.portal(letter, redirect_uris=(f"{site}/retour",))
    person = framed.signed_in(letter)
    person.open(portal.authorize_url())
    message = f"{portal.client_id} {answer(person.sent_to)['session_state']}"
    person.open(f"/login?{other.query}")
    person.submit(having="password", identifier=other.email or "", password="Cheval-Bleu-42x")
    assert ask(chromium, framed, person, site, message) == "changed"


def test_the_state_is_salted_and_bound_to_portal_and_origin(framed: World, site: str) -> None:
    letter, _ = framed.member()
    portal = framed.portal(letter, redirect_uris=(f"{site}/retour",))
    person = framed.signed_in(letter)
    states = []
    for _ in range(2):
        person.open(portal.authorize_url())
        states.append(answer(person.sent_to)["session_state"])
    kept = next(c.value for c in person.http.cookies.jar if c.name == "session-state")
    for state in states:
        hashed, salt = state.split(".")
        assert hashed == hashlib.sha256(f"{portal.client_id} {site} {kept} {salt}".encode()).hexdigest()
    assert states[0] != states[1]
    assert kept not in "".join(states)


def test_only_this_page_may_be_framed_and_it_loads_only_our_script(framed: World) -> None:
    page = HTTP.get(f"{framed.base}/oauth/check_session")
    assert page.headers["content-security-policy"] == (
        "default-src 'none'; script-src 'self'; frame-ancestors *; base-uri 'none'"
    )
    assert "x-frame-options" not in page.headers
    assert "set-cookie" not in page.headers
    assert HTTP.get(f"{framed.base}/help").headers["x-frame-options"] == "DENY"


def test_the_metadata_name_the_frame_while_there_is_one(framed: World, world: World) -> None:
    path = "/.well-known/openid-configuration"
    assert HTTP.get(framed.base + path).json()["check_session_iframe"] == f"{framed.base}/oauth/check_session"
    assert "check_session_iframe" not in HTTP.get(world.base + path).json()


def test_without_the_setting_there_is_no_frame_no_state_and_no_cookie(world: World) -> None:
    letter, _ = world.member()
    person = world.signed_in(letter)
    person.open(world.portal(letter).authorize_url())
    assert "session_state" not in answer(person.sent_to)
    assert "session-state" not in person.http.cookies
    assert HTTP.get(f"{world.base}/oauth/check_session").status_code == 404


def test_the_script_needs_nothing_that_old_browsers_lack() -> None:
    from idp.settings import ROOT

    script = Path(ROOT / "idp/static/check_session.js").read_text(encoding="utf-8")
    assert "import " not in script
    assert "await" not in script
