"""Which agency a request is about (source, section III). The only module that knows the query names.

Precedence: codes in the URL, then those of the pending authorization (handled by its owner), else the codes page.
Codes are typed by people: case, spaces and dashes around them do not matter; leading zeros do.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import urlencode

from idp.database import Executor
from idp.errors import AgencyClosed, AgencyUnknown, CodesMissing
from idp.tenancy import store
from idp.tenancy.store import AgencyView

CUSTOMER, COMPANY = "client", "societe"
_CODE = re.compile(r"[A-Z0-9][A-Z0-9._-]{0,39}")


def canonical(code: str) -> str:
    """The code in capitals and without spaces: ` tls 01 ` is `TLS01`."""
    return re.sub(r"\s+", "", code).upper()


def valid(code: str) -> bool:
    """Whether a canonical code may name a customer or a company: 1 to 40 of A-Z 0-9 . _ -"""
    return _CODE.fullmatch(code) is not None


def by_codes(db: Executor, customer_code: str, company_code: str) -> AgencyView:
    """The open agency of two codes as typed. Raises CodesMissing, AgencyUnknown AgencyClosed."""
    customer_code, company_code = canonical(customer_code), canonical(company_code)
    if not customer_code or not company_code:
        raise CodesMissing()
    if not valid(customer_code) or not valid(company_code):
        raise AgencyUnknown()
    agency = store.agency_by_codes(db, customer_code, company_code)
    if agency is None:
        raise AgencyUnknown()
    if agency.disabled:
        # No secret: the two codes are in every link of the agency. Its name and who to call are what helps.
        raise AgencyClosed(agency=agency.name, contact=agency)
    return agency


def query(agency: AgencyView | None) -> Mapping[str, str]:
    """The two query parameters that name an agency, for URLs that we build; empty for none."""
    return {} if agency is None else {CUSTOMER: agency.customer_code, COMPANY: agency.company_code}


def page(issuer: str, path: str, agency: AgencyView | None) -> str:
    """The full address of a page of ours for a mail: with the agency in it, so that it asks for no codes."""
    return f"{issuer}{path}?{urlencode(query(agency))}" if agency is not None else f"{issuer}{path}"
