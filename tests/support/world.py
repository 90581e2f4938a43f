"""The world of a test: a real provider on loopback, its database, a mail server, a clock that can be moved.

One provider for each database and test process is shared; each test makes agencies of its own with codes nobody else
has, so tests need no cleaning up and can run side by side.
"""

from __future__ import annotations

import base64
import hashlib
import itertools
import logging
import re
import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx2 as httpx
from sqlalchemy import delete, event
from werkzeug.serving import WSGIRequestHandler, make_server

from idp import migrations
from idp.accounts.store import identifier_key
from idp.accounts.tables import Contract, ProvisionalAccount
from idp.app import create_app, make_deps
from idp.database import db, reading, transaction
from idp.mail import sender
from idp.oidc.keys import steps as keys
from idp.oidc.registration import metadata, rules
from idp.oidc.registration import secrets as client_secrets
from idp.oidc.registration import store as registration
from idp.settings import Settings, load
from idp.tenancy.tables import Agency, Customer
from idp.terms import store as terms
from idp.throttle.tables import ThrottleCounter
from tests.support import members
from tests.support.mailbox import Mail, Mailbox
from tests.support.person import Person

STRONG = "Cheval-Bleu-42x"
OTHER_STRONG = "Trois-Canards-77"
_COUNT = itertools.count(1)
# One client for all portals; loading certificates for each request would take longer than the request.
HTTP = httpx.Client(timeout=30, verify=False)


class Clock:
    """Now, plus what a test moved it by."""

    def __init__(self) -> None:
        self.shift = timedelta(0)

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self.shift

    def advance(self, **by: float) -> None:
        self.shift += timedelta(**by)


@dataclass(frozen=True)
class Letter:
    """What a person holds in hand."""

    client: str
    societe: str
    identifier: str
    password: str
    email: str | None
    agency_id: str
    id: str

    @property
    def query(self) -> str:
        return urlencode({"client": self.client, "societe": self.societe})


@dataclass(frozen=True)
class AgencyMade:
    id: str
    customer_id: str
    client: str
    societe: str
    name: str

    @property
    def query(self) -> str:
        return urlencode({"client": self.client, "societe": self.societe})


@dataclass(frozen=True)
class Portal:
    """A registered portal, with the client side of the protocol written out for the test."""

    base: str
    client_id: str
    secret: str | None
    redirect_uri: str
    verifier: str = field(default_factory=lambda: secrets.token_urlsafe(48))

    def authorize_url(self, **more: str | None) -> str:
        challenge = base64.urlsafe_b64encode(hashlib.sha256(self.verifier.encode()).digest()).rstrip(b"=").decode()
        parameters: dict[str, str | None] = {
            "client_id": self.client_id,
            "redirect_uri": self.redirect_uri,
            "response_type": "code",
            "scope": "openid profile email address phone offline_access",
            "state": "the-state",
            "nonce": "the-nonce",
            "code_challenge": challenge,
            "code_challenge_method": "S256",
            **more,
        }
        return f"{self.base}/oauth/authorize?" + urlencode({k: v for k, v in parameters.items() if v is not None})

    def token(self, **form: str | None) -> httpx.Response:
        data = {k: v for k, v in form.items() if v is not None}
        auth = (self.client_id, self.secret) if self.secret else None
        if self.secret is None:
            data.setdefault("client_id", self.client_id)
        return HTTP.post(f"{self.base}/oauth/token", data=data, auth=auth)

    def redeem(self, location: str, **more: str | None) -> httpx.Response:
        """The code of an authorization answer, exchanged."""
        return self.token(
            **{
                "grant_type": "authorization_code",
                "code": answer(location)["code"],
                "redirect_uri": self.redirect_uri,
                "code_verifier": self.verifier,
                **more,
            }
        )

    def refresh(self, token: str, **more: str) -> httpx.Response:
        return self.token(grant_type="refresh_token", refresh_token=token, **more)

    def userinfo(self, access_token: str) -> httpx.Response:
        return HTTP.get(f"{self.base}/oauth/userinfo", headers={"Authorization": f"Bearer {access_token}"})

    def post(self, path: str, **form: str) -> httpx.Response:
        return HTTP.post(f"{self.base}{path}", data=form, auth=(self.client_id, self.secret or ""))


def answer(location: str) -> dict[str, str]:
    """The parameters of an authorization answer, in the query or in the fragment."""
    parts = urlsplit(location)
    return {name: values[0] for name, values in parse_qs(parts.fragment or parts.query).items()}


def claims(token: str) -> dict[str, Any]:
    """The payload of a signed token, its signature not looked at."""
    import json

    payload = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))  # type: ignore[no-any-return]


class _Quiet(WSGIRequestHandler):
    protocol_version = "HTTP/1.1"

    def log(self, *_: Any) -> None: ...


class ProviderServer:
    """The provider on a port of its own, in threads of the test process, so that its clock can be moved."""

    def __init__(self, database_url: str, mailbox: Mailbox, *, clock: Clock | None = None, **settings: str) -> None:
        self.clock = clock or Clock()
        # The address must be known before the application is made, since it is the issuer.
        holder = make_server("127.0.0.1", 0, lambda *_: [], threaded=True, request_handler=_Quiet)
        self.base = f"http://127.0.0.1:{holder.server_port}"
        self.environ = {
            "IDP_ISSUER": self.base,
            "IDP_DATABASE_URL": database_url,
            "IDP_BCRYPT_COST": "4",
            "IDP_HASHING_CONCURRENCY": "8",
            "IDP_HASHING_QUEUE_LIMIT": "200",
            "IDP_DATABASE_POOL_SIZE": "20",
            # A busy machine is no fault of the database.
            "IDP_DATABASE_WAIT_SECONDS": "60",
            "IDP_DATABASE_LOCK_TIMEOUT_SECONDS": "30",
            # Off where nothing is set; what they allow is only for clients that register it.
            "IDP_IMPLICIT_ALLOWED": "true",
            "IDP_UNSIGNED_ID_TOKENS_ALLOWED": "true",
            "IDP_SMTP_PORT": str(mailbox.port),
            "IDP_THROTTLE_NETWORK_FREE_ATTEMPTS": "100000",
            **settings,
        }
        self.settings: Settings = load(self.environ)
        self.deps = make_deps(self.settings, now=self.clock)
        self.app = create_app(self.settings, self.deps)
        self.mailbox = mailbox
        self.delivering = threading.Lock()
        migrations.upgrade(self.app)
        with self.app.app_context():
            keys.ensure(self.deps)
            with transaction() as session:
                if terms.current_id(session) is None:
                    terms.publish(
                        session,
                        terms_id=self.deps.new_id(),
                        terms_of_use="# Objet\n\nLes présentes conditions…",
                        privacy_policy="# Vos données\n\nVotre agence…",
                        now=self.clock(),
                    )
        holder.app = self.app
        self._server = holder
        self._thread = threading.Thread(target=holder.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    def restart(self) -> None:
        """Begin again from the database and the settings alone: nothing that the application held in memory is left."""
        with self.app.app_context():
            db.engine.dispose()
        self.deps = make_deps(self.settings, now=self.clock)
        self.app = create_app(self.settings, self.deps)
        self._server.app = self.app

    def stop(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
        with self.app.app_context():
            db.engine.dispose()


class World:
    """What a test says: `world.letter()`, `world.person()`, `world.mails_to(…)`, `world.portal(agency)`."""

    def __init__(self, server: ProviderServer) -> None:
        self.server = server
        self.base = server.base
        self.deps = server.deps
        self.clock = server.clock
        self.mailbox = server.mailbox
        self._people: list[Person] = []
        self.clock.shift = timedelta(0)
        self.mailbox.answer = None
        self.forget_attempts()

    def forget_attempts(self) -> None:
        """Start throttling anew: all tests come from one network, and some try more often than a person may."""
        with self.transaction() as session:
            session.execute(delete(ThrottleCounter))

    @contextmanager
    def transaction(self) -> Iterator[Any]:
        with self.server.app.app_context(), transaction() as session:
            yield session

    @contextmanager
    def reading(self) -> Iterator[Any]:
        with self.server.app.app_context(), reading() as session:
            yield session

    # --- people and agencies -----------------------------------------------------------------------------------------

    def person(self, **options: Any) -> Person:
        person = Person(self.base, **options)
        self._people.append(person)
        return person

    def close(self) -> None:
        """Close the browsers of all people."""
        for person in self._people:
            person.http.close()

    def agency(self, *, customer: AgencyMade | None = None, **columns: Any) -> AgencyMade:
        """A new agency: of a new customer, or of the same customer as another one."""
        number = f"{next(_COUNT)}{secrets.token_hex(3)}".upper()
        now = self.clock()
        with self.transaction() as session:
            if customer is None:
                customer_id, code = self.deps.new_id(), f"C{number}"
                session.add(Customer(id=customer_id, code=code, name=f"Groupe {number}", created_at=now))
                session.flush()
            else:
                customer_id, code = customer.customer_id, customer.client
            row = {
                "id": self.deps.new_id(),
                "customer_id": customer_id,
                "code": f"S{number}",
                "name": f"Agence {number}",
                "brand_color": "#7a1f5c",
                "support_phone": "+33562279530",
                "support_email": "contact@agence.exemple.fr",
                "created_at": now,
                **columns,
            }
            session.add(Agency(**row))
        return AgencyMade(row["id"], customer_id, code, row["code"], row["name"])

    def letter(
        self,
        agency: AgencyMade | None = None,
        *,
        email: str | None = "",
        contracts: tuple[str, ...] = ("V1001",),
        password: str | None = None,
        **columns: Any,
    ) -> Letter:
        """A letter in hand. email: the suggested address; None for none; empty for a fresh one."""
        agency = agency or self.agency()
        number = f"{next(_COUNT)}{secrets.token_hex(3)}"
        if email == "":
            email = f"roland.{number}@exemple.org"
        password = password or f"pw{number}"
        identifier = f"ID{number}".upper()
        now = self.clock()
        letter_id = self.deps.new_id()
        row = {
            "id": letter_id,
            "agency_id": agency.id,
            "identifier": identifier,
            "identifier_key": identifier_key(identifier),
            "password_digest": self.deps.hasher.hash(password),
            "expires_at": now + timedelta(days=365),
            "civility": "Mme",
            "last_name": "HOAREAU",
            "first_name": "Rolande",
            "company_name": "",
            "suggested_email": email,
            "phone": "+33195797853",
            "street": "509, boulevard Breton",
            "postal_code": "59469",
            "city": "Saint-Laurent",
            "role": "locataire",
            "mandate": "1777",
            "import_run": "test",
            "import_line": 1,
            "import_digest": "0" * 64,
            "created_at": now,
            "updated_at": now,
            **columns,
        }
        with self.transaction() as session:
            session.add(ProvisionalAccount(**row))
            session.flush()
            for position, reference in enumerate(contracts):
                session.add(
                    Contract(
                        id=self.deps.new_id(),
                        provisional_account_id=letter_id,
                        reference=reference,
                        role=row["role"],
                        mandate=row["mandate"],
                        position=position,
                    )
                )
        return Letter(agency.client, agency.societe, identifier, password, email, agency.id, letter_id)

    def member(self, agency: AgencyMade | None = None, *, password: str = STRONG, **letter: Any) -> tuple[Letter, str]:
        """A person whose account is up to date, as the upgrade leaves it; the letter and the account id."""
        held = self.letter(agency, **letter)
        return held, members.join(self, held, password)

    def upgraded(
        self, agency: AgencyMade | None = None, *, password: str = STRONG, **letter: Any
    ) -> tuple[Letter, str]:
        """The same, led through the flow's steps: for what looks at their mail, flow or audit."""
        held = self.letter(agency, **letter)
        return held, members.upgrade(self, held, password)

    # --- mail --------------------------------------------------------------------------------------------------------

    def deliver(self) -> None:
        """Send what waits in the outbox, now; what another thread is sending has arrived when this is done."""
        with self.server.delivering, self.server.app.app_context():
            while sender.deliver_due(self.deps) == sender.BATCH:
                pass

    def mails_to(self, address: str | None) -> list[Mail]:
        assert address
        self.deliver()
        return self.mailbox.to(address)

    def link_for(self, address: str | None) -> str:
        """The path of the link in the newest mail to an address."""
        found = re.search(r"https?://[^/\s]+(/\S+/confirm/\S+)", self.mails_to(address)[-1].text)
        assert found is not None
        return found[1]

    def code_for(self, address: str | None) -> str:
        """The code in the newest mail to an address."""
        found = re.search(r"^(\d{4} \d{4})$", self.mails_to(address)[-1].text, re.MULTILINE)
        assert found is not None
        return found[1]

    # --- portals -----------------------------------------------------------------------------------------------------

    def portal(self, agency: AgencyMade | Letter | None, **changes: Any) -> Portal:
        """A registered portal of an agency (None: of the platform)."""
        number = f"{next(_COUNT)}{secrets.token_hex(3)}"
        secret = secrets.token_urlsafe(32)
        agency_id = None if agency is None else agency.id if isinstance(agency, AgencyMade) else agency.agency_id
        record: dict[str, Any] = {
            "id": f"portal-{number}",
            "name": f"Portail {number}",
            "customer_id": None,
            "agency_id": agency_id,
            "default_portal": False,
            "application_type": "web",
            "token_endpoint_auth_method": "client_secret_basic",
            "grant_types": metadata.GRANT_TYPES,
            "redirect_uris": (f"https://portail-{number}.exemple.fr/retour",),
            "post_logout_redirect_uris": (f"https://portail-{number}.exemple.fr/",),
            "scope": " ".join(metadata.SCOPES),
            "require_pkce": True,
            "id_token_signed_response_alg": "RS256",
            "initiate_login_uri": f"https://portail-{number}.exemple.fr/connexion",
            **changes,
        }
        client = metadata.Client(**record)
        assert rules.problems(client, self.deps.settings) == []
        with self.transaction() as session:
            registration.create(session, client, now=self.clock())
            if client.has_secret:
                client_secrets.put(session, self.deps, client, secret)
        return Portal(self.base, client.id, secret if client.has_secret else None, client.redirect_uris[0])

    def signed_in(self, letter: Letter, *, password: str = STRONG) -> Person:
        """A person at a browser of their own, signed in."""
        person = self.person()
        person.open(f"/login?{letter.query}")
        assert letter.email
        person.submit(identifier=letter.email, password=password)
        assert "session" in person.cookies
        return person

    # --- counting ----------------------------------------------------------------------------------------------------

    @property
    def postgresql(self) -> bool:
        return self.server.settings.database_url.get_secret_value().startswith("postgresql")

    @contextmanager
    def statements(
        self, kinds: tuple[str, ...] = ("SELECT", "INSERT", "UPDATE", "DELETE", "WITH")
    ) -> Iterator[list[str]]:
        """The SQL statements that the provider runs meanwhile, but for the look at the keys that comes every ten seconds."""
        seen: list[str] = []

        def record(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
            if "FROM signing_keys" not in statement and statement.split(None, 1)[0].upper() in kinds:
                seen.append(statement)

        with self.server.app.app_context():
            engine = db.engine
        event.listen(engine, "before_cursor_execute", record)
        try:
            yield seen
        finally:
            event.remove(engine, "before_cursor_execute", record)


logging.getLogger("werkzeug").setLevel(logging.ERROR)
