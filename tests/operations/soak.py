"""A long mixed load in which months pass: tables, memory, descriptors and connections must find a bound.

    python -m tests.operations.soak MINUTES

Each lap people activate accounts, sign in, refresh, mistype, forget and sign out, while the purge runs without a pause;
then the clock goes on by six weeks. What every lap adds is the same, so once the longest retention is over no table may
grow any more but those that the purge keeps on purpose (`idp.purge.KEPT`), and neither may the process.
"""

from __future__ import annotations

import resource
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import func, select, text

from idp import purge
from idp.audit.chain import steps as chain
from idp.database import db as flask_db
from tests.support import postgres
from tests.support.acts import ask_for_account, ask_reset, confirm, sign_in
from tests.support.mailbox import Mailbox
from tests.support.world import Portal, ProviderServer, World

LAP_DAYS = 45
WARM = 6  # laps: longer than everything here is kept
# The shortest that the law's advice allows, and a refresh token that outlives a lap.
SETTINGS = {
    "IDP_AUDIT_RETENTION_DAYS": "180",
    "IDP_REFRESH_TOKEN_IDLE_DAYS": "60",
    "IDP_REFRESH_TOKEN_ABSOLUTE_DAYS": "120",
    "IDP_SESSION_ABSOLUTE_DAYS": "60",
}


@dataclass(frozen=True)
class Lap:
    """What there is at the end of a lap. rows: of each table that has a bound; memory: resident, in MiB."""

    rows: dict[str, int]
    memory: float
    descriptors: int
    connections: int


class Soak:
    """A provider under load. `laps` grows by one with each `lap()`."""

    def __init__(self, url: str, mailbox: Mailbox, *, lives: int) -> None:
        self.server = ProviderServer(url, mailbox, **SETTINGS)
        self.world = World(self.server)
        self.laps: list[Lap] = []
        self.requests = 0
        self._lives = lives
        self._agency = self.world.agency()
        self._portal: Portal = self.world.portal(self._agency)
        self._kept = ""  # a refresh token that is used once a lap, and must live

    def lap(self) -> None:
        with self._purging():
            for _ in range(self._lives):
                self._life()
        with self.server.app.app_context():
            chain.seal(self.server.deps)
            for _ in purge.run(self.server.deps):
                pass
        self.laps.append(self._measured())
        self.server.mailbox.messages.clear()
        self.server.clock.advance(days=LAP_DAYS)
        self.world.forget_attempts()

    def _life(self) -> None:
        letter = self.world.letter(self._agency)
        person = ask_for_account(self.world, letter)
        confirm(self.world, person, letter.email)
        tokens = self._portal.redeem(person.open(self._portal.authorize_url()).response.headers["location"]).json()
        for _ in range(3):
            answered = self._portal.refresh(tokens["refresh_token"])
            assert answered.status_code == 200, answered.text
            tokens = answered.json()
            assert self._portal.userinfo(tokens["access_token"]).status_code == 200
        kept = self._portal.refresh(self._kept) if self._kept and len(self.laps) % 2 else None
        assert kept is None or kept.status_code == 200, "the purge took a grant that lived"
        self._kept = (kept.json() if kept is not None else tokens)["refresh_token"]
        stranger = self.world.person()
        sign_in(stranger, letter, password="wrong")
        ask_reset(stranger, letter)
        sign_in(stranger, letter)
        stranger.open("/logout")
        stranger.submit(having="csrf_token")
        self.world.deliver()
        person.http.close()
        stranger.http.close()
        self.requests += 40

    @contextmanager
    def _purging(self) -> Iterator[None]:
        """The purge again and again beside the load (X38)."""
        over, failed = threading.Event(), list[BaseException]()

        def work() -> None:
            try:
                while not over.wait(0.05):
                    with self.server.app.app_context():
                        for _ in purge.run(self.server.deps):
                            pass
            except BaseException as error:  # noqa: BLE001 - raised below
                failed.append(error)

        thread = threading.Thread(target=work)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()
        if failed:
            raise failed[0]

    def _measured(self) -> Lap:
        with self.world.reading() as session:
            tables = [table for table in flask_db.metadata.sorted_tables if table.name not in purge.KEPT]
            rows = {table.name: session.scalar(select(func.count()).select_from(table)) or 0 for table in tables}
            connections = 1
            if session.get_bind().dialect.name == "postgresql":
                asked = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
                connections = session.execute(text(asked)).scalar_one()
        pages = int(Path("/proc/self/statm").read_text().split()[1])
        descriptors = len(list(Path("/proc/self/fd").iterdir()))
        return Lap(rows, pages * resource.getpagesize() / 2**20, descriptors, connections)

    def growing(self) -> list[str]:
        """What is larger after the warm-up than it was in it, beyond what a lap differs from another."""
        early, late = self.laps[:WARM], self.laps[WARM:]
        found = [
            f"{table}: {most} rows, then {more}"
            for table in early[0].rows
            if (more := max(lap.rows[table] for lap in late))
            > (most := max(lap.rows[table] for lap in early)) * 1.1 + 5
        ]
        memory = max(lap.memory for lap in early), late[-1].memory
        if memory[1] > memory[0] * 1.1 + 10:
            found.append(f"memory: {memory[0]:.0f} MiB, then {memory[1]:.0f}")
        for name in ("descriptors", "connections"):
            most, more = max(getattr(lap, name) for lap in early), getattr(late[-1], name)
            found += [f"{name}: {most}, then {more}"] * (more > most + 5)
        return found

    def stop(self) -> None:
        self.server.stop()


def main(minutes: float) -> int:
    cluster, mailbox = postgres.Cluster(), Mailbox()
    soak = Soak(cluster.create("soak"), mailbox, lives=4)
    try:
        end = time.monotonic() + minutes * 60
        while time.monotonic() < end or len(soak.laps) < 2 * WARM:
            soak.lap()
        first, last = soak.laps[WARM - 1], soak.laps[-1]
        print(f"{len(soak.laps)} laps of {LAP_DAYS} days, about {soak.requests} requests, on PostgreSQL")
        print(f"{'':<24}{f'lap {WARM}':>10}{f'lap {len(soak.laps)}':>10}")
        for table, rows in last.rows.items():
            print(f"{table:<24}{first.rows[table]:>10}{rows:>10}")
        for name in ("memory", "descriptors", "connections"):
            print(f"{name:<24}{getattr(first, name):>10.0f}{getattr(last, name):>10.0f}")
        growing = soak.growing()
        print("\n".join(growing) if growing else "everything has a bound")
        return 1 if growing else 0
    finally:
        soak.stop()
        mailbox.stop()
        cluster.stop()


if __name__ == "__main__":
    sys.exit(main(float(sys.argv[1])))
