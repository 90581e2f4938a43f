"""Consent: asked of whoever uses an application that is not the agencies' own, kept, shown and taken back."""

from __future__ import annotations

import json
import secrets
import threading
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from idp.oidc.consent import flow, store
from idp.oidc.consent.flow import Consent
from tests.support.acts import sign_in
from tests.support.person import Page, Person
from tests.support.world import HTTP, Letter, Portal, World, answer

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


@dataclass
class Scene:
    world: World
    letter: Letter
    account_id: str
    portal: Portal
    person: Person

    def ask(self, scope: str = "openid email", **more: str) -> Page:
        """A request of the application that waits in this person's browser, and its page."""
        address, _, query = self.portal.authorize_url(scope=scope, **more).partition("?")
        posted = HTTP.post(address, content=query, headers={"Content-Type": "application/x-www-form-urlencoded"})
        request_id = posted.headers["location"].split("/")[-2]
        self.person.page = self.person.open(f"/consent/{request_id}")
        return self.person.page

    def covers(self, scope: str, **more: Any) -> bool:
        with self.world.reading() as db:
            return store.covers(db, account_id=self.account_id, client_id=self.portal.client_id, scope=scope, **more)


@pytest.fixture
def scene(world: World) -> Scene:
    letter, account_id = world.member()
    portal = world.portal(
        letter,
        name="Calepin",
        first_party=False,
        logo_uri="https://calepin.exemple.fr/logo.png",
        policy_uri="https://calepin.exemple.fr/donnees",
        tos_uri="https://calepin.exemple.fr/conditions",
        localized={"client_name#en": "Notebook"},
    )
    return Scene(world, letter, account_id, portal, world.signed_in(letter))


# --- what covers what --------------------------------------------------------------------------------------------------


def a_consent(scope: str = "openid email", claims: tuple[str, ...] = ()) -> Consent:
    return Consent("client", frozenset(scope.split()), frozenset(claims), NOON)


@pytest.mark.parametrize(
    ("scope", "claims", "covered"),
    [
        ("openid", (), True),
        ("openid email", (), True),
        ("openid email phone", (), False),
        ("openid email offline_access", (), False),
        ("openid", ("email", "email_verified"), True),
        ("openid", ("phone_number",), False),
        ("openid", ("something_new",), False),
    ],
)
def test_a_consent_covers_what_was_allowed_and_no_more(scope: str, claims: tuple[str, ...], covered: bool) -> None:
    assert a_consent().covers(scope, claims) is covered


def test_a_claim_allowed_by_name_does_not_allow_its_scope() -> None:
    consent = a_consent("openid", ("phone_number",))
    assert consent.covers("openid", ("phone_number",))
    assert not consent.covers("openid phone")


def test_a_request_that_wants_a_new_answer_is_not_covered_by_an_old_one() -> None:
    assert not a_consent().covers("openid", since=NOON + timedelta(seconds=1))
    assert a_consent().covers("openid", since=NOON)


def test_what_is_asked_by_name_is_told_like_its_scope() -> None:
    assert flow.told("openid", ("phone_number", "memberships")) == ["openid", "phone", "memberships"]
    assert flow.told("openid profile offline_access") == ["openid", "profile", "offline_access"]


# --- the page ----------------------------------------------------------------------------------------------------------


def test_the_page_says_who_asks_for_what_and_of_whom(scene: Scene) -> None:
    page = scene.ask("openid profile email offline_access")
    assert page.heading == "Autoriser Calepin ?"
    assert scene.letter.email in page.text
    for words in ("votre nom", "votre adresse email", "quand vous n'êtes pas connecté", "que c'est bien vous"):
        assert words in page.text
    assert "téléphone :" not in page.text
    assert "votre numéro de téléphone" not in page.text
    assert "les agences" not in page.text
    assert page.link("Comment elle utilise vos données") == "https://calepin.exemple.fr/donnees"
    assert page.link("Ses conditions d'utilisation") == "https://calepin.exemple.fr/conditions"


def test_the_logo_is_the_only_thing_from_elsewhere(scene: Scene) -> None:
    page = scene.ask()
    assert 'src="https://calepin.exemple.fr/logo.png"' in page.html
    policy = page.response.headers["content-security-policy"]
    assert "img-src 'self' https://calepin.exemple.fr;" in policy
    assert policy.count("calepin.exemple.fr") == 1
    assert 'referrerpolicy="no-referrer"' in page.html


def test_the_name_is_in_the_language_of_the_page(scene: Scene) -> None:
    assert scene.ask(ui_locales="en").heading == "Allow Notebook?"


def test_what_an_application_calls_itself_is_text(scene: Scene, world: World) -> None:
    """Registration refuses tags in a name; what it lets pass is escaped all the same."""
    scene.portal = world.portal(scene.letter, first_party=False, name='Tom & "Léa" &lt;b&gt;')
    page = scene.ask()
    assert page.heading == 'Autoriser Tom & "Léa" &lt;b&gt; ?'


def test_allowing_goes_on_and_is_kept(scene: Scene) -> None:
    page = scene.ask("openid email")
    assert not scene.covers("openid email")
    scene.person.submit("Autoriser")
    assert page.heading
    assert answer(scene.person.sent_to)["code"]
    assert scene.covers("openid email")
    assert not scene.covers("openid email phone")


def test_a_fresh_answer_satisfies_a_request_that_wants_one(scene: Scene) -> None:
    before = scene.world.clock()
    scene.ask(prompt="consent")
    scene.person.submit("Autoriser")
    assert scene.covers("openid email", since=before)
    assert not scene.covers("openid email", since=scene.world.clock() + timedelta(seconds=1))


def test_allowing_more_keeps_what_was_allowed(scene: Scene) -> None:
    for scope in ("openid email", "openid phone"):
        scene.ask(scope)
        scene.person.submit("Autoriser")
    assert scene.covers("openid email phone")


def test_the_authorization_endpoint_leads_to_the_page_and_answers_afterwards(scene: Scene) -> None:
    page = scene.person.open(scene.portal.authorize_url(scope="openid email", prompt="consent"))
    assert page.heading == "Autoriser Calepin ?"
    scene.person.submit("Autoriser")
    assert scene.portal.redeem(scene.person.sent_to).status_code == 200
    scene.person.open(scene.portal.authorize_url(scope="openid email"))
    assert answer(scene.person.sent_to)["code"]
    assert scene.person.open(scene.portal.authorize_url(scope="openid phone")).heading == "Autoriser Calepin ?"
    assert scene.person.open(scene.portal.authorize_url(scope="openid", prompt="consent")).path.startswith("/consent/")


def test_a_silent_request_without_consent_is_told_so_atk_019(scene: Scene) -> None:
    scene.person.open(scene.portal.authorize_url(prompt="none"))
    told = answer(scene.person.sent_to)
    assert (told["error"], told["state"], told["iss"]) == ("consent_required", "the-state", scene.world.base)


def test_a_claim_asked_by_name_is_asked_and_kept(scene: Scene) -> None:
    claims = json.dumps({"userinfo": {"phone_number": None}})
    page = scene.person.open(scene.portal.authorize_url(scope="openid", claims=claims))
    assert "votre numéro de téléphone" in page.text
    scene.person.submit("Autoriser")
    assert scene.covers("openid", claims=["phone_number"])
    assert not scene.covers("openid phone")


def test_refusing_tells_the_application_and_keeps_nothing(scene: Scene) -> None:
    scene.ask()
    scene.person.submit("Refuser")
    told = answer(scene.person.sent_to)
    assert (told["error"], told["state"], told["iss"]) == ("access_denied", "the-state", scene.world.base)
    assert not scene.covers("openid")


def test_going_back_after_a_refusal_finds_a_way_on(scene: Scene) -> None:
    page = scene.ask()
    scene.person.submit("Refuser")
    again = scene.person.open(page.url)
    assert again.status < 500
    assert again.heading
    assert not scene.covers("openid")


def test_what_the_form_says_about_scopes_changes_nothing_atk_043(scene: Scene) -> None:
    scene.ask("openid profile")
    scene.person.send("Autoriser", scope="openid profile email admin", claims="phone_number")
    assert scene.covers("openid profile")
    assert not scene.covers("openid email")
    assert not scene.covers("openid", claims=["phone_number"])


def test_a_first_party_portal_never_asks(scene: Scene, world: World) -> None:
    scene.portal = world.portal(scene.letter)
    scene.ask()
    assert "code" in answer(scene.person.sent_to)


def test_without_a_sign_in_the_page_leads_to_it(scene: Scene, world: World) -> None:
    scene.person = world.person()
    assert scene.ask().path == "/login"


def test_an_unknown_request_has_a_way_on(scene: Scene) -> None:
    page = scene.person.open(f"/consent/{secrets.token_urlsafe(16)}")
    assert page.status in (404, 410, 400)
    assert page.heading


@pytest.mark.parametrize("token", ["", "0" * 43, None])
def test_an_answer_that_another_site_posts_is_not_one_atk_096(scene: Scene, token: str | None) -> None:
    page = scene.ask()
    response = scene.person.send("Autoriser", csrf_token=token)
    assert response.status_code == 400
    assert not scene.covers("openid")
    scene.person.page = page
    foreign = scene.person.http.post(
        page.form("Autoriser").action, data=page.form("Autoriser").fields, headers={"Sec-Fetch-Site": "cross-site"}
    )
    assert foreign.status_code in (400, 403)
    assert not scene.covers("openid")


def test_who_signed_in_meanwhile_does_not_answer_for_who_read_the_page(scene: Scene, world: World) -> None:
    page = scene.ask()
    other, _ = world.member()
    sign_in(scene.person, other)
    scene.person.page = page
    shown = scene.person.submit("Autoriser")
    assert other.email in shown.text
    assert not scene.covers("openid")


def test_another_browser_that_comes_with_the_address_answers_nothing_of_this_one_atk_091(
    scene: Scene, world: World
) -> None:
    page = scene.ask()
    letter, _ = world.member()
    other = world.signed_in(letter)
    assert other.open(page.url).path != page.path or letter.email in other.page.text
    assert not scene.covers("openid")


def test_allowing_in_two_tabs_at_once_is_allowing_once(scene: Scene) -> None:
    scene.ask()
    form = scene.person.page.form("Autoriser")
    barrier = threading.Barrier(8)
    statuses: list[int] = []

    def press() -> None:
        barrier.wait()
        statuses.append(scene.person.http.post(form.action, data=form.fields).status_code)

    threads = [threading.Thread(target=press) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(statuses) == {303}
    assert scene.covers("openid email")


# --- taking back -------------------------------------------------------------------------------------------------------


def test_what_was_allowed_is_shown_in_the_profile_and_can_be_taken_back(scene: Scene) -> None:
    scene.ask("openid email offline_access")
    scene.person.submit("Autoriser")
    tokens = scene.portal.redeem(scene.person.sent_to).json()
    scene.person.open("/profile")
    page = scene.person.click("Applications autorisées")
    assert "Calepin" in page.text
    assert "votre adresse email" in page.text
    page = scene.person.submit(next(b for form in page.forms for b in form.buttons if "Retirer" in b))
    assert "L'autorisation est retirée" in page.text
    assert "Calepin" not in page.text
    assert not scene.covers("openid")
    assert scene.portal.userinfo(tokens["access_token"]).status_code == 401
    assert scene.portal.refresh(tokens["refresh_token"]).status_code == 400


def test_nobody_takes_back_what_somebody_else_allowed(scene: Scene, world: World) -> None:
    scene.ask()
    scene.person.submit("Autoriser")
    letter, _ = world.member()
    other = world.signed_in(letter)
    other.open("/profile/applications")
    token = other.http.get("/profile/applications").text
    assert "Calepin" not in token
    with world.reading() as db:
        assert store.of_account(db, scene.account_id)


def test_taking_back_needs_the_form_and_a_sign_in(scene: Scene, world: World) -> None:
    scene.ask()
    scene.person.submit("Autoriser")
    path = f"/profile/applications/{scene.portal.client_id}/withdraw"
    assert scene.person.http.post(path, data={}).status_code == 400
    assert world.person().open("/profile/applications").path != "/profile/applications"
    assert scene.covers("openid email")
