"""What `idp doctor` looks at: one small function a subject, each answering with findings and never raising.

`ready` is green, `care` amber (works, but somebody should know), `broken` red (people cannot sign in, or it is unsafe).
"""

from __future__ import annotations

import os
import smtplib
import ssl
import stat
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from urllib.parse import urlsplit

from sqlalchemy.orm import Session

from idp.cli import store
from idp.consistency import store as consistency
from idp.deps import Deps
from idp.mail import relay
from idp.migrations import Status
from idp.oidc.keys import flow as key_flow
from idp.oidc.keys import store as keys
from idp.oidc.logout import store as notices
from idp.oidc.registration import store as registration
from idp.oidc.registration.uris import loopback
from idp.passwords.hashing import Hasher
from idp.settings import PREFIX, PolicyPreset, Settings
from idp.settings_rules import DEVELOPMENT_SECRET
from idp.shared import Away, Shared
from idp.tenancy import store as tenancy
from idp.terms import store as terms


class Level(StrEnum):
    READY = "ready"
    CARE = "care"
    BROKEN = "broken"


@dataclass(frozen=True)
class Finding:
    check: str
    level: Level
    detail: str


def local(settings: Settings) -> bool:
    """Whether only this machine can reach the provider: a developer's or a demonstration."""
    return loopback(urlsplit(settings.issuer).hostname)


# --- settings, without a database ------------------------------------------------------------------------------------


def issuer(settings: Settings) -> Finding:
    if settings.secure or local(settings):
        return Finding("issuer", Level.READY, settings.issuer)
    return Finding("issuer", Level.BROKEN, f"{settings.issuer} is not https: passwords would travel readable")


def secret(settings: Settings) -> Finding:
    if settings.secret_key.get_secret_value() != DEVELOPMENT_SECRET:
        return Finding("secret", Level.READY, "the master secret is your own")
    if local(settings):
        return Finding("secret", Level.READY, "the development secret, which is fine on this machine only")
    return Finding("secret", Level.BROKEN, "the development secret is known to everybody: set IDP_SECRET_KEY_FILE")


_CNIL = {
    PolicyPreset.CNIL: "12 characters of 4 kinds: CNIL 2022-100, case 1 (password alone, 80 bits)",
    PolicyPreset.NIST: "15 characters of any kind: CNIL 2022-100, case 2 (with delays after failures, 50 bits)",
    PolicyPreset.SOURCE: "6 characters of 4 kinds, 39 bits: below CNIL 2022-100, whose case 2 asks for 50",
}


def other_clients(settings: Settings) -> Finding:
    """Whether strangers' software may become a client, and what weak forms of the protocol clients may register."""
    weak = [name for name in ("implicit_allowed", "unsigned_id_tokens_allowed") if getattr(settings, name)]
    told = {"off": "registered by operators", "token": "registered with tokens", "open": "registered by anybody"}
    care = bool(weak) or settings.registration == "open"
    detail = told[settings.registration] + (f"; {', '.join(weak)}: for conformance runs" if weak else "")
    return Finding("other clients", Level.CARE if care else Level.READY, detail)


def certificates(settings: Settings) -> Finding:
    """Whether addresses of clients can be trusted at all: `fetch_ca_file` is there and holds certificates."""
    if not settings.fetch_ca_file:
        return Finding("certificates", Level.READY, "the system's, for addresses of clients")
    try:
        ssl.create_default_context(cafile=settings.fetch_ca_file)
    except OSError as error:
        why = error.strerror or "holds no certificate"
        return Finding("certificates", Level.BROKEN, f"fetch_ca_file {settings.fetch_ca_file}: {why}")
    return Finding("certificates", Level.READY, f"those of {settings.fetch_ca_file}, for addresses of clients")


def password_policy(settings: Settings) -> Finding:
    """Which case of the CNIL's recommendation the criteria reach (docs/decisions/0004-password-policy.md)."""
    below = settings.password_policy is PolicyPreset.SOURCE and not local(settings)
    detail = f"{settings.password_policy}: {_CNIL[settings.password_policy]}"
    return Finding("password policy", Level.CARE if below else Level.READY, detail)


def hashing(settings: Settings, deps: Deps) -> Finding:
    """How long one password takes on this machine: what a sign-in costs, and what a rush is made of."""
    hasher = Hasher(deps.digests, cost=settings.bcrypt_cost, concurrency=1, queue_limit=1)
    started = time.perf_counter()
    hasher.hash("how long does it take?")
    seconds = time.perf_counter() - started
    level = Level.CARE if seconds > 1 or (settings.bcrypt_cost < 10 and not local(settings)) else Level.READY
    return Finding("password hashing", level, f"cost {settings.bcrypt_cost}: {seconds * 1000:.0f} ms a password")


def secret_files() -> Iterator[Finding]:
    """Files named by IDP_…_FILE hold secrets: nobody but their owner, and at most the group, may read them."""
    for name, value in sorted(os.environ.items()):
        of_a_secret = name.startswith(PREFIX) and name.endswith("_FILE")
        # A setting may be a file itself, and an open one: certificates.
        if not of_a_secret or name.removeprefix(PREFIX).lower() in Settings.model_fields:
            continue
        try:
            mode = stat.S_IMODE(Path(value).stat().st_mode)
        except OSError as error:
            yield Finding("secret files", Level.BROKEN, f"{value}: {error.strerror}")
            continue
        if mode & stat.S_IRWXO:
            yield Finding("secret files", Level.BROKEN, f"{value} is open to everybody ({mode:04o}): chmod 600")
        else:
            yield Finding("secret files", Level.READY, f"{value} ({mode:04o})")


def mail_server(settings: Settings) -> Finding:
    where = f"{settings.smtp_host}:{settings.smtp_port} ({settings.smtp_security})"
    try:
        server = relay.connect(settings)
    except (OSError, smtplib.SMTPException) as error:
        return Finding("mail server", Level.BROKEN, f"{where} does not answer: {error}")
    try:
        server.noop()
    except (OSError, smtplib.SMTPException) as error:
        return Finding("mail server", Level.BROKEN, f"{where} broke off: {error}")
    finally:
        server.close()
    return Finding("mail server", Level.READY, f"{where} answers")


def shared_memory(settings: Settings) -> Finding:
    """Whether the Valkey or Redis of `redis_url` answers; the service does without it."""
    if not settings.redis_url.get_secret_value():
        return Finding("shared memory", Level.READY, "none: the database does it all")
    shared = Shared(settings)
    try:
        shared.ask(lambda server: server.ping())
    except Away:
        return Finding("shared memory", Level.CARE, "redis_url does not answer: limits are counted in the database")
    finally:
        shared.close()
    return Finding("shared memory", Level.READY, "redis_url answers")


def schema(found: Status) -> Finding:
    """Which version the database is at, where this program may serve on it."""
    if found.waiting:
        rest = "the rest waits until no older program runs: `idp db upgrade --contract`"
        return Finding("schema", Level.READY, f"version {found.current}; {rest}")
    return Finding("schema", Level.READY, f"version {found.current}")


# --- what is stored --------------------------------------------------------------------------------------------------


def signing_keys(db: Session, deps: Deps) -> Finding:
    try:
        stored = keys.keys(db, deps)
    except keys.KeyUnreadable as error:
        return Finding("signing keys", Level.BROKEN, str(error))
    now = deps.now()
    used = {a: key_flow.current(stored, a, now=now) for a in key_flow.ALGORITHMS}
    missing = [algorithm for algorithm, key in used.items() if key is None]
    if missing:
        return Finding("signing keys", Level.BROKEN, f"no {' and no '.join(missing)} key: run `idp db upgrade`")
    signing = {algorithm: key for algorithm, key in used.items() if key is not None}
    oldest = min(signing.values(), key=lambda key: key.signs_from)
    age = (now - oldest.signs_from).days
    if age > 365:
        return Finding(
            "signing keys", Level.CARE, f"the {oldest.algorithm} key signs since {age} days: `idp keys rotate`"
        )
    return Finding("signing keys", Level.READY, f"{', '.join(sorted(signing))}, the oldest {age} days old")


def terms_published(db: Session, _deps: Deps) -> Finding:
    current = terms.current(db)
    if current is None:
        return Finding("terms", Level.BROKEN, "none published: nobody can activate an account (`idp terms publish`)")
    return Finding("terms", Level.READY, f"version {current.version}, since {current.published_at:%Y-%m-%d}")


def default_portals(db: Session, _deps: Deps) -> Finding:
    agencies = [agency for agency in tenancy.agencies(db) if not agency.disabled]
    if not agencies:
        return Finding("agencies", Level.CARE, "none open: `idp agencies create`")
    having = {c.agency_id for c in registration.all_clients(db) if c.default_portal and c.disabled_at is None}
    without = [f"{a.customer_code}/{a.company_code}" for a in agencies if a.id not in having]
    if not without:
        return Finding("agencies", Level.READY, f"{len(agencies)} open, each with a default portal")
    some = ", ".join(without[:5]) + (", …" if len(without) > 5 else "")
    detail = f"{len(without)} of {len(agencies)} have no default portal, their sign-in ends at the profile: {some}"
    return Finding("agencies", Level.CARE, detail)


def portals(db: Session, _deps: Deps) -> Finding:
    if damaged := registration.everything(db)[1]:
        detail = f"{', '.join(damaged)} cannot be read and is refused: `idp clients show` says what to do"
        return Finding("portals", Level.BROKEN, detail)
    return Finding("portals", Level.READY, "each can be read")


def outbox(db: Session, deps: Deps) -> Finding:
    count, oldest = store.waiting_mails(db)
    if oldest is None:
        return Finding("outbox", Level.READY, "no mail waits")
    age = deps.now() - oldest
    level = Level.READY if age < timedelta(minutes=5) else Level.CARE if age < timedelta(hours=1) else Level.BROKEN
    minutes = int(age.total_seconds() // 60)
    return Finding(
        "outbox", level, f"{count} mails wait, the oldest since {minutes} minutes; is `idp mail run` running?"
    )


def portals_told(db: Session, deps: Deps) -> Finding:
    """Portals that wait to hear that somebody signed out: told by the background of `idp serve`, each second."""
    count, oldest = notices.waiting(db)
    if oldest is None or deps.now() - oldest < timedelta(minutes=5):
        return Finding("logout", Level.READY, "every portal was told of what ended")
    minutes = int((deps.now() - oldest).total_seconds() // 60)
    return Finding(
        "logout", Level.CARE, f"{count} notices wait, the oldest since {minutes} minutes: `idp sessions outbox`"
    )


def letters(db: Session, _deps: Deps) -> Finding:
    waiting = store.waiting_letters(db)
    if waiting:
        detail = f"{waiting} generated passwords wait for `idp accounts import --letters`"
        return Finding("letters", Level.CARE, detail)
    return Finding("letters", Level.READY, "no generated password waits for a letters file")


def clock(db: Session, deps: Deps) -> Finding:
    """Hosts must agree on the time: codes live for a minute, and portals refuse tokens from the future."""
    here = deps.now()
    there = store.database_clock(db)
    if there is None:
        if here < datetime(2026, 1, 1, tzinfo=UTC):
            return Finding("clock", Level.BROKEN, f"{here:%Y-%m-%d %H:%M} UTC cannot be right")
        return Finding("clock", Level.READY, f"{here:%Y-%m-%d %H:%M} UTC; the database is on this machine")
    seconds = abs((here - there).total_seconds())
    level = Level.READY if seconds < 2 else Level.CARE if seconds < 30 else Level.BROKEN
    return Finding("clock", level, f"{seconds:.1f} s from the database's clock")


def role(db: Session, _deps: Deps) -> Finding:
    """Whether the service could change the audit trail or the schema, or lacks what it needs (config/postgresql)."""
    found = store.privileges(db)
    if found is None:
        return Finding("database role", Level.READY, "SQLite has none: whoever reads the file may write it")
    for level, why, what in (
        (Level.BROKEN, "lacks", found.missing),
        (Level.CARE, "has more than the service needs:", found.excessive),
    ):
        if what:
            some = ", ".join(what[:3]) + (", …" if len(what) > 3 else "")
            return Finding("database role", level, f"{found.role} {why} {some}; see config/postgresql")
    return Finding("database role", Level.READY, f"{found.role} has what the service needs, and no more")


def fits_together(db: Session) -> Iterator[Finding]:
    """`idp doctor --db`: what no constraint of the database can say."""
    count = 0
    for count, broken in enumerate(consistency.broken(db), 1):  # noqa: B007 - counted
        yield Finding("consistency", Level.BROKEN, f"{broken.rule}, but {', '.join(broken.rows)}")
    if count == 0:
        yield Finding("consistency", Level.READY, f"{len(consistency.RULES)} rules hold")


STORED: tuple[Callable[[Session, Deps], Finding], ...] = (
    signing_keys,
    terms_published,
    default_portals,
    portals,
    outbox,
    portals_told,
    letters,
    clock,
    role,
)
