"""Secrets of a started service at its most talkative: nothing that it writes anywhere holds one.

The service and the mail sender run as processes of their own with IDP_LOG_LEVEL=DEBUG, people and portals do everything,
and each secret that took part is looked for in the logs, the traces, the audit trail and its export, the metrics, the outbox,
and the mails (a link and a code stand in the mail that brings them, and there alone).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import select

from idp.audit.tables import AuditEvent
from idp.mail.tables import OutboxMail
from idp.oidc.keys import store as keys
from tests.demo.running import wait_until
from tests.hostile.test_secrets import whole_journey
from tests.support.collector import Collector
from tests.support.served import Served
from tests.support.world import HTTP, ProviderServer, World

SMTP_PASSWORD = "marker-smtp-password-5c1f"
SECRET_PARTS = ("d", "p", "q", "dp", "dq", "qi")


class Outside(World):
    """The world whose people and portals use the started service, and whose mails its own sender delivers."""

    def __init__(self, provider: ProviderServer, served: Served) -> None:
        super().__init__(provider)
        self.base = served.base
        self.served = served

    def person(self, **options: Any) -> Any:
        return self.served.person(**options)

    def deliver(self) -> None:
        self.served.command("mail", "run", "--once")


@pytest.fixture(scope="module")
def collector() -> Iterator[Collector]:
    made = Collector()
    yield made
    made.stop()


@pytest.fixture(scope="module")
def talkative(
    provider: ProviderServer, collector: Collector, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Served]:
    served = Served(
        provider,
        log=tmp_path_factory.mktemp("log") / "stderr",
        IDP_LOG_LEVEL="DEBUG",
        IDP_SMTP_PASSWORD=SMTP_PASSWORD,
        IDP_SMTP_PORT=str(provider.mailbox.port),
        IDP_REGISTRATION="open",
        IDP_TRACES_ENDPOINT=collector.endpoint,
    )
    yield served
    served.stop()


def test_no_secret_is_in_anything_that_is_written(
    provider: ProviderServer, talkative: Served, collector: Collector
) -> None:
    world = Outside(provider, talkative)
    mails_before = len(world.mailbox.messages)

    secrets, _ = whole_journey(world)
    secrets |= registered(talkative) | of_the_service(world)
    secrets |= {f"{code[:4]} {code[4:]}" for code in secrets if re.fullmatch(r"\d{8}", code)}  # as people see them
    world.deliver()

    # Each worker sends its spans in their order, and both are asked: once these are there, so is what came before.
    last = [f"last-trace-{n}" for n in range(20)]
    for reference in last:
        HTTP.get(f"{talkative.base}/health/live", headers={"X-Request-Id": reference})
    assert wait_until(lambda: all(reference in collector.text for reference in last), 60)

    written = {
        "traces": collector.text,
        "logs": talkative.log_text(),
        "metrics": talkative.scrape(),
        "audit": talkative.command("audit", "export", "--from", "2020-01-01"),
        "search": talkative.command("audit", "search", "x"),
        "settings": talkative.command("config", "show"),
    }
    with world.reading() as db:
        events = db.scalars(select(AuditEvent)).all()
        written["events"] = json.dumps([[str(value) for value in vars(event).values()] for event in events])
        mails = db.execute(select(OutboxMail).where(OutboxMail.state == "sent")).scalars()
        written["outbox"] = json.dumps([[str(value) for value in vars(mail).values()] for mail in mails])

    # Libraries would talk at this level, and say too much (Authlib prints tokens, SQLAlchemy rows): they are held back.
    assert {"failure shown", "mail sent"} <= set(re.findall(r'"message": "([^"]+)"', written["logs"]))
    assert "login.succeeded" in written["audit"]
    assert "/reset/confirm/<token>" in written["traces"]
    assert {"password hash", "mail send", "job logout"} <= {name for name, _ in collector.spans()}
    assert "idp_sign_ins_total" in written["metrics"]
    found = {(where, secret) for where, text in written.items() for secret in secrets if stands(secret, text)}
    assert not found
    for mail in world.mailbox.messages[mails_before:]:
        once = {secret for secret in secrets if stands(secret, mail.text + mail.html)}
        assert once <= brought(mail.text), "a mail holds a secret that it is not there to bring"


def stands(secret: str, text: str) -> bool:
    """Whether a secret stands in a text; short ones (codes) only as a word, since they are digits like any other."""
    return secret in text if len(secret) > 10 else re.search(rf"(?<!\w){re.escape(secret)}(?!\w)", text) is not None


def brought(text: str) -> set[str]:
    """The link's token and the code of a mail."""
    return set(re.findall(r"/confirm/(\S+)", text)) | set(re.findall(r"^\d{4} \d{4}$", text, re.MULTILINE))


def registered(served: Served) -> set[str]:
    """Secrets of a client that registered itself, and looked at itself."""
    document = {"redirect_uris": ["https://autre.exemple.fr/retour"], "client_name": "Autre"}
    told = HTTP.post(f"{served.base}/oauth/register", json=document).json()
    token = told["registration_access_token"]
    HTTP.get(told["registration_client_uri"], headers={"Authorization": f"Bearer {token}"})
    HTTP.get(told["registration_client_uri"], headers={"Authorization": f"Bearer {token}wrong"})
    return {token, told["client_secret"]}


def of_the_service(world: World) -> set[str]:
    """The master secret, what else is in the settings, and the private parts of all keys."""
    with world.reading() as db:
        stored = [json.loads(key.private_jwk) for key in keys.keys(db, world.deps)]
    private = {jwk[part] for jwk in stored for part in SECRET_PARTS if part in jwk}
    assert private
    return private | {world.server.settings.secret_key.get_secret_value(), SMTP_PASSWORD}
