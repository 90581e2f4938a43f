"""Settings: a mistake is an error at start, and never tells a secret."""

from __future__ import annotations

from pathlib import Path

import pytest

from idp.settings import SettingsError, load
from tests.attacks import attack

PRODUCTION = {
    "IDP_ENVIRONMENT": "production",
    "IDP_ISSUER": "https://www.moncompte.example",
    "IDP_SECRET_KEY": "s" * 40,
    "IDP_PASSWORD_POLICY": "cnil",
}


def test_a_machine_without_settings_is_a_development_one(tmp_path: Path) -> None:
    settings = load({}, config_dir=tmp_path)

    assert settings.environment == "development"
    assert not settings.secure


def test_the_environment_wins_over_the_files_and_the_named_file_over_the_default(tmp_path: Path) -> None:
    (tmp_path / "default.toml").write_text("smtp_port = 1\nworkers = 1\nbind_port = 1\n")
    (tmp_path / "development.toml").write_text("smtp_port = 2\nworkers = 2\n")

    settings = load({"IDP_SMTP_PORT": "3"}, config_dir=tmp_path)

    assert (settings.smtp_port, settings.workers, settings.bind_port) == (3, 2, 1)


def test_a_secret_may_be_in_a_file(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("f" * 40 + "\n")

    settings = load({"IDP_SECRET_KEY_FILE": str(tmp_path / "secret")}, config_dir=tmp_path)

    assert settings.secret_key.get_secret_value() == "f" * 40
    assert "ffff" not in repr(settings)


@pytest.mark.parametrize(
    ("environ", "words"),
    [
        ({"IDP_ISUER": "http://x"}, "unknown setting"),
        ({"IDP_SMTP_PORT": "many"}, "smtp_port"),
        ({"IDP_SMTP_PORT": "70000"}, "smtp_port"),
        ({"IDP_BCRYPT_COST": "2"}, "bcrypt_cost"),
        ({"IDP_ISSUER": "www.exemple.fr"}, "issuer"),
        ({"IDP_ISSUER": "http://exemple.fr/"}, "slash"),
        ({"IDP_ISSUER": "http://exemple.fr?x=1"}, "issuer"),
        ({"IDP_SECRET_KEY": "short"}, "secret_key"),
        ({"IDP_SECRET_KEY_FILE": "/nowhere/at/all"}, "IDP_SECRET_KEY_FILE"),
        ({"IDP_PASSWORD_POLICY": "none"}, "password_policy"),
        ({"IDP_SMTP_SECURITY": "ssl"}, "smtp_security"),
    ],
)
def test_a_wrong_setting_is_named(tmp_path: Path, environ: dict[str, str], words: str) -> None:
    with pytest.raises(SettingsError, match=words):
        load(environ, config_dir=tmp_path)


def test_an_unknown_key_of_a_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "default.toml").write_text("smtp_prot = 25\n")

    with pytest.raises(SettingsError, match="smtp_prot"):
        load({}, config_dir=tmp_path)


def test_a_file_that_is_no_toml_is_named(tmp_path: Path) -> None:
    (tmp_path / "default.toml").write_text("smtp_port = = 25\n")

    with pytest.raises(SettingsError, match=r"default\.toml"):
        load({}, config_dir=tmp_path)


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"IDP_SECRET_KEY": "development-only-secret-never-use-this-in-production"}, "development secret"),
        ({"IDP_ISSUER": "http://www.moncompte.example"}, "https"),
        ({"IDP_BCRYPT_COST": "4"}, "bcrypt_cost"),
        ({"IDP_PASSWORD_POLICY": "source"}, "CNIL"),
    ],
)
@attack("G15", "P7")
def test_production_is_held_to_more(tmp_path: Path, changed: dict[str, str], words: str) -> None:
    assert load(PRODUCTION, config_dir=tmp_path).production

    with pytest.raises(SettingsError, match=words):
        load(PRODUCTION | changed, config_dir=tmp_path)


def test_a_policy_below_the_recommendation_may_be_acknowledged(tmp_path: Path) -> None:
    accepted = {"IDP_PASSWORD_POLICY": "source", "IDP_ACCEPT_NONCOMPLIANT_PASSWORDS": "true"}

    assert load(PRODUCTION | accepted, config_dir=tmp_path).password_policy == "source"


def test_no_error_repeats_a_secret(tmp_path: Path) -> None:
    with pytest.raises(SettingsError) as told:
        load(
            {"IDP_SECRET_KEY": "short-secret", "IDP_SMTP_PASSWORD": "mail-secret", "IDP_WORKERS": "0"},
            config_dir=tmp_path,
        )

    assert "short-secret" not in str(told.value)
    assert "mail-secret" not in str(told.value)


def test_several_mistakes_are_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(SettingsError) as told:
        load({"IDP_WORKERS": "0", "IDP_SMTP_PORT": "0"}, config_dir=tmp_path)

    assert "workers" in str(told.value)
    assert "smtp_port" in str(told.value)


def test_a_production_provider_puts_its_cookies_on_https_only(tmp_path: Path) -> None:
    assert load(PRODUCTION, config_dir=tmp_path).secure
