"""Group F: sessions, forgery, cookies. Most of it stands in tests/hostile/test_cookies.py and test_forgery.py."""

from __future__ import annotations

import re
from base64 import urlsafe_b64decode
from pathlib import Path

import pytest

from idp import migrations
from idp.app import create_app
from idp.settings import load
from tests.attacks import attack, inside
from tests.hostile.test_values import rows
from tests.support.acts import ask_for_account, ask_reset, confirm, show_letter, sign_in, to_merge
from tests.support.person import Page, Person
from tests.support.world import STRONG, World, answer


@attack("F2")
def test_a_sign_in_page_that_was_handed_over_gives_the_attacker_nothing(world: World) -> None:
    """The attacker opens a portal's request and sends the page's address to a victim, who signs in on it."""
    letter, _ = world.member()
    portal = world.portal(letter)
    attacker, victim = world.person(), world.person()
    attacker.open(portal.authorize_url(state="attackers"))
    page = attacker.page.url

    victim.open(page)
    victim.submit(identifier=letter.email or "", password=STRONG)

    assert "session" not in attacker.cookies
    assert attacker.open(page).path == "/login"
    authorization = re.findall(r"authorization=([\w-]+)", page)[0]
    assert attacker.open(f"/oauth/authorize/{authorization}/continue").path == "/login"


@attack("F3")
@pytest.mark.parametrize("by", ["merge", "upgrade"])
def test_the_secret_before_a_merge_or_an_upgrade_is_worthless(world: World, by: str) -> None:
    member, _ = world.member()
    person = world.signed_in(member)
    old = person.cookies["session"]
    world.clock.advance(minutes=1)

    if by == "merge":
        to_merge(world, world.letter(), member.email or "", person=person)
        person.submit(password=STRONG)
    else:
        letter = world.letter()
        ask_for_account(world, letter, person=person)
        confirm(world, person, letter.email)

    assert person.cookies["session"] != old
    assert world.person(cookies={"session": old}).open("/profile").path != "/profile"


@attack("F3")
def test_the_letter_alone_gives_no_session(world: World) -> None:
    person = world.person()
    show_letter(person, world.letter())

    assert "session" not in person.cookies


@attack("F8")
@pytest.mark.parametrize("headers", [{"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://evil.example"}])
def test_a_page_of_another_site_signs_nobody_in_as_the_attacker(world: World, headers: dict[str, str]) -> None:
    """It has the attacker's own token, which fits the attacker's browser only."""
    letter, _ = world.member()
    attacker = world.person()
    attacker.open(f"/login?{letter.query}")
    token = attacker.page.form(having="identifier").fields["csrf_token"]
    victim = world.person()
    victim.open(f"/login?{letter.query}")

    data = {"identifier": letter.email, "password": STRONG, "csrf_token": token}
    response = victim.http.post(f"/login?{letter.query}", data=data, headers=headers)

    assert response.status_code == 403
    assert "session" not in victim.cookies


@attack("F9")
@pytest.mark.parametrize("headers", [{}, {"Sec-Purpose": "prefetch"}, {"Purpose": "prefetch"}])
def test_opening_mailed_links_and_open_flows_changes_nothing(world: World, headers: dict[str, str]) -> None:
    letter, (member, _) = world.letter(), world.member()
    waiting = ask_for_account(world, letter)
    merging = to_merge(world, world.letter(), member.email or "")
    ask_reset(world.person(), member)
    paths = [world.link_for(letter.email), world.link_for(member.email)]
    flows = [f"{waiting.page.path.removesuffix('/sent')}{step}" for step in ("", "/email", "/password", "/sent")]
    before = rows(world)

    posted = [f"{waiting.page.path.removesuffix('/sent')}{step}" for step in ("/resend", "/code", "/continue")]
    posted += [
        f"{merging.page.path}/other-address",
        "/login/not-me",
        "/login/continue",
        "/language",
        "/profile/password",
    ]
    for path in (*paths, *flows, *posted, merging.page.path, f"{merging.page.path}/done", "/logout", "/profile"):
        for person in (waiting, merging, world.person()):
            assert person.get(path, headers=headers).status_code in (200, 303, 404), path
            assert person.http.head(path, headers=headers).status_code in (200, 303, 404), path

    assert rows(world) == before
    assert confirm(world, waiting, letter.email).heading == "Profil"
    assert merging.submit(password=STRONG).heading.startswith("Comptes associés")


@attack("F12")
def test_over_https_browsers_are_told_to_stay_there(tmp_path: Path) -> None:
    settings = load({"IDP_ISSUER": "https://compte.exemple.fr", "IDP_DATABASE_URL": f"sqlite:///{tmp_path / 'x'}"})
    app = create_app(settings)
    migrations.upgrade(app)
    client = app.test_client()
    for path in ("/login/codes", "/nothing", "/.well-known/openid-configuration", "/oauth/token"):
        response = client.get(path, base_url="https://compte.exemple.fr")
        assert "max-age=" in response.headers["Strict-Transport-Security"], path
        assert response.headers["X-Content-Type-Options"] == "nosniff", path
        assert response.headers["Referrer-Policy"] in ("same-origin", "no-referrer"), path
        assert not {"Server", "X-Powered-By"} & set(response.headers.keys()), path
    response = app.test_client().get("/login/codes", base_url="https://compte.exemple.fr")

    cookie = response.headers["Set-Cookie"]
    assert cookie.startswith("__Host-browser=")
    assert "Secure" in cookie
    assert int(re.findall(r"max-age=(\d+)", response.headers["Strict-Transport-Security"])[0]) >= 31_536_000
    assert response.headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert "camera=()" in response.headers["Permissions-Policy"]
    assert not {"Server", "X-Powered-By"} & set(response.headers.keys())


@attack("F14")
def test_back_after_signing_out_shows_nothing_of_the_person(world: World) -> None:
    letter, _ = world.member()
    person = world.signed_in(letter)
    profile = person.open("/profile")
    assert "HOAREAU" in profile.html
    assert profile.response.headers["cache-control"] == "no-store"

    person.submit(profile.form(having="csrf_token").buttons[0])

    assert "HOAREAU" not in person.open("/profile").html
    assert person.page.path != "/profile"


def visitor(world: World) -> Person:
    person = world.person()
    person.get("/login/codes")
    return person


@attack("F15")
def test_whatever_names_something_is_long_random_and_never_the_same(world: World) -> None:
    """What a browser is given: keys and sessions, flows, requests, codes, tokens."""
    letter, _ = world.member()
    portal = world.portal(letter)
    names = ("browser", "session", "authorization", "code", "refresh", "flow", "link")
    found: dict[str, list[str]] = {name: [] for name in names}
    for _ in range(25):
        person = world.person()
        person.open(portal.authorize_url(prompt="login"))
        found["authorization"] += re.findall(r"authorization=([\w-]+)", person.page.url)
        person.submit(identifier=letter.email or "", password=STRONG)
        found["browser"].append(person.cookies["browser"])
        found["session"].append(person.cookies["session"])
        found["code"].append(answer(person.sent_to)["code"])
        found["refresh"].append(portal.redeem(person.sent_to).json()["refresh_token"])
        found["flow"] += re.findall(r"/reset/([\w-]+)/sent", ask_reset(world.person(), letter).url)
        found["link"].append(world.link_for(letter.email).rsplit("/", 1)[1])
        world.forget_attempts()  # of mails to one address
    for _ in range(100):
        found["browser"].append(visitor(world).cookies["browser"])

    for name, values in found.items():
        assert len(set(values)) == len(values) >= 25, name
        assert all(re.fullmatch(r"[\w.-]{22,}", value) for value in values), name  # 22 characters hold 128 bits
        random = [value[-22:] for value in values]
        for position in range(8):
            assert len({value[position] for value in random}) > 8, f"{name}: place {position} hardly varies"
        assert sorted(random) != random, f"{name}: in the order of time"


@attack("F15")
@inside("asks the source of what names things itself")
def test_two_thousand_of_what_names_things_hold_what_they_promise(world: World) -> None:
    """The one source of all of them: no two alike, and no bit that is more often set than not."""
    for bits in (128, 256):
        made = [world.deps.new_token(bits) for _ in range(2000)]
        assert len(set(made)) == 2000
        raw = [urlsafe_b64decode(value + "=" * (-len(value) % 4)) for value in made]
        assert {len(value) * 8 for value in raw} == {bits}
        for place in range(bits):
            ones = sum(value[place // 8] >> place % 8 & 1 for value in raw)
            assert 800 < ones < 1200, f"bit {place} is set in {ones} of 2000"


@attack("F17")
def test_what_a_browser_is_remembered_by_opens_nothing(world: World) -> None:
    letter, _ = world.member()
    person = world.person()
    sign_in(person, letter)
    kept = {name: value for name, value in person.cookies.items() if name != "session"}
    assert set(kept) == {"browser", "agency", "device"}

    thief = world.person(cookies=kept)

    assert thief.open("/profile").path != "/profile"
    assert thief.open("/profile/password").path != "/profile/password"


@attack("F7")
def test_a_foreign_post_gets_a_page_with_a_way_on(world: World) -> None:
    letter, _ = world.member()
    person = world.signed_in(letter)
    page = Page(person.http.post("/logout", data={"a": "b"}, headers={"Sec-Fetch-Site": "cross-site"}))

    assert page.status == 403
    assert page.ways
    assert person.open("/profile").heading == "Profil"
