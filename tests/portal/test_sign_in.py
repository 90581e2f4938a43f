"""Signing in at the portal and out again: what is asked of the provider, what is believed of its answers."""

from __future__ import annotations

import base64
import hashlib
import threading
from datetime import UTC, datetime, timedelta

import pytest
import time_machine

from clients.portal import create_portal

from .conftest import BASE, Browser, parameters, settings_for


def test_the_request_names_agency_and_asks_for_a_code_with_pkce_nonce_and_state(browser):
    asked = parameters(browser.start())
    assert asked["client"] == "ADB"
    assert asked["societe"] == "TLS01"
    assert asked["client_id"] == "portail-adb-tls01"
    assert asked["response_type"] == "code"
    assert asked["redirect_uri"] == f"{BASE}/retour"
    assert asked["code_challenge_method"] == "S256"
    assert len(asked["code_challenge"]) == 43
    assert len(asked["nonce"]) == 43
    assert asked["state"]


def test_signing_in_shows_the_profile_of_the_source(browser):
    answer = browser.sign_in()
    assert answer.status_code == 302
    assert answer.headers["Location"] == f"{BASE}/profil"
    page = browser.open("/profil").text
    for shown in (
        "Monsieur",
        "Roland Hoareau",
        "509, boulevard Breton",
        "01\u00a095\u00a079",
        "V7054",
        "4200",
        "••••••",
    ):
        assert shown in page
    assert 'href="' + browser.portal.application.jinja_env.globals["portal"].issuer + "/profile/password" in page


def test_associated_accounts_lists_agency_role_and_contracts(browser):
    browser.sign_in()
    page = browser.open("/comptes").text
    for shown in ("Agence du Capitole", "Propriétaire", "Copropriétaire", "V7054", "C50309"):
        assert shown in page


def test_the_verifier_sent_is_the_one_that_was_challenged(browser, provider):
    browser.sign_in()
    verifier, asked = provider.asked["token"]["code_verifier"], provider.asked["authorize"]
    digest = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    assert digest == asked["code_challenge"]


def test_the_browser_holds_no_token_and_no_personal_data(browser):
    browser.sign_in()
    held = [f"{c.key}={c.value}" for c in browser.portal._cookies.values()]  # the jar of werkzeug's client
    assert [c.split("=")[0] for c in held] == ["portail-adb-tls01-navigateur", "portail-adb-tls01-session"]
    assert all(len(c.split("=")[1]) == 43 for c in held)


def test_two_tabs_sign_in_at_once_and_both_arrive(browser):
    first, second = browser.start("/connexion"), browser.start(f"/connexion?target_link_uri={BASE}/comptes")
    answer_two = browser.open(browser.answer_to(second))
    answer_one = browser.open(browser.answer_to(first))
    assert answer_two.headers["Location"] == f"{BASE}/comptes"
    assert answer_one.headers["Location"] == f"{BASE}/profil"
    assert browser.open("/profil").status_code == 200


def test_a_hundred_abandoned_sign_ins_do_not_stop_the_next_one(browser):
    for _ in range(100):
        browser.start()
    assert browser.sign_in().headers["Location"] == f"{BASE}/profil"
    assert sum(len(c.key) + len(c.value) for c in browser.portal._cookies.values()) < 200


def test_back_to_the_answer_address_leads_to_the_profile_and_spends_no_code_twice(browser, provider):
    address = browser.answer_to(browser.start())
    browser.open(address)
    provider.asked.clear()
    assert browser.open(address).headers["Location"] == f"{BASE}/profil"
    assert "token" not in provider.asked


def test_one_answer_opened_sixteen_times_at_once_is_redeemed_once(new_browser, provider):
    """A reload while the first request is on its way; the provider would revoke a code that it sees twice."""
    browser = new_browser()
    address, cookies = browser.answer_to(browser.start()), dict(browser.portal._cookies)
    barrier, results = threading.Barrier(16), []

    def reload() -> None:
        tab = Browser(browser.portal.application.test_client())
        tab.portal._cookies.update(cookies)
        barrier.wait()
        results.append(tab.open(address).status_code)

    tabs = [threading.Thread(target=reload) for _ in range(16)]
    for tab in tabs:
        tab.start()
    for tab in tabs:
        tab.join()
    assert results.count(302) == 1
    assert results.count(400) == 15


def test_another_browsers_answer_signs_nobody_in(new_browser, provider):
    """Login CSRF: an attacker's answer, opened by a victim, must not put the victim in the attacker's account."""
    attacker, victim = new_browser(), new_browser()
    victim.start()
    page = victim.open(attacker.answer_to(attacker.start()))
    assert page.status_code == 400
    assert "Recommencer" in page.text
    assert "token" not in provider.asked
    assert victim.open("/profil").status_code == 302


@pytest.mark.parametrize(
    "wrong",
    [
        "answer issuer",
        "no answer issuer",
        "token refused",
        "token issuer",
        "audience",
        "expired",
        "nonce",
        "no nonce",
        "algorithm",
        "signature",
        "no id token",
        "userinfo subject",
        "userinfo list",
    ],
)
def test_a_wrong_answer_signs_nobody_in_and_offers_to_begin_again(browser, provider, wrong):
    provider.wrong.add(wrong)
    page = browser.sign_in()
    assert page.status_code == 400
    assert "Recommencer la connexion" in page.text
    assert browser.open("/profil").status_code == 302
    provider.wrong.clear()
    assert browser.sign_in().status_code == 302


@pytest.mark.parametrize("wrong", ["token down", "userinfo down"])
def test_a_provider_that_fails_is_said_to_be_away(browser, provider, wrong):
    provider.wrong.add(wrong)
    page = browser.sign_in()
    assert page.status_code == 503
    assert "momentanément indisponible" in page.text


def test_metadata_of_another_issuer_is_not_believed_and_not_kept(browser, provider):
    provider.wrong.add("metadata issuer")
    assert browser.portal.get("/connexion", base_url=BASE).status_code == 503
    provider.wrong.clear()
    assert browser.sign_in().status_code == 302


def test_a_provider_that_is_off_gives_a_page_and_not_a_traceback():
    portal = create_portal(settings_for("http://127.0.0.1:9"))
    page = portal.test_client().get("/connexion", base_url=BASE)
    assert page.status_code == 503
    assert "Réessayez" in page.text


@pytest.mark.parametrize(
    ("error", "words"),
    [
        ("access_denied", "interrompu la connexion"),
        ("temporarily_unavailable", "momentanément indisponible"),
        ("login_required", "Recommencer"),
        ("<script>alert(1)</script>", "Recommencer"),
    ],
)
def test_an_error_of_the_provider_is_told_kindly(browser, provider, error, words):
    state = parameters(browser.start())["state"]
    page = browser.portal.get(
        "/retour",
        query_string={"error": error, "error_description": "<b>no</b>", "state": state, "iss": provider.issuer},
        base_url=BASE,
    )
    assert page.status_code == 400
    assert words in page.text
    assert "<script>" not in page.text
    assert "<b>" not in page.text


@pytest.mark.parametrize("query", ["", "?state=forged&code=x", "?code=x", "?error=access_denied", "?state=%00"])
def test_an_answer_to_nothing_gets_a_page_with_a_way_on(browser, query):
    page = browser.open(f"/retour{query}")
    assert page.status_code == 400
    assert "Recommencer" in page.text


@pytest.mark.parametrize(("days", "status"), [(4, 400), (2, 302)])
def test_an_attempt_lives_as_long_as_the_provider_keeps_it_pending(browser, days, status):
    with time_machine.travel(datetime.now(UTC) - timedelta(days=days)):
        asked = browser.start()
    assert browser.open(browser.answer_to(asked)).status_code == status


class TestInitiatedByThirdParty:
    """OIDC Core 4."""

    def test_our_issuer_is_accepted_with_its_hint(self, browser, provider):
        asked = parameters(browser.start(f"/connexion?iss={provider.issuer}&login_hint=lea@exemple.test"))
        assert asked["login_hint"] == "lea@exemple.test"

    def test_post_is_accepted_too(self, browser, provider):
        answer = browser.portal.post("/connexion", data={"iss": provider.issuer}, base_url=BASE)
        assert answer.headers["Location"].startswith(f"{provider.issuer}/oauth/authorize?")

    def test_another_issuer_is_refused_by_a_page(self, browser):
        page = browser.portal.get("/connexion?iss=https://other.example", base_url=BASE)
        assert page.status_code == 400
        assert "Recommencer" in page.text

    @pytest.mark.parametrize(
        "target",
        [
            "https://other.example/",
            "//other.example/",
            f"{BASE}.other.example/",
            f"{BASE}@other.example/",
            "javascript:alert(1)",
            "/profil",
        ],
    )
    def test_a_target_elsewhere_is_replaced_by_the_profile(self, browser, target):
        address = browser.start(f"/connexion?target_link_uri={target}")
        assert browser.open(browser.answer_to(address)).headers["Location"] == f"{BASE}/profil"

    def test_a_target_that_looks_inside_stays_inside(self, browser):
        address = browser.start(f"/connexion?target_link_uri={BASE}//other.example/")
        assert browser.open(browser.answer_to(address)).headers["Location"].startswith(f"{BASE}/")


class TestSignOut:
    def test_it_ends_here_and_at_the_provider_and_comes_back(self, browser, provider):
        browser.sign_in()
        answer = browser.sign_out()
        assert answer.status_code == 303
        asked = parameters(answer.headers["Location"])
        assert answer.headers["Location"].startswith(f"{provider.issuer}/oauth/logout?")
        assert asked["client_id"] == "portail-adb-tls01"
        assert asked["post_logout_redirect_uri"] == f"{BASE}/deconnecte"
        assert asked["id_token_hint"].count(".") == 2
        assert browser.open("/profil").status_code == 302
        assert "Vous êtes déconnecté" in browser.open("/deconnecte").text

    def test_a_form_of_another_site_signs_nobody_out(self, browser):
        browser.sign_in()
        assert browser.portal.post("/deconnexion", base_url=BASE).headers["Location"] == "/"
        assert browser.open("/profil").status_code == 200

    def test_the_form_of_an_older_tab_still_works_after_signing_in_again(self, browser):
        browser.sign_in()
        token = browser.open("/profil").text.split('name="form_token" value="')[1].split('"')[0]
        browser.sign_in()
        browser.portal.post("/deconnexion", data={"form_token": token}, base_url=BASE)
        assert browser.open("/profil").status_code == 302

    def test_the_old_session_id_is_dead_after_signing_out_and_in(self, browser):
        browser.sign_in()
        old = browser.portal.get_cookie("portail-adb-tls01-session", "127.0.0.1").value
        browser.sign_out()
        browser.portal.set_cookie("portail-adb-tls01-session", old, domain="127.0.0.1")
        assert browser.open("/profil").status_code == 302
