r"""One run of an import: batches of lines, each looked up, hashed, written in a transaction, and its letters let out.

    record -> placed at an agency -> stored already? --no--> password hashed, or made and sealed -> insert
                                                    \--yes-> same digest: nothing; otherwise: update
    committed -> told -> letters appended, on the disk -> sealed passwords wiped

Nothing is remembered between runs but what is stored: a run that was interrupted is started again and finds its lines
unchanged. Passwords are hashed outside transactions, and only those of new identifiers: bcrypt is what takes the time.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from itertools import islice

from idp.accounts.importing import letters, sentences, store
from idp.accounts.importing.cleaning import Line
from idp.accounts.importing.letters import LettersFile, Row
from idp.accounts.importing.outcome import Kind, Outcome, Totals
from idp.accounts.importing.profile import squeezed
from idp.accounts.importing.reading import Export
from idp.accounts.importing.seen import Seen
from idp.accounts.importing.sorting import Placed, place
from idp.accounts.importing.store import Known, New
from idp.database import reading, transaction
from idp.deps import Deps
from idp.passwords.generated import provisional_password
from idp.tenancy.store import AgencyView

BATCH = 500
# Passwords hashed between two transactions, for each core: some seconds of work, which is what an interruption loses.
HASHES_A_CORE = 16
_MOST_CORES = 32  # fewer than a Hasher lets wait by default, so that none is refused


class Stopped(Exception):
    """The run was asked to stop and did, between two transactions; what was told is stored."""


@dataclass(frozen=True)
class Planned:
    """A line to import. known: the letter that is stored already, None to make one."""

    line: Line
    agency: AgencyView
    known: Known | None

    @classmethod
    def of(cls, placed: Placed, known: Mapping[tuple[str, str], Known]) -> Planned:
        return cls(placed.line, placed.agency, known.get((placed.agency.id, placed.line.key)))

    @property
    def kind(self) -> Kind:
        if self.known is None:
            return Kind.CREATED
        return Kind.UNCHANGED if self.known.digest == self.line.digest else Kind.UPDATED

    @property
    def given_password(self) -> str | None:
        """The password to hash: a new letter's, when the agency gave one."""
        return self.line.password if self.known is None else None


class Run:
    """Imports one file.

    tell: called once for each outcome, after it is true. progress: called with how many bytes of the file are done.
    letters_file: where generated passwords leave; without one they wait, sealed. dry_run: look, and change nothing.
    stop: set from outside to end the run in good order; it then raises Stopped.
    """

    def __init__(
        self,
        deps: Deps,
        *,
        tell: Callable[[Outcome], None],
        progress: Callable[[int], None] = lambda _done: None,
        letters_file: LettersFile | None = None,
        dry_run: bool = False,
        stop: threading.Event | None = None,
    ) -> None:
        self.id = deps.new_id()
        self.totals = Totals()
        self._deps = deps
        self._tell = tell
        self._progress = progress
        self._letters_file = letters_file
        self.dry_run = dry_run
        self._stop = stop or threading.Event()
        self._met: dict[str, AgencyView] = {}
        self._cores = min(len(os.sched_getaffinity(0)), _MOST_CORES)

    def take(self, export: Export) -> Totals:
        """Import every line. What was told is stored, also when this raises in the middle. Raises Stopped."""
        with reading() as db:
            agencies = store.agencies(db)
        seen, pool = Seen(), ThreadPoolExecutor(self._cores)
        try:
            records = export.records()
            while batch := list(islice(records, BATCH)):
                placed = [place(record, export.profile, agencies, seen) for record in batch]
                self._batch(placed, pool)
                self._progress(batch[-1].end)
        finally:
            # Hashes not begun are dropped: whoever stopped the run does not wait for them.
            pool.shutdown(cancel_futures=True)
            seen.close()
        if self._letters_file is None and not self.dry_run:
            with reading() as db:
                self.totals.letters_waiting = store.count_sealed(db, list(self._met))
        return self.totals

    def _batch(self, batch: Sequence[Placed | Outcome], pool: ThreadPoolExecutor) -> None:
        placed = [one for one in batch if isinstance(one, Placed)]
        self._meet(one.agency for one in placed)
        known = _known(placed)
        entries = [Planned.of(one, known) if isinstance(one, Placed) else one for one in batch]
        for part in _parts(entries, hashes=HASHES_A_CORE * self._cores):
            self._heed()
            planned = [one for one in part if isinstance(one, Planned)]
            if self.dry_run:
                self.totals.letters += sum(one.known is None and one.line.password is None for one in planned)
            elif planned:
                self._write(planned, pool)
            for one in part:
                self._tell_of(one)
            if planned:
                self._progress(planned[-1].line.end)

    def _tell_of(self, one: Planned | Outcome) -> None:
        if isinstance(one, Outcome):
            self._told(one)
            return
        number, identifier = one.line.number, one.line.identifier
        self._told(Outcome(number, one.kind, identifier))
        for warning in _warnings(one):
            self._told(Outcome(number, Kind.WARNING, identifier, warning))

    def _heed(self) -> None:
        if self._stop.is_set():
            raise Stopped

    def _told(self, outcome: Outcome) -> None:
        self.totals.add(outcome)
        self._tell(outcome)

    # --- writing ------------------------------------------------------------------------------------------------------

    def _write(self, part: Sequence[Planned], pool: ThreadPoolExecutor) -> None:
        hashes = iter(self._hashed([one.given_password for one in part if one.given_password is not None], pool))
        new = [self._new(one, hashes) for one in part if one.known is None]
        changed = [(one.known.id, one.line) for one in part if one.known and one.kind is Kind.UPDATED]
        now = self._deps.now()
        expires_at = now + timedelta(days=self._deps.settings.letter_validity_days)
        with transaction() as db:
            stored = store.add(db, new, run=self.id, expires_at=expires_at, now=now)
            store.change(db, changed, run=self.id, now=now)
            added = [(one.id, one.line) for one in new if one.id in stored]
            store.put_contracts(db, added, new_id=self._deps.new_id, replace=False)
            store.put_contracts(db, changed, new_id=self._deps.new_id, replace=True)
        self._let_out([_row(one) for one in new if one.id in stored and one.made_password is not None])

    def _hashed(self, passwords: Sequence[str], pool: ThreadPoolExecutor) -> list[str]:
        """Hashes in the order of the passwords, on all cores."""
        hashes = []
        for running in [pool.submit(self._deps.hasher.hash, password) for password in passwords]:
            self._heed()
            hashes.append(running.result())
        return hashes

    def _new(self, planned: Planned, hashes: Iterator[str]) -> New:
        letter_id = self._deps.new_id()
        if planned.given_password is not None:
            return New(letter_id, planned.line, planned.agency, next(hashes), None, None)
        made = provisional_password()
        digest, sealed = self._deps.hasher.keyed(made), letters.seal(self._deps, letter_id, made)
        return New(letter_id, planned.line, planned.agency, digest, sealed, made)

    # --- letters ------------------------------------------------------------------------------------------------------

    def _meet(self, agencies: Iterable[AgencyView]) -> None:
        """Let out what earlier imports of an agency left waiting, when the file first names the agency."""
        for agency in agencies:
            if agency.id in self._met:
                continue
            self._met[agency.id] = agency
            if self._letters_file is not None and not self.dry_run:
                self._let_out_waiting(agency)

    def _let_out_waiting(self, agency: AgencyView) -> None:
        while True:
            with reading() as db:
                waiting = store.sealed(db, agency.id, limit=letters.BATCH)
            self._let_out(
                [Row(agency, one.letter, letters.unseal(self._deps, one.id, one.sealed_password)) for one in waiting]
            )
            if len(waiting) < letters.BATCH:
                return

    def _let_out(self, rows: Sequence[Row]) -> None:
        """Write letters, then forget their passwords: in this order, see `letters.py`."""
        if self._letters_file is None or not rows:
            return
        self.totals.letters += self._letters_file.append(rows)
        with transaction() as db:
            store.wipe(db, [row.letter.id for row in rows])


def _known(placed: Sequence[Placed]) -> dict[tuple[str, str], Known]:
    """What is stored of these lines, by agency and key."""
    by_agency: dict[str, list[str]] = {}
    for one in placed:
        by_agency.setdefault(one.agency.id, []).append(one.line.key)
    with reading() as db:
        return {
            (agency_id, key): known
            for agency_id, keys in by_agency.items()
            for key, known in store.known(db, agency_id, keys).items()
        }


def _parts(entries: Sequence[Planned | Outcome], *, hashes: int) -> Iterator[list[Planned | Outcome]]:
    """The entries in parts that need at most so many hashes each."""
    part: list[Planned | Outcome] = []
    needed = 0
    for one in entries:
        part.append(one)
        needed += isinstance(one, Planned) and one.given_password is not None
        if needed == hashes:
            yield part
            part, needed = [], 0
    if part:
        yield part


def _warnings(one: Planned) -> Iterator[str]:
    yield from one.line.warnings
    known = one.known
    # The account's owner would see the new person's contracts; agencies give identifiers again after a while.
    if known is not None and known.closed and one.kind is Kind.UPDATED and squeezed(known.name) != one.line.person.name:
        yield sentences.PERSON_CHANGED


def _row(new: New) -> Row:
    assert new.made_password is not None
    return Row(new.agency, store.letter_of(new), new.made_password)
