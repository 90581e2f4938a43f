"""Two customers with an agency each, their people, portals and letters of all kinds; what is the other's is marked.

Alpha asks, Beta must not be told of nor changed. Everything that Beta's people and its file say is a marker: a word that
nobody else has, looked for in every answer, mail and export.
"""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlsplit

from sqlalchemy import Table, select

from idp.database import db as flask_db
from tests.oidc.test_registration import initial_token
from tests.support.acts import ask_for_account, ask_reset, choose_address, show_letter, to_merge
from tests.support.person import Person
from tests.support.world import HTTP, OTHER_STRONG, STRONG, AgencyMade, Letter, Portal, World, answer

# Written by anybody who types an address or a wrong password, on purpose: they tell nobody, and change nobody's rows.
ADDED_BY_ASKING = {
    "audit_events",
    "audit_links",
    "throttle_counters",
    "reset_flows",
    "merge_flows",
    "links",
    "outbox_mails",
}


@dataclass
class Side:
    """One agency: what it has, and what somebody else could have got hold of."""

    agency: AgencyMade
    member: Letter
    account_id: str
    waiting: Letter
    fresh: Letter
    portal: Portal
    opaque: Portal
    browser: Person
    flows: dict[str, list[str]] = field(default_factory=dict)
    tokens: dict[str, Any] = field(default_factory=dict)
    opaque_tokens: dict[str, Any] = field(default_factory=dict)
    code: str = ""
    registered: dict[str, Any] = field(default_factory=dict)


@dataclass
class Scene:
    world: World
    alpha: Side
    beta: Side
    both: Letter
    both_account: str
    marks: tuple[str, ...]
    rows: dict[str, dict[Any, dict[str, Any]]] = field(default_factory=dict)

    def told_of_beta(self, text: str) -> list[str]:
        """The markers that a text holds, however it is written."""
        folded = text.casefold()
        return [mark for mark in self.marks if mark.casefold() in folded]

    def unchanged(self) -> None:
        """Beta's rows are what they were, and nothing new says Beta's people did anything."""
        now = rows(self.world)
        names = {self.beta.account_id, *(one.id for one in (self.beta.member, self.beta.waiting, self.beta.fresh))}
        for table, before in self.rows.items():
            for key, row in before.items():
                if _is_of(row, self._ids):
                    assert now[table].get(key) == row, f"{table}: {row} became {now[table].get(key)}"
            if table not in ADDED_BY_ASKING:
                added = [row for key, row in now[table].items() if key not in before and _is_of(row, names)]
                assert added == [], f"{table}: added {added}"

    @property
    def _ids(self) -> set[str]:
        beta = self.beta
        letters = {one.id for one in (beta.member, beta.waiting, beta.fresh)}
        clients = {beta.portal.client_id, beta.opaque.client_id, beta.registered["client_id"]}
        return {beta.agency.id, beta.agency.customer_id, beta.account_id, *letters, *clients}


def rows(world: World) -> dict[str, dict[Any, dict[str, Any]]]:
    """Every row of the database, by table and primary key."""
    with world.reading() as session:
        return {
            table.name: {_key(table, row): dict(row) for row in session.execute(select(table)).mappings()}
            for table in flask_db.metadata.sorted_tables
        }


def _key(table: Table, row: Any) -> tuple[Any, ...]:
    return tuple(row[column.name] for column in table.primary_key)


def _is_of(row: dict[str, Any], ids: set[str]) -> bool:
    return any(isinstance(value, str) and value in ids for value in row.values())


def _mark() -> str:
    return f"zq{secrets.token_hex(5)}"


def _file_of() -> dict[str, Any]:
    """What an agency's file says of a person, each field with a marker of its own."""
    return {
        "last_name": f"NOM{_mark()}",
        "first_name": f"Prenom{_mark()}",
        "company_name": f"SCI {_mark()}",
        "street": f"7, rue {_mark()}",
        "city": f"Ville{_mark()}",
        "phone": f"+337{secrets.randbelow(10**8):08d}",
        "mandate": f"M{_mark()}",
        "email": f"{_mark()}@exemple.org",
        "contracts": (f"V{_mark()}",),
    }


def _marks(file: dict[str, Any]) -> list[str]:
    """The markers of a file; a phone is one as it stands, and without its country."""
    text = " ".join(map(str, file.values()))
    return [*re.findall("zq[0-9a-f]{10}", text), file["phone"], file["phone"][3:]]


def _side(world: World, files: list[dict[str, Any]], *, password: str, name: str) -> Side:
    agency = world.agency()
    member, account_id = world.member(agency, password=password, **files[0])
    waiting, fresh = world.letter(agency, **files[1]), world.letter(agency, **files[2])
    portal = world.portal(agency)
    opaque = world.portal(agency, access_token_format="opaque")
    side = Side(agency, member, account_id, waiting, fresh, portal, opaque, world.signed_in(member, password=password))
    side.tokens = portal.redeem(_answered(side.browser, portal)).json()
    side.opaque_tokens = opaque.redeem(_answered(side.browser, opaque)).json()
    side.code = answer(_answered(side.browser, portal))["code"]
    upgrading, choosing, forgetful, arriving = ask_for_account(world, waiting), *(world.person() for _ in range(3))
    show_letter(choosing, fresh)
    choose_address(choosing)
    merging = to_merge(world, world.letter(agency, email=None), str(member.email))
    ask_reset(forgetful, member)
    arriving.open(portal.authorize_url())
    asked = dict(parse_qsl(urlsplit(portal.authorize_url()).query))
    pushed = portal.post("/oauth/par", **{name: value for name, value in asked.items() if name != "client_id"}).json()
    side.flows = {
        "upgrade": [upgrading.page.path.split("/")[2], choosing.page.path.split("/")[2]],
        "merge": [merging.page.path.split("/")[2]],
        "reset": [forgetful.page.path.split("/")[2]],
        "authorization": [parse_qs(urlsplit(arriving.page.url).query)["authorization"][0]],
        "request_uri": [pushed["request_uri"]],
    }
    side.registered = HTTP.post(
        f"{world.base}/oauth/register",
        json={"redirect_uris": [f"https://{secrets.token_hex(4)}.exemple.fr/retour"], "client_name": name},
        headers={"Authorization": f"Bearer {initial_token(world, agency=agency)}"},
    ).json()
    return side


def _answered(person: Person, portal: Portal) -> str:
    return str(person.open(portal.authorize_url()).response.headers["location"])


def scene_of(world: World) -> Scene:
    alpha = _side(world, [{}, {}, {}], password=STRONG, name="Calepin")
    files, name = [_file_of() for _ in range(3)], _mark()
    beta = _side(world, files, password=OTHER_STRONG, name=name)
    # Somebody who has a letter of each: the account is theirs, its places are their agencies'.
    both, both_account = world.member(alpha.agency)
    there = _file_of()
    letter = world.letter(beta.agency, **{**there, "email": both.email})
    to_merge(world, letter, str(both.email)).submit(password=STRONG)
    marks = [mark for file in (*files, there) for mark in _marks(file)]
    made = Scene(world, alpha, beta, both, both_account, (*marks, name, letter.identifier))
    made.rows = rows(world)
    return made
