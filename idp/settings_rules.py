"""What no single setting can tell: which of them do not go together, and what production is held to. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec
from ipaddress import ip_network
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from pydantic import SecretStr

if TYPE_CHECKING:
    from idp.settings import Settings

DEVELOPMENT_SECRET = "development-only-secret-never-use-this-in-production"
_SHORTEST_SECRET = 32
# Settings that work with a library which most installations do without: the library, and the extra that brings it.
_EXTRAS = {"redis_url": ("valkey", "valkey"), "traces_endpoint": ("opentelemetry.sdk", "opentelemetry")}


def problems(settings: Settings) -> Iterator[str]:
    """Each reason why the provider may not start with these (fail closed; design section 13)."""
    parts = urlsplit(settings.issuer)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        yield "issuer must be an absolute http(s) address without query or fragment"
    if settings.issuer.endswith("/"):
        yield "issuer must not end with a slash: relying parties compare it character by character"
    yield from _addresses(settings)
    if len(settings.secret_key.get_secret_value()) < _SHORTEST_SECRET:
        yield f"secret_key must have {_SHORTEST_SECRET} characters or more"
    for name, (library, extra) in _EXTRAS.items():
        if _text(getattr(settings, name)) and find_spec(library) is None:
            yield f"{name} needs an extra: pip install 'mon-compte-immobilier[{extra}]'"
    if settings.production:
        yield from _in_production(settings)


def host_and_port(text: str) -> tuple[str, int]:
    """Of `127.0.0.1:9464` or `[::1]:9464`. Raises ValueError."""
    parts = urlsplit(f"//{text}")
    if not parts.hostname or not parts.port or parts.path or parts.query:
        raise ValueError("an address and a port are expected, such as 127.0.0.1:9464")
    return parts.hostname, parts.port


def _addresses(settings: Settings) -> Iterator[str]:
    try:
        host_and_port(settings.metrics_bind or "127.0.0.1:9464")
    except ValueError as error:
        yield f"metrics_bind: {error}"
    for network in settings.fetch_allowed_networks.split(","):
        try:
            ip_network(network.strip() or "::/0")
        except ValueError as error:
            yield f"fetch_allowed_networks: {error}"
    collector = urlsplit(settings.traces_endpoint)
    if settings.traces_endpoint and (
        collector.scheme not in ("http", "https")
        or not collector.hostname
        or "@" in collector.netloc
        or collector.query
    ):
        yield "traces_endpoint must be an http(s) address without credentials and query"


def _text(value: str | SecretStr) -> str:
    return value.get_secret_value() if isinstance(value, SecretStr) else value


def _in_production(settings: Settings) -> Iterator[str]:
    if settings.secret_key.get_secret_value() == DEVELOPMENT_SECRET:
        yield "secret_key is the development secret: set IDP_SECRET_KEY_FILE"
    if not settings.secure:
        yield "issuer must be https in production"
    if settings.bcrypt_cost < 10:
        yield "bcrypt_cost must be 10 or more in production"
    if settings.password_policy == "source" and not settings.accept_noncompliant_passwords:
        yield (
            "password_policy 'source' allows 6 characters, below CNIL 2022-100: "
            "choose 'cnil', or acknowledge with accept_noncompliant_passwords = true"
        )
