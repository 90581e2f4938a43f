"""Traces, sent to a real receiver of OTLP: what ran and how long, and nothing of anybody."""

from __future__ import annotations

import secrets
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from idp import background, spans, traces
from idp.mail.tables import OutboxMail
from idp.oidc.keys.keyring import Keyring
from idp.settings import SettingsError, load
from tests.hostile.test_secrets import whole_journey
from tests.support.acts import ask_reset, sign_in
from tests.support.collector import Collector
from tests.support.mailbox import Mailbox
from tests.support.ports import free_port
from tests.support.world import HTTP, ProviderServer, World

# All that a span may say.
ATTRIBUTES = {
    "http.request.method",
    "http.route",
    "http.response.status_code",
    "idp.request",
    "db.system.name",
    "db.operation.name",
    "db.query.text",
    "error.type",
    "idp.hashing.waited_seconds",
    "idp.mail.attempts",
    "idp.mail.outcome",
}


@pytest.fixture(scope="module")
def collector() -> Iterator[Collector]:
    made = Collector()
    yield made
    made.stop()


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def traced(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    mailbox: Mailbox,
    new_database: Callable[[str], str],
    collector: Collector,
) -> Iterator[ProviderServer]:
    folder = tmp_path_factory.mktemp("traced")
    url = new_database("traced") if request.param == "postgresql" else f"sqlite:///{folder / 'idp.sqlite'}"
    made = ProviderServer(url, mailbox, IDP_TRACES_ENDPOINT=collector.endpoint)
    yield made
    made.app.extensions[traces.EXTENSION].shutdown()
    spans.disable()
    made.stop()


@pytest.fixture
def there(traced: ProviderServer) -> Iterator[World]:
    made = World(traced)
    yield made
    made.close()


def arrived(there: World, collector: Collector) -> list[dict[str, object]]:
    """The attributes of all spans, once every request until now has been sent."""
    there.server.app.extensions[traces.EXTENSION].force_flush()
    return [attributes for _, attributes in collector.spans()]


def test_no_span_holds_a_secret_or_says_more_than_it_may(there: World, collector: Collector) -> None:
    known, _ = whole_journey(there)
    for job in background.jobs(there.deps, Keyring(there.deps)):
        background.do(there.server.app, job)
    told = arrived(there, collector)

    assert {name for span in told for name in span} <= ATTRIBUTES
    assert {span.get("http.route") for span in told} >= {"/reset/confirm/<token>", "/oauth/token", "/login"}
    assert {span.get("db.operation.name") for span in told} >= {"SELECT", "INSERT", "UPDATE"}
    names = {name for name, _ in collector.spans()}
    assert names >= {"password hash", "password verify", "mail send", "job logout", "job keys", "job audit"}
    with there.reading() as db:
        recipients = set(db.scalars(select(OutboxMail.recipient).where(OutboxMail.recipient != "")))
    assert recipients
    assert not [address for address in recipients if address in collector.text]
    long = [secret for secret in known if len(secret) > 10]
    assert len(long) > 10
    assert not [secret for secret in long if secret in collector.text]
    values = [str(value) for span in told for value in span.values()]
    assert not [secret for secret in known if secret in values]


def test_a_request_is_found_by_the_id_of_its_error_page_with_the_statements_in_it(
    there: World, collector: Collector
) -> None:
    letter, _ = there.member()
    person = there.person()
    person.open(f"/login?{letter.query}")
    reference = f"test-{secrets.token_hex(8)}"
    person.get("/nothing/at/all", headers={"X-Request-Id": reference})

    found = [span for span in arrived(there, collector) if span.get("idp.request") == reference]

    assert [(span["http.response.status_code"], span.get("http.route")) for span in found] == [(404, None)]
    assert "/nothing" not in collector.text


def test_what_comes_from_outside_neither_names_a_span_nor_joins_a_trace(there: World, collector: Collector) -> None:
    trace_id = secrets.token_hex(16)
    headers = {"traceparent": f"00-{trace_id}-{secrets.token_hex(8)}-01", "User-Agent": "marker-agent-77"}
    HTTP.request("MARKER", f"{there.base}/login?marker-query=1", headers=headers)
    arrived(there, collector)

    assert "marker" not in collector.text.lower()
    assert bytes.fromhex(trace_id) not in b"".join(collector.bodies)


def test_a_failing_statement_tells_its_kind_and_not_its_row(
    there: World, collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    """PostgreSQL repeats in its message the row that is there already."""
    agency = there.agency()
    again = text("INSERT INTO customers (id, code, name, created_at) SELECT id, code, name, created_at FROM customers")

    def twice(db: Session, *_: object, **__: object) -> None:
        db.execute(again)

    monkeypatch.setattr("idp.login.views.terms.current", twice)
    assert there.person().get("/legal/terms").status_code == 503
    failed = [span for span in arrived(there, collector) if "error.type" in span and "db.query.text" in span]

    assert failed
    assert {span["error.type"] for span in failed} <= {"IntegrityError", "UniqueViolation"}
    assert agency.customer_id not in collector.text
    assert agency.client not in collector.text


def test_hashing_is_a_part_of_its_request_and_a_mail_is_a_trace_of_its_own(there: World, collector: Collector) -> None:
    letter, _ = there.member()
    sign_in(there.person(), letter)
    ask_reset(there.person(), letter)
    there.deliver()
    arrived(there, collector)
    families = collector.families()

    assert {"password verify"} <= families["POST /login"]
    assert families["mail send"] >= {"UPDATE"}
    assert families[None] >= {"mail send", "POST /login"}
    assert "password verify" not in families[None]


def test_work_that_fails_tells_its_kind_and_not_its_words(there: World, collector: Collector) -> None:
    def fails() -> None:
        raise ValueError("marker-of-a-failure@exemple.org")

    background.do(there.server.app, background.Job("broken", 1, fails))
    arrived(there, collector)

    assert {"error.type": "ValueError"} in [told for name, told in collector.spans() if name == "job broken"]
    assert "marker-of-a-failure" not in collector.text


def test_a_collector_that_is_away_is_nobodys_concern(mailbox: Mailbox, tmp_path: Path) -> None:
    server = ProviderServer(
        f"sqlite:///{tmp_path / 'idp.sqlite'}",
        mailbox,
        IDP_TRACES_ENDPOINT=f"http://127.0.0.1:{free_port()}/v1/traces",
        IDP_TRACES_SAMPLED_PERCENT="50",
    )
    there = World(server)
    letter, _ = there.member()
    try:
        assert sign_in(there.person(), letter).heading == "Profil"
    finally:
        server.app.extensions[traces.EXTENSION].shutdown()
        spans.disable()
        there.close()
        server.stop()


@pytest.mark.parametrize(
    "value", ["127.0.0.1:4318", "ftp://x", "http://user:marker@host/v1/traces", "http://host/?key=marker"]
)
def test_an_address_with_credentials_is_no_address_of_a_collector(value: str, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="traces_endpoint") as refused:
        load({"IDP_TRACES_ENDPOINT": value}, config_dir=tmp_path)

    assert "marker" not in str(refused.value)


def test_without_the_library_the_setting_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk", None)  # as if it were not installed

    with pytest.raises(SettingsError, match=r"mon-compte-immobilier\[opentelemetry\]"):
        load({"IDP_TRACES_ENDPOINT": "http://127.0.0.1:4318/v1/traces"}, config_dir=tmp_path)
