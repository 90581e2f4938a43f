"""Every route: nothing of Beta is told to, nor changed by, whoever has what Alpha has."""

from __future__ import annotations

import secrets
from typing import Any

import httpx2 as httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from werkzeug.routing import Rule as Route

from idp.app import create_app
from idp.digests import Kind
from idp.settings import Settings
from tests.attacks import attack
from tests.isolation.routes import RULES, By, Rule, bearer, values
from tests.isolation.scene import Scene
from tests.support.person import Person
from tests.support.world import HTTP, STRONG

ROUTES = sorted(create_app(Settings.model_validate({"database_url": "sqlite://"})).url_map.iter_rules(), key=str)
ASKED = [(route, method) for route in ROUTES for method in sorted((route.methods or set()) - {"HEAD", "OPTIONS"})]


def test_every_route_has_a_rule_and_every_rule_a_route() -> None:
    with_frames = {"logout.check_session"}  # only where session management is allowed
    assert {route.endpoint for route in ROUTES} | with_frames == set(RULES)


def test_what_is_beta_s_is_told_to_beta(scene: Scene) -> None:
    """The markers are seen where they belong; otherwise this folder would prove nothing."""
    assert scene.told_of_beta(scene.beta.browser.open("/profile").html)
    assert scene.told_of_beta(scene.beta.portal.userinfo(scene.beta.tokens["access_token"]).text)


@attack("Q1")
@pytest.mark.parametrize(("route", "method"), ASKED, ids=lambda value: str(getattr(value, "endpoint", value)))
def test_nothing_of_another_agency_is_told_or_changed(scene: Scene, route: Route, method: str) -> None:
    rule = RULES[route.endpoint]
    pool = values(scene)
    asker = _asker(scene, rule)
    names = sorted({*rule.fields, *route.arguments})
    drawn = st.fixed_dictionaries({name: st.sampled_from([*pool.get(name, []), _junk(name)]) for name in names})

    @settings(max_examples=6, deadline=None, database=None, derandomize=True, suppress_health_check=list(HealthCheck))
    @given(drawn)
    def ask(given: dict[str, str]) -> None:
        answered = _ask(scene, asker, route, method, rule, given)
        assert answered.status_code < 500, answered.text
        sent = " ".join(given.values()).casefold()
        text = answered.text + str(answered.headers)
        told = [mark for mark in scene.told_of_beta(text) if mark.casefold() not in sent]
        assert told == [], f"{method} {route} with {given} told {told}"

    scene.world.forget_attempts()
    ask()
    scene.unchanged()
    _mails_told_nobody(scene)


def _junk(name: str) -> str:
    return "1" if name == "version" else f"x{secrets.token_hex(8)}"


def _asker(scene: Scene, rule: Rule) -> Person:
    """A browser of Alpha's, signed in anew, since what was asked before may have signed it out."""
    if rule.by is By.PERSON:
        return scene.world.signed_in(scene.alpha.member)
    return scene.world.person()


def _ask(scene: Scene, asker: Person, route: Route, method: str, rule: Rule, given: dict[str, str]) -> httpx.Response:
    variables = {name: given[name] for name in route.arguments}
    _, path = route.build(variables, append_unknown=False) or ("", "")
    address = f"{scene.world.base}{path.lstrip('|')}"
    fields = {name: given[name] for name in rule.fields}
    headers: dict[str, str] = {}
    if rule.by is By.BEARER:
        answered = [
            HTTP.request(method, address, params=fields, headers={"Authorization": f"Bearer {token}"})
            for token in bearer(scene.alpha)
        ]
        return max(answered, key=lambda response: len(response.text))
    if rule.by is By.REGISTRATION:
        headers["Authorization"] = f"Bearer {scene.alpha.registered['registration_access_token']}"
        body: dict[str, Any] = {
            **fields,
            **({"redirect_uris": [fields["redirect_uris"]]} if "redirect_uris" in fields else {}),
        }
        return HTTP.request(method, address, headers=headers, json=body if method in ("POST", "PUT") else None)
    if rule.by is By.PORTAL:
        portal = scene.alpha.portal
        return HTTP.post(address, data=fields, auth=(portal.client_id, portal.secret or ""))
    if method == "GET":
        return asker.http.get(address, params=fields)
    key = asker.cookies["browser"]
    own = {"own_letter": scene.alpha.waiting.id, "own_account": scene.alpha.account_id}
    form_id = rule.form.format_map(given | own)
    token = scene.world.deps.digests.digest(Kind.CSRF, f"{key}:{form_id}")[:43]
    place = {name: value for name, value in fields.items() if name in ("client", "societe", "authorization", "merge")}
    return asker.http.post(address, params=place, data={**fields, "csrf_token": token})


def _mails_told_nobody(scene: Scene) -> None:
    """What was mailed to anybody but Beta's people holds nothing of theirs."""
    scene.world.deliver()
    for mail in scene.world.mailbox.messages:
        if not scene.told_of_beta(mail.to):
            assert scene.told_of_beta(mail.text + mail.html + mail.subject) == [], mail.to


# --- somebody who has a letter of each -----------------------------------------------------------------------------------


@attack("Q1")
@pytest.mark.parametrize("asked", [{}, {"beta": "place"}, {"claims": '{"userinfo": {"memberships": null}}'}])
@pytest.mark.parametrize("form", ["jwt", "opaque"])
def test_a_portal_learns_of_its_own_agency_s_letters_only(scene: Scene, asked: dict[str, str], form: str) -> None:
    portal = scene.alpha.portal if form == "jwt" else scene.alpha.opaque
    person = scene.world.signed_in(scene.both, password=STRONG)
    place = {"client": scene.beta.agency.client, "societe": scene.beta.agency.societe} if "beta" in asked else asked
    scope = "openid profile email address phone memberships offline_access"
    came = person.open(portal.authorize_url(scope=scope, **place))
    texts = [came.html, str(came.response.headers)]
    if "code=" in person.sent_to:
        told = portal.redeem(person.sent_to)
        refreshed = portal.refresh(told.json()["refresh_token"])
        access = refreshed.json()["access_token"]
        texts += [told.text, refreshed.text, *_payloads(told.json()), *_payloads(refreshed.json())]
        texts += [portal.userinfo(access).text, portal.post("/oauth/introspect", token=access).text]
        assert portal.userinfo(access).json()["sub"] == scene.both_account

    assert [mark for text in texts for mark in scene.told_of_beta(text)] == []


def _payloads(tokens: dict[str, str]) -> list[str]:
    import base64

    parts = [tokens[name].split(".") for name in ("id_token", "access_token") if tokens.get(name, "").count(".") == 2]
    return [base64.urlsafe_b64decode(part[1] + "===").decode() for part in parts]
