"""Settings: typed, validated at start, each with its unit in its name.

Precedence, last wins: `config/default.toml`, `config/<environment>.toml`, the environment (`IDP_…`, or `IDP_…_FILE`
naming a file that holds the value, for secrets). Unknown keys are refused everywhere, so a typing mistake is an error
at start and not a default in production.
"""

from __future__ import annotations

import os
import tomllib
from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, model_validator

from idp import settings_rules

PREFIX = "IDP_"
ROOT = Path(__file__).resolve().parent.parent


class SettingsError(Exception):
    """The settings cannot be used; the message names every wrong key and why."""


class PolicyPreset(StrEnum):
    """Which reference the password criteria follow (decision 0004)."""

    SOURCE = "source"
    CNIL = "cnil"
    NIST = "nist"


class Settings(BaseModel):
    """Every setting of the provider; the text of each field is its documentation."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    environment: str = Field(
        "development", description="`development` or `production`; names config/<environment>.toml."
    )
    issuer: str = Field(
        "http://127.0.0.1:8000", description="Public base address, without a final slash; the OpenID issuer."
    )
    database_url: SecretStr = Field(
        SecretStr("sqlite:///idp.sqlite"), description="SQLAlchemy address: sqlite:///file or postgresql+psycopg://…"
    )
    database_pool_size: int = Field(
        5, ge=1, description="Connections kept open by each worker for pages, and as many for calls."
    )
    database_wait_seconds: int = Field(
        3, ge=1, description="Longest that one request waits for the database in all before 503 (PostgreSQL)."
    )
    database_pool_timeout_seconds: int = Field(
        2, ge=1, description="Longest wait for a free connection of the worker; then people are told to try again."
    )
    database_connect_timeout_seconds: int = Field(
        5,
        ge=2,
        description="Longest wait for a connection to be made, and for the network to take what is sent (PostgreSQL).",
    )
    database_statement_timeout_seconds: int = Field(10, ge=1, description="Longest statement allowed (PostgreSQL).")
    database_lock_timeout_seconds: int = Field(
        5, ge=1, description="Longest wait of a statement for another transaction (PostgreSQL)."
    )
    database_idle_transaction_timeout_seconds: int = Field(
        30, ge=1, description="When a transaction of a process that does nothing any more is ended (PostgreSQL)."
    )
    redis_url: SecretStr = Field(
        SecretStr(""),
        description="Valkey or Redis that all workers share, valkey://… or redis://… (extra `valkey`); empty: none, and "
        "the database does it all.",
    )
    redis_wait_milliseconds: int = Field(
        200, ge=10, le=2000, description="Longest wait for an answer of it; then the service does without for a while."
    )
    secret_key: SecretStr = Field(
        SecretStr(settings_rules.DEVELOPMENT_SECRET),
        description="Master secret, 32 characters or more; every digest and the encryption of keys derive from it.",
    )

    bind_host: str = Field("127.0.0.1", description="Address that `idp serve` listens on.")
    bind_port: int = Field(8000, ge=1, le=65535, description="Port that `idp serve` listens on.")
    workers: int = Field(2, ge=1, description="Worker processes of `idp serve`.")
    threads_per_worker: int = Field(
        4,
        ge=1,
        description="Request threads in each worker of `idp serve`, besides those of people who wait for a password's turn.",
    )
    metrics_bind: str = Field(
        "",
        description="Address and port that `/metrics` is answered on, such as 127.0.0.1:9464; empty: metrics are off.",
    )
    traces_endpoint: str = Field(
        "",
        description="OTLP/HTTP address of a collector of OpenTelemetry, such as http://127.0.0.1:4318/v1/traces (extra "
        "`opentelemetry`); empty: no traces.",
    )
    traces_sampled_percent: int = Field(100, ge=1, le=100, description="Requests of a hundred that are traced.")
    trusted_proxies: int = Field(
        0, ge=0, description="Reverse proxies in front whose X-Forwarded-For is believed; 0 believes none."
    )
    request_body_limit_bytes: int = Field(64 * 1024, ge=1024, description="Larger request bodies are refused with 413.")

    bcrypt_cost: int = Field(12, ge=4, le=16, description="Work factor of password hashes, as a power of two.")
    hashing_concurrency: int = Field(
        2, ge=1, description="Passwords hashed at once in each worker, when nothing else wants the processor."
    )
    hashing_queue_limit: int = Field(16, ge=1, description="Hashes waiting in each worker before 503 is answered.")
    password_policy: PolicyPreset = Field(PolicyPreset.SOURCE, description="Criteria preset: source, cnil or nist.")
    accept_noncompliant_passwords: bool = Field(
        False, description="Acknowledges in production that the chosen policy is below the CNIL's recommendation."
    )
    letter_validity_days: int = Field(365, ge=1, description="Days that a letter's credentials can start an upgrade.")

    session_idle_hours: int = Field(12, ge=1, description="A sign-in unused for this long has ended.")
    session_absolute_days: int = Field(30, ge=1, description="A sign-in this old has ended, used or not.")
    flow_validity_days: int = Field(
        7, ge=1, description="Days that an unfinished upgrade, merge or reset can be resumed."
    )
    link_validity_hours: int = Field(24, ge=1, description="Hours that a mailed link or code works.")
    authorization_validity_days: int = Field(3, ge=1, description="Days that a pending authorization is kept.")

    code_validity_seconds: int = Field(60, ge=10, le=600, description="Life of an authorization code.")
    access_token_validity_minutes: int = Field(10, ge=1, description="Life of an access token.")
    id_token_validity_minutes: int = Field(10, ge=1, description="Life of an ID token.")
    refresh_token_idle_days: int = Field(30, ge=1, description="A refresh token unused for this long is dead.")
    refresh_token_absolute_days: int = Field(
        90, ge=1, description="No refresh token of a grant lives longer than this."
    )
    refresh_grace_seconds: int = Field(
        10,
        ge=0,
        le=60,
        description="For a lost answer: a just-rotated refresh token is accepted once more for this long.",
    )
    key_publication_hours: int = Field(
        24, ge=0, description="Hours that a new signing key is published before it signs."
    )
    key_retention_days: int = Field(7, ge=1, description="Days that a replaced signing key stays published.")

    key_rotation_days: int = Field(
        90, ge=0, description="A key this old is replaced by itself; 0 leaves it to `idp keys rotate`."
    )

    registration: Literal["off", "token", "open"] = Field(
        "off",
        description="Dynamic registration (RFC 7591): off, with tokens of `idp clients tokens`, or open to anybody.",
    )
    registrations_per_network_per_hour: int = Field(
        60, ge=1, description="Clients that one network may register in an hour where registration is open to anybody."
    )
    software_statement_keys_file: str = Field(
        "",
        description="JSON with the key set of each issuer whose software statements are believed (RFC 7591 2.3): "
        '`{"https://…": {"keys": […]}}`; empty: nobody\'s.',
    )
    client_assertion_audience: Literal["issuer", "issuer_or_token_endpoint"] = Field(
        "issuer_or_token_endpoint",
        description="What a client's JWT may name as its audience: the issuer alone (rfc7523bis, FAPI 2.0), or the token "
        "endpoint too, as libraries of today do.",
    )
    implicit_allowed: bool = Field(
        False,
        description="Lets clients register response types that put tokens in addresses; RFC 9700 advises against.",
    )
    unsigned_id_tokens_allowed: bool = Field(
        False, description="Lets clients of the code flow register unsigned ID tokens (`none`); for conformance runs."
    )
    session_iframe: bool = Field(
        False,
        description="Offers OpenID Connect Session Management, which needs a cookie that scripts of other sites cause "
        "to be read; most browsers block it.",
    )
    fetch_allowed_networks: str = Field(
        "",
        description="Networks, separated by commas, that addresses of clients may lead to although they are private "
        "(10.0.0.0/8, …); public ones always may.",
    )
    fetch_ca_file: str = Field(
        "", description="Certificates (PEM) trusted for addresses of clients; empty: the system's."
    )
    fetch_timeout_seconds: int = Field(5, ge=1, le=30, description="Longest request to an address of a client.")
    fetch_size_limit_bytes: int = Field(
        64 * 1024, ge=1024, description="Largest document read from an address of a client."
    )

    throttle_account_free_attempts: int = Field(
        5, ge=1, description="Wrong passwords for one account before delays start."
    )
    throttle_network_free_attempts: int = Field(
        100, ge=1, description="The same for one network (IPv4 address, IPv6 /64)."
    )
    throttle_agency_free_attempts: int = Field(2000, ge=1, description="The same for one agency.")
    throttle_first_delay_seconds: int = Field(
        60, ge=1, description="First delay; it doubles with each further attempt."
    )
    throttle_longest_delay_seconds: int = Field(3600, ge=1, description="The delay never grows past this.")
    throttle_memory_hours: int = Field(24, ge=1, description="Attempts older than this are forgotten.")
    addresses_per_letter_per_day: int = Field(
        5,
        ge=1,
        description="Different addresses that one letter may be tried with in a day; each tells who has an account.",
    )
    mails_per_address_per_hour: int = Field(
        5, ge=1, description="Verification or reset mails to one address in an hour."
    )

    audit_retention_days: int = Field(
        365, ge=180, le=1095, description="Days that audit events are kept; CNIL 2021-122 says 180 to 365."
    )

    smtp_host: str = Field("127.0.0.1", description="SMTP server.")
    smtp_port: int = Field(25, ge=1, le=65535, description="SMTP port.")
    smtp_security: Literal["none", "starttls", "tls"] = Field("none", description="none, starttls or tls.")
    smtp_username: str = Field("", description="SMTP user; empty for no authentication.")
    smtp_password: SecretStr = Field(SecretStr(""), description="SMTP password.")
    smtp_timeout_seconds: int = Field(
        60, ge=1, description="An answer of the mail server that takes longer is given up and asked for again later."
    )
    mail_connections: int = Field(
        2, ge=1, le=50, description="Connections of each `idp mail run` to the mail server; each delivers by itself."
    )
    mail_lease_seconds: int = Field(
        300,
        ge=1,
        description="Another sender takes over what a silent one had after this long; longer than four answers of the "
        "mail server may take.",
    )
    mail_from: str = Field("ne-pas-repondre@moncompte.example", description="Sender address of every mail.")

    timezone: str = Field("Europe/Paris", description="Time zone of dates shown to people.")
    log_level: str = Field("INFO", description="Least severe level that is logged.")

    @property
    def secure(self) -> bool:
        """True when people reach the provider by https."""
        return self.issuer.startswith("https://")

    @property
    def origin(self) -> str:
        """Scheme, host and port that people reach the provider by."""
        parts = urlsplit(self.issuer)
        return f"{parts.scheme}://{parts.netloc}"

    @property
    def production(self) -> bool:
        return self.environment == "production"

    @property
    def link_validity(self) -> timedelta:
        return timedelta(hours=self.link_validity_hours)

    @property
    def flow_validity(self) -> timedelta:
        return timedelta(days=self.flow_validity_days)

    @model_validator(mode="after")
    def _safe_together(self) -> Self:
        if wrong := list(settings_rules.problems(self)):
            raise ValueError("; ".join(wrong))
        return self


def load(environ: dict[str, str] | None = None, *, config_dir: Path | None = None) -> Settings:
    """Read the settings from files and environment.

    environ: as `os.environ`. config_dir: folder of the TOML files (default: IDP_CONFIG_DIR, else `config/`).
    Raises SettingsError naming every unknown, missing or wrong key at once.
    """
    environ = dict(os.environ) if environ is None else environ
    folder = config_dir or Path(environ.get("IDP_CONFIG_DIR", ROOT / "config"))
    chosen = _from_environment(environ)
    environment = str(chosen.get("environment", "development"))
    values: dict[str, Any] = {"environment": environment}
    for name in ("default", environment):
        values |= _from_file(folder / f"{name}.toml")
    values |= chosen
    try:
        return Settings.model_validate(values)
    except ValidationError as error:
        # Only locations and messages: pydantic's own text repeats the input, which may be a secret.
        lines = [f"{'.'.join(map(str, e['loc'])) or 'settings'}: {e['msg']}" for e in error.errors(include_input=False)]
        raise SettingsError("\n".join(lines)) from None


def _from_file(path: Path) -> dict[str, Any]:
    if not path.exists():
        return {}
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{path.name}: {error}") from None


def _from_environment(environ: dict[str, str]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for name, value in environ.items():
        if not name.startswith(PREFIX) or name == "IDP_CONFIG_DIR":
            continue
        key = name.removeprefix(PREFIX).lower()
        if key.endswith("_file") and key.removesuffix("_file") in Settings.model_fields:
            try:
                values[key.removesuffix("_file")] = Path(value).read_text(encoding="utf-8").strip()
            except OSError as error:
                raise SettingsError(f"{name}: {error.strerror}: {value}") from None
        elif key in Settings.model_fields:
            values[key] = value
        else:
            raise SettingsError(f"{name}: unknown setting")
    return values
