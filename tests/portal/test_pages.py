"""What every page of the portal keeps to, and the small rules behind them."""

from __future__ import annotations

import pytest

from clients.portal import PortalSettings, create_portal
from clients.portal.brand import contrast, readable
from clients.portal.people import person, readable_phone
from clients.portal.settings import PortalSettingsError

from .conftest import BASE, settings_for


@pytest.mark.parametrize("path", ["/", "/retour", "/deconnecte", "/nulle-part", "/connexion?iss=https://other.example"])
def test_every_page_has_one_title_strict_headers_and_help(browser, path):
    page = browser.portal.get(path, base_url=BASE)
    assert page.text.count("<h1>") == 1
    assert '<html lang="fr">' in page.text
    assert "05\u00a061\u00a000\u00a000\u00a001" in page.text
    assert "<script" not in page.text
    assert "style=" not in page.text
    policy = page.headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'")
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert page.headers["Cache-Control"] == "no-store"
    assert page.headers["X-Content-Type-Options"] == "nosniff"
    assert page.headers["Referrer-Policy"] == "same-origin"


def test_a_person_without_a_contract_here_is_told_so_and_led_to_the_letter(browser, provider):
    elsewhere = create_portal(settings_for(provider.issuer, societe="MTP01")).test_client()
    browser.portal = elsewhere
    browser.sign_in()
    page = browser.open("/profil").text
    assert "Aucun contrat à cette agence" in page
    assert f"{provider.issuer}/login/provisional?client=ADB&amp;societe=MTP01" in page


def test_the_page_of_a_bare_subject_is_shown(provider):
    bare = person({"sub": "x"})
    assert (bare.subject, bare.name, bare.address, bare.memberships) == ("x", "", (), ())


def test_claims_of_a_wrong_shape_are_left_out():
    odd = person({"sub": "x", "address": "rue", "memberships": [1, {"contracts": "no"}], "email_verified": "true"})
    assert odd.address == ()
    assert odd.email_verified is False
    assert [m.contracts for m in odd.memberships] == [(), ()]


@pytest.mark.parametrize(
    ("number", "shown"),
    [("+33195797853", "01 95 79 78 53"), ("+3225551234", "+3225551234"), ("", "")],
)
def test_phone_numbers_are_written_as_people_read_them(number, shown):
    assert readable_phone(number).replace("\u00a0", " ") == shown


@pytest.mark.parametrize("color", ["#ffffff", "#ffff00", "#e0a800", "#1f4e79", "#000000", "#00ff00"])
def test_any_colour_is_made_readable(color):
    made = readable(color)
    assert contrast(made, "#ffffff") >= 4.5
    assert contrast(made, "#f4f5f8") >= 4.5


def test_the_stylesheet_carries_the_agencys_colour(provider):
    portal = create_portal(settings_for(provider.issuer, brand_color="#8a1c4a")).test_client()
    answer = portal.get("/portail.css", base_url=BASE)
    assert "--brand: #8a1c4a" in answer.text
    assert portal.get("/portail.css", headers={"If-None-Match": answer.headers["ETag"]}).status_code == 304


def test_over_https_cookies_are_secure_and_bound_to_the_host(provider):
    base = "https://portail.example"
    portal = create_portal(settings_for(provider.issuer, base_url=base)).test_client()
    cookie = portal.get("/", base_url=base).headers["Set-Cookie"]
    assert cookie.startswith("__Host-portail-adb-tls01-navigateur=")
    for attribute in ("Secure", "HttpOnly", "Path=/", "SameSite=Lax"):
        assert attribute in cookie


def test_a_large_body_is_refused_with_a_page(browser):
    answer = browser.portal.post("/deconnexion", data={"form_token": "x" * 50_000}, base_url=BASE)
    assert answer.status_code == 413
    assert "Retour à l’accueil" in answer.text


class TestSettings:
    def test_secrets_are_not_in_the_repr(self):
        assert "0123456789abcdef" not in repr(settings_for("http://127.0.0.1:9"))

    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("issuer", "http://127.0.0.1:9/"),
            ("issuer", "127.0.0.1:9"),
            ("base_url", "https://portail.example/espace"),
            ("brand_color", "red; }"),
            ("secret_key", "short"),
            ("client_secret", ""),
        ],
    )
    def test_a_wrong_setting_is_named(self, name, value):
        with pytest.raises(PortalSettingsError, match=name):
            settings_for("http://127.0.0.1:9", **{name: value})

    def test_they_are_read_from_the_environment_and_from_secret_files(self, tmp_path):
        (tmp_path / "secret").write_text("from-a-file\n")
        whole = vars(settings_for("http://127.0.0.1:9"))
        environ = {f"PORTAL_{k.upper()}": v for k, v in whole.items() if k != "client_secret"}
        read = PortalSettings.from_environment(environ | {"PORTAL_CLIENT_SECRET_FILE": str(tmp_path / "secret")})
        assert read.client_secret == "from-a-file"
        assert read.agency_name == "Agence du Capitole"

    def test_missing_ones_are_all_named(self):
        with pytest.raises(PortalSettingsError, match=r"PORTAL_ISSUER.*PORTAL_CLIENT_ID"):
            PortalSettings.from_environment({})
