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
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from itertools import islice
from typing import NamedTuple

from idp.accounts.importing import letters, sentences, store
from idp.accounts.importing.cleaning import Line
from idp.accounts.importing.letters import LettersFile, Row
from idp.accounts.importing.outcome import Kind, Outcome, Totals
from idp.accounts.importing.profile import squeezed
from idp.accounts.importing.reading import Export
from idp.accounts.importing.seen import Seen
from idp.accounts.importing.sorting import Agencies, Placed, place
from idp.accounts.importing.store import Known, New
from idp.accounts.importing.writer import Writer
from idp.database import at_once, reading, transaction
from idp.deps import Deps
from idp.passwords.generated import provisional_passwords
from idp.tenancy.store import AgencyView

BATCH = letters.BATCH
# Passwords hashed between two transactions, for each core: some seconds of work, which is what an interruption loses.
HASHES_A_CORE = 16
_MOST_CORES = 32  # fewer than a Hasher lets wait by default, so that none is refused


class Stopped(Exception):
    """The run was asked to stop and did, between two transactions; what was told is stored."""


class Planned(NamedTuple):
    """A line to import. known: the letter that is stored already, None to make one."""

    line: Line
    agency: AgencyView
    known: Known | None
    kind: Kind

    @classmethod
    def of(cls, placed: Placed, known: Known | None) -> Planned:
        line, agency = placed
        if known is None:
            return cls(line, agency, None, Kind.CREATED)
        return cls(line, agency, known, Kind.UNCHANGED if known.digest == line.digest else Kind.UPDATED)


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
        seen, pool, writer = Seen(), ThreadPoolExecutor(self._cores), Writer()
        try:
            for batch, end in _batches(export, agencies, seen):
                self._batch(batch, end, pool, writer)
            writer.finish()
        finally:
            # Hashes not begun are dropped: whoever stopped the run does not wait for them.
            pool.shutdown(cancel_futures=True)
            writer.close()
            seen.close()
        if self._letters_file is None and not self.dry_run:
            with reading() as db:
                self.totals.letters_waiting = store.count_sealed(db, list(self._met))
        return self.totals

    def _batch(self, batch: Sequence[Placed | Outcome], end: int, pool: ThreadPoolExecutor, writer: Writer) -> None:
        placed = [one for one in batch if isinstance(one, Placed)]
        for agency in self._unmet(placed):
            writer.put(partial(self._let_out_waiting, agency))
        known = _known(placed)
        entries = [
            Planned.of(one, known.get((one.agency.id, one.line.key))) if isinstance(one, Placed) else one
            for one in batch
        ]
        for part in _parts(entries, hashes=HASHES_A_CORE * self._cores):
            self._heed(writer)
            planned = [one for one in part if isinstance(one, Planned)]
            new = [] if self.dry_run else self._made([one for one in planned if one.known is None], pool, writer)
            # All parts but the last end where enough passwords were hashed.
            done = part[-1].line.end if isinstance(part[-1], Planned) else end
            writer.put(partial(self._do, part, planned, new, done))

    def _do(self, part: Sequence[Planned | Outcome], planned: Sequence[Planned], new: Sequence[New], done: int) -> None:
        """Write a part, and tell of it when it is written. done: bytes of the file, with it."""
        if self.dry_run:
            self.totals.letters += sum(one.known is None and one.line.password is None for one in planned)
        else:
            self._write(planned, new)
        for one in part:
            self._tell_of(one)
        self._progress(done)

    def _tell_of(self, one: Planned | Outcome) -> None:
        if isinstance(one, Outcome):
            self._told(one)
            return
        number, identifier = one.line.number, one.line.identifier
        self._told(Outcome(number, one.kind, identifier))
        for warning in _warnings(one):
            self._told(Outcome(number, Kind.WARNING, identifier, warning))

    def _told(self, outcome: Outcome) -> None:
        self.totals.add(outcome)
        self._tell(outcome)

    def _heed(self, writer: Writer) -> None:
        if self._stop.is_set():
            writer.finish()
            raise Stopped

    # --- writing ------------------------------------------------------------------------------------------------------

    def _made(self, planned: Sequence[Planned], pool: ThreadPoolExecutor, writer: Writer) -> list[New]:
        """The letters of lines that have none: their passwords hashed, or made and sealed."""
        ids = self._deps.new_ids(len(planned))
        given = [one.line.password for one in planned if one.line.password is not None]
        hashes = iter(self._hashed(given, pool, writer))
        made = self._secrets([id_ for id_, one in zip(ids, planned, strict=True) if one.line.password is None])
        return [
            New(id_, one.line, one.agency, *(next(made) if one.line.password is None else (next(hashes), None, None)))
            for id_, one in zip(ids, planned, strict=True)
        ]

    def _secrets(self, letter_ids: Sequence[str]) -> Iterator[tuple[str, str, str]]:
        """A password for each of these letters: its digest, it sealed, and itself."""
        made = provisional_passwords(len(letter_ids))
        return zip(map(self._deps.hasher.keyed, made), letters.seal(self._deps, letter_ids, made), made, strict=True)

    def _hashed(self, passwords: Sequence[str], pool: ThreadPoolExecutor, writer: Writer) -> list[str]:
        """Hashes in the order of the passwords, on all cores."""
        hashes = []
        for running in [pool.submit(self._deps.hasher.hash, password) for password in passwords]:
            self._heed(writer)
            hashes.append(running.result())
        return hashes

    def _write(self, planned: Sequence[Planned], new: Sequence[New]) -> None:
        changed = [(one.known.id, one.line) for one in planned if one.known is not None and one.kind is Kind.UPDATED]
        if not new and not changed:
            return
        now = self._deps.now()
        expires_at = now + timedelta(days=self._deps.settings.letter_validity_days)
        with transaction() as db:
            stored = store.add(db, new, run=self.id, expires_at=expires_at, now=now)
            store.change(db, changed, run=self.id, now=now)
            added = [(one.id, one.line) for one in new if one.id in stored]
            store.put_contracts(db, added, new_ids=self._deps.new_ids, replace=False)
            store.put_contracts(db, changed, new_ids=self._deps.new_ids, replace=True)
        self._let_out([_row(one) for one in new if one.id in stored and one.made_password is not None])

    # --- letters ------------------------------------------------------------------------------------------------------

    def _unmet(self, placed: Sequence[Placed]) -> Iterator[AgencyView]:
        """Agencies that the file names for the first time."""
        for _, agency in placed:
            if agency.id not in self._met:
                self._met[agency.id] = agency
                yield agency

    def _let_out_waiting(self, agency: AgencyView) -> None:
        """Let out what earlier imports of an agency left waiting."""
        if self._letters_file is None or self.dry_run:
            return
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


def _batches(export: Export, agencies: Agencies, seen: Seen) -> Iterator[tuple[list[Placed | Outcome], int]]:
    """The lines of the file, some hundred at a time, and how many bytes of it were read with them."""
    records = export.records()
    while some := list(islice(records, BATCH)):
        yield place(some, export.profile, agencies, seen), some[-1].end


def _known(placed: Sequence[Placed]) -> dict[tuple[str, str], Known]:
    """What is stored of these lines, by agency and key. The part before them may be written meanwhile; it has others."""
    with at_once() as db:
        return store.known(db, [(one.agency.id, one.line.key) for one in placed])


def _parts(entries: Sequence[Planned | Outcome], *, hashes: int) -> Iterator[list[Planned | Outcome]]:
    """The entries in parts that need at most so many hashes each."""
    part: list[Planned | Outcome] = []
    needed = 0
    for one in entries:
        part.append(one)
        needed += isinstance(one, Planned) and one.known is None and one.line.password is not None
        if needed == hashes:
            yield part
            part, needed = [], 0
    if part:
        yield part


def _warnings(one: Planned) -> Iterator[str]:
    yield from one.line.warnings
    known = one.known
    # The account's owner would see the new person's contracts; agencies give identifiers again after a while.
    if (
        known is not None
        and known.closed
        and one.kind is Kind.UPDATED
        and squeezed(known.name) != squeezed(one.line.person.name)
    ):
        yield sentences.PERSON_CHANGED


def _row(new: New) -> Row:
    assert new.made_password is not None
    return Row(new.agency, store.letter_of(new), new.made_password)
