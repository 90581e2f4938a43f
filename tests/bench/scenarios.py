"""What is measured: each scenario makes its workers, and says what an operation must end with to count.

The rows of the table in docs/performance.md, in its order. Preparation (signing people in, getting tokens) is not
timed. A scenario is of one provider: both providers run the same code.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.bench import oidc
from tests.bench.oidc import Browser, Provider
from tests.bench.wire import Connection, Driver, Failed, Lane, Operation

WORKERS = 16


@dataclass
class Stage:
    """A provider with what was prepared there: browsers that are signed in, one a worker."""

    provider: Provider
    driver: Driver
    browsers: list[Browser] = field(default_factory=list)
    facts: dict[str, Any] = field(default_factory=dict)

    def sign_in(self) -> None:
        """Once for all scenarios: a sign-in costs a quarter of a second of bcrypt."""
        if not self.browsers:
            self.browsers = [Browser(self.provider) for _ in range(WORKERS)]
            portal = self.provider.portals["main"]
            self.driver.do(
                oidc.signed_in(self.provider, browser, portal, number) for number, browser in enumerate(self.browsers)
            )

    def user_tokens(self, use: str) -> list[dict[str, Any]]:
        """The tokens of each signed-in person for a portal."""
        self.sign_in()
        found: list[dict[str, Any]] = []

        def get(number: int, browser: Browser) -> Operation:
            back, portal, person = (
                Connection(self.provider.port),
                self.provider.portals[use],
                self.provider.person(number),
            )
            found.append((yield from oidc.tokens(browser, back, portal, {}, person)))
            back.close()

        self.driver.do(get(number, browser) for number, browser in enumerate(self.browsers))
        return found


Made = Callable[[Stage], list[Lane]]


@dataclass(frozen=True)
class Scenario:
    """name: as in the table. lanes: makes the workers. goal: of docs/performance.md, as ratio to the peer and in ms."""

    name: str
    title: str
    lanes: Made
    goal: tuple[float, float | None] | None = None


def _repeated(port: int, request: bytes, must_contain: bytes) -> Lane:
    """A worker that sends the same request again and again."""
    connection = Connection(port)

    def operation() -> Operation:
        answer = yield connection, request
        if answer.status != 200 or must_contain not in answer.body:
            raise Failed(f"{answer.status} {answer.body[:160]!r}")

    return Lane(operation)


def _sso(use: str) -> Made:
    def lanes(stage: Stage) -> list[Lane]:
        stage.sign_in()
        portal = stage.provider.portals[use]

        def lane(browser: Browser) -> Lane:
            back = Connection(stage.provider.port)

            def operation() -> Operation:
                answer = yield from oidc.tokens(browser, back, portal, {"prompt": "none"})
                stage.facts.setdefault(f"{use} id_token", oidc.algorithm(answer["id_token"]))

            return Lane(operation)

        return [lane(browser) for browser in stage.browsers]

    return lanes


def _refresh(stage: Stage) -> list[Lane]:
    """Each worker has a chain: every answer's token feeds its next request."""
    provider, portal = stage.provider, stage.provider.portals["rotating"]

    def lane(first: str) -> Lane:
        back, chain = Connection(provider.port), deque([first])

        def operation() -> Operation:
            old = chain.popleft()
            chain.append(old)  # where the answer is lost, the same token is tried again
            answer = yield from provider.token(back, portal, {"grant_type": "refresh_token", "refresh_token": old})
            if answer.get("refresh_token", old) == old or "id_token" not in answer:
                raise Failed("refresh: not rotated, or no ID token")
            chain[0] = answer["refresh_token"]
            stage.facts.setdefault("rotating id_token", oidc.algorithm(answer["id_token"]))

        return Lane(operation)

    return [lane(answer["refresh_token"]) for answer in stage.user_tokens("rotating")]


def _client_credentials(stage: Stage) -> list[Lane]:
    provider, portal = stage.provider, stage.provider.portals["service"]
    fields = {"grant_type": "client_credentials", **({"scope": portal.scope} if portal.scope else {})}
    request = provider.form(provider.paths["token_endpoint"], portal, fields)
    return [_repeated(provider.port, request, b'"access_token"') for _ in range(WORKERS)]


def _userinfo(stage: Stage) -> list[Lane]:
    provider = stage.provider
    return [
        _repeated(
            provider.port,
            provider.request(
                "GET", provider.paths["userinfo_endpoint"], {"Authorization": f"Bearer {answer['access_token']}"}
            ),
            b'"sub"',
        )
        for answer in stage.user_tokens("main")
    ]


def _introspection(stage: Stage) -> list[Lane]:
    provider, portal = stage.provider, stage.provider.portals["main"]
    return [
        _repeated(
            provider.port,
            provider.form(provider.paths["introspection_endpoint"], portal, {"token": answer["access_token"]}),
            b'"active":true',
        )
        for answer in stage.user_tokens("main")
    ]


def _document(name: str, must_contain: bytes) -> Made:
    def lanes(stage: Stage) -> list[Lane]:
        provider = stage.provider
        request = provider.request("GET", provider.paths[name], {})
        return [_repeated(provider.front_port, request, must_contain) for _ in range(WORKERS)]

    return lanes


def sign_ins(stage: Stage, workers: int = WORKERS) -> list[Lane]:
    """From an empty browser to the code: the link, the form, the password, the way back. Another person each time."""
    provider, portal = stage.provider, stage.provider.portals["main"]
    numbers = iter(range(10**12))

    def lane() -> Lane:
        browser = Browser(provider)

        def operation() -> Operation:
            browser.forget()
            yield from oidc.signed_in(provider, browser, portal, next(numbers) % provider.people)

        return Lane(operation)

    return [lane() for _ in range(workers)]


SCENARIOS: Mapping[str, Scenario] = {
    one.name: one
    for one in (
        Scenario("sso", "single sign-on, RS256", _sso("main"), (1.5, 2.6)),
        Scenario("sso_es256", "single sign-on, ES256", _sso("es256"), (1.5, 2.0)),
        Scenario("refresh", "refresh, rotating, RS256", _refresh, (1.3, 1.6)),
        Scenario("client_credentials", "client credentials", _client_credentials, (1.0, 0.37)),
        Scenario("userinfo", "userinfo", _userinfo, (1.2, 0.65)),
        Scenario("introspection", "introspection", _introspection, (1.2, 0.65)),
        Scenario("discovery", "discovery", _document("discovery", b'"token_endpoint"'), (1.0, None)),
        Scenario("jwks", "JWKS", _document("jwks_uri", b'"keys"'), (1.0, None)),
        Scenario("password", "password sign-in", sign_ins, (1.0, None)),
    )
}
