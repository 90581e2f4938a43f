"""Which lines of a file are imported: those of a known agency whose identifier the file had not yet."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from idp.accounts.importing import sentences
from idp.accounts.importing.cleaning import Line, Refusal, clean
from idp.accounts.importing.outcome import Kind, Outcome
from idp.accounts.importing.profile import Profile
from idp.accounts.importing.reading import Fault, Record
from idp.accounts.importing.seen import First, Seen
from idp.tenancy.store import AgencyView


@dataclass(frozen=True)
class Placed:
    """A line and the agency that it belongs to."""

    line: Line
    agency: AgencyView


def place(
    record: Record | Fault, profile: Profile, agencies: Mapping[tuple[str, str], AgencyView], seen: Seen
) -> Placed | Outcome:
    """The line with its agency, or why it is refused or not needed. The first line of an identifier wins."""
    if isinstance(record, Fault):
        return Outcome(record.line, Kind.REFUSED, "", record.reason)
    line = clean(record, profile)
    if isinstance(line, Refusal):
        return Outcome(line.number, Kind.REFUSED, line.identifier, line.reason)
    agency = agencies.get((line.customer_code, line.company_code))
    if agency is None:
        reason = sentences.AGENCY_UNKNOWN.format(customer=line.customer_code, company=line.company_code)
        return Outcome(line.number, Kind.REFUSED, line.identifier, reason)
    this = First(line.number, line.digest, line.person.name)
    first = seen.first(agency.id, line.key, this)
    if first is None:
        return Placed(line, agency)
    return _repeated(line, this, first)


def _repeated(line: Line, this: First, first: First) -> Outcome:
    if first.digest == this.digest:
        return Outcome(line.number, Kind.DUPLICATE, line.identifier, sentences.REPEATED.format(line=first.line))
    other = first.name != this.name
    reason = sentences.TAKEN_BY_OTHER if other else sentences.TAKEN_WITH_OTHER_DATA
    return Outcome(line.number, Kind.REFUSED, line.identifier, reason.format(line=first.line))
