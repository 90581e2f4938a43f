"""A mixed load: people and portals that go on whatever happens, and write down what they asked and what they were told.

Each client is a thread with a random source of its own (the seed is in the name of the test). What it is not told it
asks again, as people and portals do; what it may do once, it tries until it is told yes or no.
"""

from __future__ import annotations

import os
import random
import re
import threading
import time
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx2 as httpx
from sqlalchemy import select

from idp.accounts.tables import Account, Membership
from idp.audit.tables import AuditEvent
from tests.demo.running import wait_until
from tests.faults.history import History, Kind, Result, impossible
from tests.faults.service import Service, There, recovery_seconds
from tests.support.person import Page, Person
from tests.support.world import STRONG, Letter, answer

SECONDS = float(os.environ.get("FAULTS_SECONDS", "0"))  # of load; 0: the short version
_LINK = re.compile(r"https?://[^/\s]+(/\S+/confirm/\S+)")


class Unanswered(Exception):
    """The service could not tell; what was asked may have happened."""


@dataclass
class Load:
    """Clients of one service. `run` starts them, does the harm, waits for them and checks what they saw."""

    service: Service
    seed: int
    seconds: float = SECONDS or 6
    history: History = field(default_factory=History)

    def __post_init__(self) -> None:
        self.there: There = self.service.world
        self._until = 0.0
        self._passwords: dict[str, tuple[str, list[str]]] = {}  # link: the account, and what was tried
        people = max(4, int(self.seconds / 3))
        self.agency = self.there.agency()
        self.portal = self.there.portal(self.agency)
        members = [self.there.member(self.agency) for _ in range(people)]
        self._earlier = {link for letter, _ in members for link in self._links(letter.email or "")}
        self._sessions = [self.there.signed_in(letter) for letter, _ in members[:2]]
        self._members = members
        self._to_merge = [(self.there.letter(self.agency), *members[n % len(members)]) for n in range(people)]
        letters = [self.there.letter(self.agency) for _ in range(people)]
        # Two letters each want the same address.
        self._to_upgrade = [(letter, letters[n - n % 2].email or "") for n, letter in enumerate(letters)]

    def run(self, harm: Callable[[random.Random], object], *, every: float = 1.0) -> None:
        """harm: done again and again, `every` seconds apart, while the clients go on."""
        rng = random.Random(self.seed)
        self._until = time.monotonic() + self.seconds
        clients: list[tuple[Callable[..., None], Any]] = [
            *((self._portal, person) for person in self._sessions),
            (self._each(self._reset), self._members[2:]),
            (self._each(self._merge), self._to_merge),
            (self._each(self._upgrade), self._to_upgrade[::2]),
            (self._each(self._upgrade), self._to_upgrade[1::2]),
        ]
        threads = [threading.Thread(target=self._client, args=one) for one in clients]
        for thread in threads:
            thread.start()
        while time.monotonic() < self._until:
            time.sleep(every * rng.uniform(0.5, 1.5))
            harm(rng)
        self.service.require_ready()
        for thread in threads:
            thread.join()
        assert len(self.history.operations) > len(threads), "the clients did hardly anything"
        truth = self.truth()
        problems = impossible(self.history, truth)
        assert not problems, "\n".join(problems)

    def _client(self, act: Callable[[Any], None], work: Any) -> None:
        try:
            act(work)
        except Exception as error:  # noqa: BLE001 - told by the checker, with what the others saw
            self.history.traces.append(f"a client gave up: {error!r}")

    def _each(self, act: Callable[[Any], None]) -> Callable[[Any], None]:
        def all_of(work: list[Any]) -> None:
            for one in work:
                act(one)
                if time.monotonic() > self._until:
                    return

        return all_of

    # --- asking --------------------------------------------------------------------------------------------------

    def _answered(self, ask: Callable[[], httpx.Response]) -> httpx.Response:
        """Raises Unanswered when the answer was lost, or is that nobody can tell now."""
        try:
            response = ask()
        except httpx.TransportError as error:
            raise Unanswered from error
        if response.status_code >= 500:
            if response.status_code != 503 or "retry-after" not in response.headers:
                self.history.traces.append(f"{response.status_code} from {response.url}: {response.text[:200]} (I6)")
            raise Unanswered
        return response

    def _surely(self, ask: Callable[[], httpx.Response]) -> httpx.Response:
        """Asked until it is answered: what may be asked twice."""
        deadline = time.monotonic() + 2 * recovery_seconds()
        while True:
            try:
                return self._answered(ask)
            except Unanswered:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.1)

    def _open(self, person: Person, path: str) -> Page:
        def followed() -> httpx.Response:
            return person.open(path).response

        self._surely(followed)
        return person.page

    def _send(self, person: Person, **fields: str) -> Page:
        """A form that may be sent twice, sent until it is answered; the page that it leads to."""
        response = self._surely(lambda: person.send(**fields))
        if response.status_code == 303:
            return self._open(person, response.headers["location"])
        person.page = Page(response)
        return person.page

    @contextmanager
    def _told(self, kind: Kind, key: str, value: Any = None) -> Any:
        """An operation; Unanswered ends it as INFO, and goes no further."""
        with self.history.operation(kind, key, value) as one:
            try:
                yield one
            except Unanswered:
                one.result = Result.INFO

    # --- the clients ---------------------------------------------------------------------------------------------

    def _portal(self, person: Person) -> None:
        """Sign in by the session that is there, redeem, refresh; over and over."""
        while time.monotonic() < self._until:
            location = self._surely(lambda: person.get(self.portal.authorize_url(prompt="none"))).headers["location"]
            code = answer(location).get("code")
            if code is None:
                self.history.traces.append(f"a live session was answered {location} (I5)")
                return
            token: str | None = None
            while True:
                with self._told(Kind.CODE, code) as one:
                    told = self._answered(lambda at=location: self.portal.redeem(at))
                    one.result = Result.OK if told.status_code == 200 else Result.FAIL
                    token = one.value = told.json().get("refresh_token")
                if one.result is not Result.INFO:
                    break
                time.sleep(0.1)
            for _ in range(3):
                token = self._refreshed(token) if token is not None else None

    def _refreshed(self, token: str) -> str | None:
        while True:
            with self._told(Kind.FAMILY, token) as one:
                told = self._answered(lambda: self.portal.refresh(token))
                one.result = Result.OK if told.status_code == 200 else Result.FAIL
                one.value = told.json().get("refresh_token")
            if one.result is not Result.INFO:
                return str(one.value) if one.value else None
            time.sleep(0.1)

    def _reset(self, member: tuple[Letter, str]) -> None:
        letter, account_id = member
        assert letter.email
        person = self.there.person()
        before = len(self._links(letter.email))
        self._open(person, f"/reset?{letter.query}")
        self._ask_mail(person, letter.email, identifier=letter.email)
        if not wait_until(lambda: len(self._links(letter.email)) > before, recovery_seconds()):
            return  # the checker says whether it was due
        link = self._links(letter.email)[-1]
        tried = self._passwords.setdefault(link, (account_id, []))[1]
        for number in range(3):
            if "new_password" not in self._open(person, link).fields:
                return  # the lost answer was a yes
            password = f"Canard-Violet-{number}{self.seed}"
            tried.append(password)
            with self._told(Kind.LINK, link, password) as one:
                told = self._answered(lambda word=password: person.send(new_password=word, confirmation=word))
                one.result = Result.OK if told.status_code == 303 else Result.FAIL
            if one.result is not Result.INFO:
                return

    def _ask_mail(self, person: Person, email: str, **fields: str) -> None:
        for _ in range(3):
            with self._told(Kind.MAIL, email.lower()) as one:
                told = self._answered(lambda: person.send(**fields))
                one.result = Result.OK if told.status_code == 303 else Result.FAIL
            if one.result is not Result.INFO:
                return
            time.sleep(0.2)

    def _merge(self, work: tuple[Letter, Letter, str]) -> None:
        letter, owner, account_id = work
        assert owner.email
        person = self.there.person()
        self._prove(person, letter)
        self._send(person, email=owner.email)
        flow = person.page.path
        for _ in range(3):
            if "password" not in self._open(person, flow).fields:
                return  # the lost answer was a yes
            with self._told(Kind.MERGE, letter.id, account_id) as one:
                told = self._answered(lambda: person.send(password=STRONG))
                one.result = Result.OK if told.status_code == 303 else Result.FAIL
            if one.result is not Result.INFO:
                return

    def _upgrade(self, work: tuple[Letter, str]) -> None:
        letter, email = work
        person = self.there.person()
        self._prove(person, letter)
        self._send(person, email=email)
        if "new_password" not in person.page.fields:
            return  # somebody else's already: led to merge
        before = len(self._links(email))
        password = f"Cheval-Bleu-{letter.identifier}"  # by which the link of this letter is told from the other's
        self._ask_mail(person, email, new_password=password, confirmation=password, accept_terms="yes")
        if not wait_until(lambda: len(self._links(email)) > before, recovery_seconds()):
            return
        for link in self._links(email):
            if "password" not in self._open(person, link).fields:
                continue
            with self._told(Kind.ADDRESS, email, letter.id) as one:
                told = self._answered(lambda: person.send(password=password))
                # Not this letter's account: an address that has one leads to merge, a link of a done flow to sign-in.
                led = told.headers.get("location", "/login")
                one.result = Result.FAIL if led.startswith(("/merge/", "/login")) else Result.OK

    def _prove(self, person: Person, letter: Letter) -> None:
        self._open(person, f"/login/provisional?{letter.query}")
        self._send(person, provisional_identifier=letter.identifier, provisional_password=letter.password)

    # --- the truth -----------------------------------------------------------------------------------------------

    def _links(self, email: str) -> list[str]:
        found = [_LINK.search(mail.text) for mail in list(self.service.mailbox.to(email))]
        return [one[1] for one in found if one is not None]

    def truth(self) -> dict[Kind, dict[str, list[Any]]]:
        """What the database and the mailbox hold, once everything that waits was delivered."""
        self.there.clock.advance(hours=1)  # leases of senders that were killed have ended
        self.there.deliver()
        self.there.clock.shift *= 0
        with self.there.reading() as db:
            rows = db.execute(
                select(
                    Membership.provisional_account_id, Membership.account_id, Membership.origin, Account.email_key
                ).join(Account, Account.id == Membership.account_id)
            ).all()
            merged = db.scalars(select(AuditEvent.details).where(AuditEvent.name == "merge.completed")).all()
            hashes = dict(db.execute(select(Account.id, Account.password_hash)).all())
        events = [details["letter"] for details in merged]
        truth: dict[Kind, dict[str, list[Any]]] = {kind: {} for kind in Kind}
        for letter_id, account_id, origin, email in rows:
            if origin == "merge":
                truth[Kind.MERGE].setdefault(letter_id, []).append(account_id)
                if events.count(letter_id) != 1:
                    self.history.traces.append(f"{events.count(letter_id)} audit events of one merge (I4)")
            else:
                truth[Kind.ADDRESS].setdefault(email, []).append(letter_id)
        for link, (account_id, tried) in self._passwords.items():
            right = [word for word in tried if self.there.deps.hasher.verify(word, hashes[account_id])]
            truth[Kind.LINK][link] = right or [None]
        for one in self.history.operations:
            if one.kind is Kind.MAIL:
                truth[Kind.MAIL][one.key] = [link for link in self._links(one.key) if link not in self._earlier]
        return truth
