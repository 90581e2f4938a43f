"""The rows of a data set. Pure: the same numbers make the same rows, but for the moment that they are told.

Shaped like life: agencies differ in size a thousandfold; one person in ten holds letters of two agencies; one letter in
twelve was never answered; half of the people are signed in somewhere, each with a grant and a refresh token, most of
their agency's portal and some of the benchmark's.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from idp.digests import Digests, Kind

Row = tuple[str | int | None, ...]
LARGEST_AGENCIES = 10_000
_ONE_IN_DOMAINS = ("exemple.org", "courriel.exemple", "mail.exemple.fr", "poste.exemple")
_ROLES = ("proprietaire", "coproprietaire", "locataire")
_CITIES = (("Toulouse", "31000"), ("Montpellier", "34000"), ("Lille", "59000"), ("Saint-Laurent", "59469"))
_LAST = ("HOAREAU", "MARTIN", "DUPONT", "LEFEBVRE", "GARCIA", "ROUX", "FOURNIER", "MOREAU", "NGUYEN", "PETIT")
_FIRST = ("Rolande", "Jean", "Françoise", "Amine", "Léa", "Bernard", "Chantal", "Hugo", "Monique", "Yves")
SCOPE = "openid profile email offline_access"


@dataclass(frozen=True)
class Plan:
    """What to make. people: strong accounts. now: aware UTC. password_hash: of everybody.

    rotating: the client_id of the benchmark's portal that owns every fourth grant.
    """

    people: int
    digests: Digests
    now: datetime
    password_hash: str
    terms_id: str
    rotating: str

    @property
    def agencies(self) -> int:
        return max(10, min(LARGEST_AGENCIES, self.people // 100))

    @property
    def second_letters(self) -> int:
        return self.people // 10

    @property
    def open_letters(self) -> int:
        return self.people // 10

    @property
    def live(self) -> int:
        """Sign-ins, grants and refresh tokens that live."""
        return self.people // 2


def email(number: int) -> str:
    """The address of a person."""
    return f"personne.{number}@{_ONE_IN_DOMAINS[number % 4]}"


def refresh_token(number: int) -> str:
    """The live refresh token of the grant with this number; those of `rotating` have numbers that 4 divides."""
    return _secret("refresh", number)


def agency_id(number: int) -> str:
    return _id("agency", number, 0)


def portal_id(number: int) -> str:
    return f"portail-{number:05d}"


def agency_of(plan: Plan, letter: int) -> int:
    """The agency of a letter: the first ones have many, the last ones few."""
    part = int.from_bytes(hashlib.blake2b(f"agency{letter}".encode(), digest_size=4).digest()) / 2**32
    return int(plan.agencies * part**3)


def tables(plan: Plan) -> Mapping[str, tuple[tuple[str, ...], Callable[[Plan], Iterator[Row]]]]:
    """Columns and rows of each table, parents first."""
    return {
        "customers": (("id", "code", "name", "created_at"), _customers),
        "agencies": (
            ("id", "customer_id", "code", "name", "brand_color", "support_phone", "support_email", "created_at"),
            _agencies,
        ),
        "provisional_accounts": (_LETTER, _letters),
        "contracts": (("id", "provisional_account_id", "reference", "role", "mandate", "position"), _contracts),
        "accounts": (
            ("id", "email", "email_key", "password_hash", "state", "created_at", "password_changed_at"),
            _accounts,
        ),
        "memberships": (
            ("id", "account_id", "agency_id", "provisional_account_id", "origin", "created_at"),
            _memberships,
        ),
        "terms_acceptances": (("id", "account_id", "terms_id", "accepted_at"), _acceptances),
        "sessions": (
            (
                *("id", "sid", "digest", "account_id", "browser_digest"),
                *("authenticated_at", "last_seen_at", "expires_at"),
            ),
            _sessions,
        ),
        "grants": (
            (
                *("id", "account_id", "client_id", "sid", "agency_id", "scope"),
                *("authenticated_at", "created_at", "expires_at"),
            ),
            _grants,
        ),
        "refresh_tokens": (("digest", "grant_id", "created_at", "expires_at"), _refresh_tokens),
    }


_LETTER = (
    *("id", "agency_id", "identifier", "identifier_key", "password_digest", "expires_at", "closed_at"),
    *("civility", "last_name", "first_name", "company_name", "suggested_email", "phone"),
    *("street", "postal_code", "city", "role", "mandate"),
    *("import_run", "import_line", "import_digest", "created_at", "updated_at"),
)


def _customers(plan: Plan) -> Iterator[Row]:
    made = _moment(plan.now - timedelta(days=900))
    for number in range(max(1, plan.agencies // 5)):
        yield _id("customer", number, 0), f"C{number:05d}", f"Groupe {number}", made


def _agencies(plan: Plan) -> Iterator[Row]:
    made = _moment(plan.now - timedelta(days=900))
    for number in range(plan.agencies):
        yield (
            agency_id(number),
            _id("customer", number % max(1, plan.agencies // 5), 0),
            f"S{number:05d}",
            f"Agence {number}",
            "#7a1f5c",
            "+33562279530",
            f"contact@agence{number}.exemple",
            made,
        )


def _letters(plan: Plan) -> Iterator[Row]:
    answered = plan.people + plan.second_letters
    made, ends = _moment(plan.now - timedelta(days=200)), _moment(plan.now + timedelta(days=165))
    closed = _moment(plan.now - timedelta(days=150))
    for number in range(answered + plan.open_letters):
        person = _holder(plan, number)
        city, postal_code = _CITIES[number % 4]
        identifier = f"L{number:09d}"
        yield (
            _id("letter", number, plan.people),
            agency_id(agency_of(plan, number)),
            identifier,
            identifier,
            "keyed$" + hashlib.blake2b(identifier.encode(), digest_size=32).hexdigest(),
            ends,
            closed if number < answered else None,
            ("Mme", "M.")[person % 2],
            _LAST[person % 10],
            _FIRST[person // 10 % 10],
            "",
            email(person) if person % 3 else None,
            f"+336{person % 10**8:08d}" if person % 4 else None,
            f"{number % 300 + 1}, boulevard Breton",
            postal_code,
            city,
            _ROLES[number % 3],
            f"{number % 9000}",
            "bench",
            number % 1_000_000 + 2,
            hashlib.blake2b(identifier.encode(), digest_size=32).hexdigest(),
            made,
            made,
        )


def _contracts(plan: Plan) -> Iterator[Row]:
    for number in range(plan.people + plan.second_letters + plan.open_letters):
        yield (
            _id("contract", number, plan.people),
            _id("letter", number, plan.people),
            f"V{number:09d}",
            _ROLES[number % 3],
            f"{number % 9000}",
            0,
        )


def _accounts(plan: Plan) -> Iterator[Row]:
    made = _moment(plan.now - timedelta(days=150))
    for number in range(plan.people):
        address = email(number)
        yield _account_id(number), address, address, plan.password_hash, "active", made, made


def _memberships(plan: Plan) -> Iterator[Row]:
    made = _moment(plan.now - timedelta(days=150))
    for number in range(plan.people + plan.second_letters):
        yield (
            _id("membership", number, plan.people),
            _account_id(_holder(plan, number)),
            agency_id(agency_of(plan, number)),
            _id("letter", number, plan.people),
            "upgrade" if number < plan.people else "merge",
            made,
        )


def _acceptances(plan: Plan) -> Iterator[Row]:
    made = _moment(plan.now - timedelta(days=150))
    for number in range(plan.people):
        yield _id("acceptance", number, plan.people), _account_id(number), plan.terms_id, made


def _sessions(plan: Plan) -> Iterator[Row]:
    for number in range(plan.live):
        began = plan.now - timedelta(minutes=number % 600)
        yield (
            _id("session", number, plan.live),
            _id("session", number, plan.live),
            plan.digests.digest(Kind.SESSION, _secret("session", number)),
            _account_id(_signed_in(plan, number)),
            plan.digests.digest(Kind.BROWSER, _secret("browser", number)),
            _moment(began),
            # As if it had just been used: whoever is used again within five minutes writes no moment of last use.
            _moment(plan.now + timedelta(days=1)),
            _moment(began + timedelta(days=30)),
        )


def _grants(plan: Plan) -> Iterator[Row]:
    for number in range(plan.live):
        began = plan.now - timedelta(minutes=number % 600)
        person = _signed_in(plan, number)
        agency = agency_of(plan, person)
        yield (
            _id("grant", number, plan.live),
            _account_id(person),
            portal_id(agency) if number % 4 else plan.rotating,
            _id("session", number, plan.live),
            agency_id(agency),
            SCOPE,
            _moment(began),
            _moment(began),
            _moment(began + timedelta(days=90)),
        )


def _refresh_tokens(plan: Plan) -> Iterator[Row]:
    for number in range(plan.live):
        began = plan.now - timedelta(minutes=number % 600)
        yield (
            plan.digests.digest(Kind.REFRESH_TOKEN, refresh_token(number)),
            _id("grant", number, plan.live),
            _moment(began),
            _moment(began + timedelta(days=30)),
        )


def _holder(plan: Plan, letter: int) -> int:
    """The person of a letter: of the first ones each has one, the next ones are second letters of some."""
    return letter if letter < plan.people else letter * 7919 % plan.people


def _signed_in(plan: Plan, number: int) -> int:
    """Which person a live sign-in is of: every second one."""
    return number * 2 % plan.people


def _account_id(number: int) -> str:
    return _secret("account", number)


def _secret(kind: str, number: int) -> str:
    """43 characters, base64url: what is random in life."""
    raw = hashlib.blake2b(f"{kind}{number}".encode(), digest_size=32).digest()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


_BEGINNING = 1_700_000_000_000  # milliseconds: some day of 2023, when the first row was made
_YEARS = 60_000_000_000  # of two years, over which the rows of a table were made


def _id(kind: str, number: int, of: int) -> str:
    """A UUID version 7 as the program makes them: time-ordered, 32 characters (RFC 9562 5.7). of: how many there are."""
    milliseconds = _BEGINNING + (number * _YEARS // of if of else number)
    rest = hashlib.blake2b(f"{kind}{number}".encode(), digest_size=10).hexdigest()
    return f"{milliseconds:012x}7{rest[:3]}8{rest[3:18]}"


def _moment(at: datetime) -> str:
    """As both databases read it: `2026-01-31 12:00:00.000000`, UTC."""
    return at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")
