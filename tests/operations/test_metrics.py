"""What a started service tells Prometheus, over HTTP, after people and portals really used it."""

from __future__ import annotations

import os
import re
import secrets
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families
from pydantic import SecretStr
from sqlalchemy import delete, event, insert, text

from idp import exporter, metrics, shared
from idp.database import db as flask_db
from idp.deps import Deps
from idp.mail import store as mail
from idp.mail.tables import OutboxMail
from idp.metric_files import MetricFiles
from idp.settings import Settings
from idp.shared import Shared
from tests.demo.running import wait_until
from tests.faults.catalogue import fault
from tests.support.acts import ask_reset, show_letter, sign_in
from tests.support.served import Served
from tests.support.valkey import Server
from tests.support.world import HTTP, World

Samples = dict[tuple[str, tuple[tuple[str, str], ...]], float]


def samples(served: Served) -> Samples:
    return {
        (one.name, tuple(sorted(one.labels.items()))): one.value
        for family in text_string_to_metric_families(served.scrape())
        for one in family.samples
    }


class Counted:
    """How much each sample grew."""

    def __init__(self) -> None:
        self.before: Samples = {}
        self.after: Samples = {}

    def __call__(self, name: str, **labels: str) -> float:
        key = (name, tuple(sorted(labels.items())))
        return self.after.get(key, 0.0) - self.before.get(key, 0.0)


@contextmanager
def counting(served: Served) -> Iterator[Counted]:
    counted = Counted()
    counted.before = samples(served)
    yield counted
    counted.after = samples(served)


def test_sign_ins_flows_tokens_and_requests_are_counted_over_all_workers(world: World, served: Served) -> None:
    letter, _ = world.member()
    other = world.letter()
    portal = replace(world.portal(letter), base=served.base)

    with counting(served) as counted:
        for _ in range(4):
            person = served.person()
            person.open(portal.authorize_url())
            sign_in(person, letter, query=letter.query)
        sign_in(served.person(), letter, password="Faux-Mot-99x")
        ask_reset(served.person(), letter)
        holder = served.person()
        show_letter(holder, other)
        holder.submit(having="email")
        person.open(portal.authorize_url())
        tokens = portal.redeem(person.sent_to).json()
        portal.refresh(tokens["refresh_token"])
        portal.refresh("wrong")
        portal.token(grant_type="client_credentials")

    assert counted("idp_sign_ins_total", outcome="succeeded") == 4
    assert counted("idp_sign_ins_total", outcome="wrong_credentials") == 1
    assert counted("idp_flow_steps_total", flow="upgrade", state="awaiting_email") == 1
    assert counted("idp_flow_steps_total", flow="upgrade", state="awaiting_password") == 1
    assert counted("idp_flow_steps_total", flow="reset", state="awaiting_link") == 1
    assert counted("idp_audit_events_total", event="login.refused") == 1
    assert counted("idp_token_requests_total", grant_type="authorization_code", outcome="issued") == 1
    assert counted("idp_token_requests_total", grant_type="refresh_token", outcome="issued") == 1
    assert counted("idp_token_requests_total", grant_type="refresh_token", outcome="invalid_grant") == 1
    assert counted("idp_token_requests_total", grant_type="client_credentials", outcome="issued") == 1
    assert counted("idp_request_seconds_count", route="/oauth/token", status="2xx") == 3
    assert counted("idp_request_seconds_count", route="/oauth/token", status="4xx") == 1
    assert counted("idp_hashing_wait_seconds_count") >= 6
    assert counted.after["idp_hashing_waiting", ()] == 0
    assert counted.after["idp_database_up", ()] == 1
    # Two workers, each with the pool of five and ten more.
    assert counted.after["idp_database_connections_limit", ()] == 30
    assert 0 <= counted.after["idp_signing_key_age_seconds", (("algorithm", "ES256"),)] < 86400
    assert [key for key in counted.after if key[0] == "idp_build_info"]


def test_an_attempt_that_a_limit_refuses_is_counted_by_the_kind_of_limit(world: World, served: Served) -> None:
    letter, _ = world.member()
    person = served.person()

    with counting(served) as counted:
        for _ in range(8):
            sign_in(person, letter, password="Faux-Mot-99x")

    assert counted("idp_sign_ins_total", outcome="too_many_attempts") > 0
    assert counted("idp_throttled_total", limit="account") > 0
    world.forget_attempts()


def test_nothing_from_outside_becomes_a_label(world: World, served: Served) -> None:
    """Random paths, methods, grant types, clients, codes, identifiers: not one series that was not there before."""
    portal = replace(world.portal(None), base=served.base)

    def attack() -> str:
        mark = secrets.token_hex(8)
        for method, path in (
            ("GET", f"/{mark}"),
            (f"X{mark.upper()}", "/login"),
            ("DELETE", f"/oauth/token?{mark}"),
            ("GET", f"/upgrade/{mark}/email"),
            ("GET", f"/login?client={mark}&societe={mark}"),
            ("GET", f"/oauth/authorize?client_id={mark}&response_type={mark}"),
        ):
            HTTP.request(method, served.base + path, headers={"X-Request-Id": mark, "User-Agent": mark, "Host": mark})
        portal.token(grant_type=mark)
        portal.token(grant_type="authorization_code", code=mark)
        replace(portal, client_id=mark).token(grant_type="refresh_token", refresh_token=mark)
        HTTP.post(f"{served.base}/oauth/token", content=mark)
        return mark

    marks = [attack()]
    before = set(samples(served))
    marks += [attack() for _ in range(20)]
    told = served.scrape()

    assert set(samples(served)) == before
    assert "unmatched" in told
    assert not [mark for mark in [*marks, portal.client_id] if mark.lower() in told.lower()]


def test_that_nobody_signed_in_is_told_from_the_start() -> None:
    told = generate_latest(metrics.Meters(MetricFiles(None)).registry).decode()

    assert 'idp_sign_ins_total{outcome="succeeded"} 0.0' in told


def test_metrics_are_not_on_the_public_port(served: Served) -> None:
    assert HTTP.get(f"{served.base}/metrics").status_code == 404


def test_when_the_worker_that_answers_dies_another_takes_over_and_no_count_is_lost(
    world: World, served: Served
) -> None:
    letter, _ = world.member()
    sign_in(served.person(), letter)
    before = samples(served)

    # Both, one after the other: one of them was the one that answered.
    for worker in workers(served):
        os.kill(worker, signal.SIGKILL)
        assert wait_until(lambda worker=worker: worker not in workers(served) and len(workers(served)) == 2, 30)  # type: ignore[misc]
        assert wait_until(lambda: scraped(served), 30)

    key = ("idp_sign_ins_total", (("outcome", "succeeded"),))
    assert samples(served)[key] >= before[key] > 0
    assert wait_until(lambda: samples(served)["idp_database_connections_limit", ()] == 30, 30), "the dead own nothing"


def workers(served: Served) -> list[int]:
    children = Path(f"/proc/{served.process.pid}/task/{served.process.pid}/children").read_text().split()
    return [int(pid) for pid in children if b"spawn" not in Path(f"/proc/{pid}/cmdline").read_bytes()]


def scraped(served: Served) -> bool:
    try:
        return "idp_build_info" in served.scrape()
    except Exception:  # noqa: BLE001 - not there yet
        return False


@fault("X12")
def test_the_shared_memory_is_told_to_be_away_and_back(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first sign of it was a line in a log, and the guide's word was that nobody notices: nor did the operator."""
    monkeypatch.setattr(shared, "PAUSE_SECONDS", 0.0)
    server = Server(tmp_path)
    memory = Shared(Settings(redis_url=SecretStr(server.url), redis_wait_milliseconds=2000))

    def up(deps: Deps) -> list[float]:
        told = [family for family in exporter.Stored(deps).collect() if family.name == "idp_shared_memory_up"]
        return [sample.value for family in told for sample in family.samples]

    sharing = replace(world.deps, shared=memory)
    try:
        there = up(sharing)
        server.stop()
        away = up(sharing)
        server.start()
        back = up(sharing)
    finally:
        memory.close()
        server.close()

    assert (there, away, back) == ([1], [0], [1])
    assert up(world.deps) == [], "no memory is no memory away"


# --- what the database is asked --------------------------------------------------------------------------------------


def test_the_outbox_is_told_by_its_oldest_mail_and_by_what_was_refused_lately(world: World) -> None:
    now = world.clock() + timedelta(days=400)  # past every other mail of this database

    def add(state: str, age: timedelta) -> dict[str, Any]:
        at = now - age
        return {
            "id": secrets.token_hex(16), "kind": "delivery_test", "recipient": "lea@exemple.org", "sender_name": "A",
            "subject": "S", "state": state, "attempts": 1, "next_attempt_at": at, "created_at": at,
        }  # fmt: skip

    with world.transaction() as db:
        db.execute(delete(OutboxMail).where(OutboxMail.state == "queued"))
        db.execute(insert(OutboxMail), [add("queued", timedelta(minutes=age)) for age in (1, 7, 3)])
        db.execute(insert(OutboxMail), [add("refused", timedelta(minutes=age)) for age in (5, 30, 90)])
        standing = mail.standing(db, now=now)
        db.rollback()

    assert standing == mail.Standing(queued=3, refused=2, oldest=timedelta(minutes=7), paused=0)


def test_no_statement_of_a_scrape_reads_a_whole_table(world: World) -> None:
    """Whatever the outbox holds: each statement finds its few rows by an index."""
    with world.server.app.app_context():
        engine = flask_db.engine
    seen: list[tuple[str, Any]] = []

    def note(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        if "outbox" in statement:
            seen.append((statement, parameters))

    event.listen(engine, "before_cursor_execute", note)
    with world.reading() as db:
        mail.standing(db, now=datetime.now(UTC))
    event.remove(engine, "before_cursor_execute", note)

    sqlite = engine.dialect.name == "sqlite"
    with world.transaction() as db:
        if not sqlite:  # with few rows PostgreSQL would rather read them all
            db.execute(text("SET LOCAL enable_seqscan = off"))
        plans = [
            "\n".join(
                str(row) for row in db.connection().exec_driver_sql(f"{_EXPLAIN[sqlite]} {statement}", parameters)
            )
            for statement, parameters in seen
        ]
    assert len(plans) == 3
    for plan in plans:
        assert re.search(r"ix_outbox_mails_\w+", plan), plan
        assert "Seq Scan" not in plan


_EXPLAIN = {True: "EXPLAIN QUERY PLAN", False: "EXPLAIN"}


@pytest.mark.parametrize("wrong", ["9464", "127.0.0.1", "127.0.0.1:0", "127.0.0.1:x", "http://127.0.0.1:9464", ":9464"])
def test_an_address_of_metrics_is_an_address_and_a_port(wrong: str) -> None:
    from idp.settings import SettingsError, load

    with pytest.raises(SettingsError, match="metrics_bind"):
        load({"IDP_METRICS_BIND": wrong})
    assert load({"IDP_METRICS_BIND": "[::1]:9464"}).metrics_bind == "[::1]:9464"
