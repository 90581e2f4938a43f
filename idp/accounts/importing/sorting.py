"""Which lines of a file are imported: those of a known agency whose identifier the file had not yet."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from idp.accounts.importing import sentences
from idp.accounts.importing.cleaning import Line, Refusal, clean
from idp.accounts.importing.outcome import Kind, Outcome
from idp.accounts.importing.profile import Profile, squeezed
from idp.accounts.importing.reading import Fault, Record
from idp.accounts.importing.seen import Named, Seen
from idp.tenancy.store import AgencyView

Agencies = Mapping[tuple[str, str], AgencyView]


class Placed(NamedTuple):
    """A line and the agency that it belongs to."""

    line: Line
    agency: AgencyView


def place(
    records: Sequence[Record | Fault], profile: Profile, agencies: Agencies, seen: Seen
) -> list[Placed | Outcome]:
    """Each line with its agency, or why it is refused or not needed. The first line of an identifier wins."""
    found = [_placed(record, profile, agencies) for record in records]
    named = [_named(one) for one in found if isinstance(one, Placed)]
    firsts = seen.repeated(named)
    if not firsts:
        return found
    return [
        _repeated(one, firsts[one.line.number]) if isinstance(one, Placed) and one.line.number in firsts else one
        for one in found
    ]


def _placed(record: Record | Fault, profile: Profile, agencies: Agencies) -> Placed | Outcome:
    if isinstance(record, Fault):
        return Outcome(record.line, Kind.REFUSED, "", record.reason)
    line = clean(record, profile)
    if isinstance(line, Refusal):
        return Outcome(line.number, Kind.REFUSED, line.identifier, line.reason)
    agency = agencies.get((line.customer_code, line.company_code))
    if agency is None:
        reason = sentences.AGENCY_UNKNOWN.format(customer=line.customer_code, company=line.company_code)
        return Outcome(line.number, Kind.REFUSED, line.identifier, reason)
    return Placed(line, agency)


def _named(placed: Placed) -> Named:
    line, agency = placed
    return Named(agency.id, line.key, line.number, line.digest, line.person.name)


def _repeated(placed: Placed, first: Named) -> Outcome:
    line = placed.line
    if first.digest == line.digest:
        return Outcome(line.number, Kind.DUPLICATE, line.identifier, sentences.REPEATED.format(line=first.line))
    other = squeezed(first.name) != squeezed(line.person.name)
    reason = sentences.TAKEN_BY_OTHER if other else sentences.TAKEN_WITH_OTHER_DATA
    return Outcome(line.number, Kind.REFUSED, line.identifier, reason.format(line=first.line))
