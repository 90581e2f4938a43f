"""Hostile values against every field of every form: a French sentence, the form again, and nothing changed."""

from __future__ import annotations

import unicodedata
from urllib.parse import urlencode

import pytest
from sqlalchemy import delete, func, select

from idp.accounts.tables import Account, Membership
from idp.mail.tables import OutboxMail
from idp.sessions.tables import BrowserSession
from idp.throttle.tables import ThrottleCounter
from idp.web.forms import PASSWORDS
from tests.attacks import attack
from tests.hostile.places import EVERY, FREE, PLACES
from tests.support.person import Page, Person, house_rules
from tests.support.world import World

VALUES: dict[str, str | bytes] = {
    "empty": "",
    "spaces": "   ",
    "NUL": "a\x00b",
    "control characters": "a\r\n\x07\x1b[31mb",
    "emoji": "🏠🔑👩‍👩‍👧",
    "right to left": "abc\u202egpj.exe",
    "combining": "e" + "\u0301" * 200,
    "SQL": "' OR 1=1; DROP TABLE accounts; --",
    "HTML": '"><script>alert(1)</script><img src=x onerror=alert(1)>',
    "template": "{{7*7}}${7*7}{% import os %}#{7*7}",
    "format": "%s%n%x{0}{self.__class__}",
    "path": "../../../../etc/passwd",
    "header": "a@exemple.org\r\nBcc: everybody@exemple.org",
    "surrogate": b"\xed\xa0\x80\xff\xfe",
    "digits of elsewhere": "١٢٣٤٥٦٧٨",
    "10 000 characters": "x" * 10_000,
    "1 MB": "y" * 1_000_000,
}


def rows(world: World) -> list[int]:
    with world.reading() as db:
        tables = (Account, Membership, BrowserSession, OutboxMail)
        return [db.scalars(select(func.count()).select_from(table)).one() for table in tables]


def forget_attempts(world: World) -> None:
    with world.transaction() as db:
        db.execute(delete(ThrottleCounter))


def post(person: Person, action: str, data: dict[str, str | bytes]) -> Page:
    response = person.http.post(
        action, content=urlencode(data).encode(), headers={"Content-Type": "application/x-www-form-urlencoded"}
    )
    page = Page(response)
    if response.status_code != 303:
        house_rules(page)
    return page


def shown_again(value: str | bytes) -> str:
    """What may stand in the field again."""
    text = "".join(f"%{byte:02X}" for byte in value) if isinstance(value, bytes) else value
    return "".join(c for c in text[:320] if unicodedata.category(c) not in ("Cc", "Cs") and c != "\u202e")


@pytest.mark.parametrize("name", PLACES)
@attack("M4", "G16")
def test_a_hostile_value_gets_a_sentence_and_the_form_again(world: World, name: str) -> None:
    place = PLACES[name]
    person = place.reach(world)
    form = person.page.form(having=place.field)
    before = rows(world)

    for field in place.fields:
        for kind, value in VALUES.items():
            where = f"{kind} in {field}"
            forget_attempts(world)
            page = post(person, form.action, {**form.fields, **place.fields, field: value})

            assert 400 <= page.status <= 429, f"{where}: {page.status} {page.text}"
            assert "<script>alert" not in page.html, where
            if page.status == 413:
                continue
            assert page.errors, where
            assert all(" " in line for line in page.errors), page.errors
            for other, given in page.fields.items():
                if other in PASSWORDS:
                    assert not given.get("value"), where
                elif other == field and other != "accept_terms":
                    assert given.get("value") == shown_again(value), where

    assert rows(world) == before
    assert Page(person.http.get(person.page.url)).form(having=place.field), "the form still works"


@pytest.mark.parametrize("name", EVERY)
@pytest.mark.parametrize("field", ["csrf_token", "version"])
def test_a_hostile_hidden_field_is_refused_or_ignored(world: World, name: str, field: str) -> None:
    place = EVERY[name]
    person = place.reach(world)
    form = person.page.form(having=place.field)

    for kind, value in VALUES.items():
        forget_attempts(world)
        page = post(person, form.action, {**form.fields, **place.fields, field: value})
        assert page.status in (303, *range(400, 430)), f"{kind}: {page.status}"


def test_the_neutral_page_of_the_reset_takes_any_value(world: World) -> None:
    person = FREE["reset"].reach(world)
    form = person.page.form(having="identifier")

    for kind, value in VALUES.items():
        address = b"x@" + value if isinstance(value, bytes) else f"x@{value}"
        page = post(person, form.action, {**form.fields, "identifier": address})
        if kind == "1 MB":
            assert page.status == 413
        else:
            assert page.status == 303, kind
            page = person.open(page.response.headers["location"])
            assert page.heading == "Vérifiez votre messagerie"
            assert "<script>alert" not in page.html


ADDRESSES = [
    "/login?client={}&societe={}",
    "/login?authorization={}",
    "/login/codes?then={}&client={}&societe={}",
    "/login/provisional?client={}&societe={}&authorization={}",
    "/reset?client={}&societe={}&merge={}&identifier={}",
    "/upgrade/{}",
    "/upgrade/{}/email",
    "/upgrade/{}/sent/status",
    "/upgrade/confirm/{}",
    "/merge/{}",
    "/merge/{}/done",
    "/reset/{}/sent",
    "/reset/{}/done?stay={}",
    "/reset/confirm/{}",
    "/profile?changed={}&welcome={}",
    "/logout?client={}&post_logout_redirect_uri={}&state={}",
    "/help?client={}&societe={}",
    "/legal/{}",
    "/static/{}",
    "/{}",
]


@pytest.mark.parametrize("address", ADDRESSES)
def test_a_hostile_address_ends_on_a_page_of_ours(world: World, address: str) -> None:
    person = world.person()

    for kind, value in VALUES.items():
        if kind == "1 MB":
            continue
        raw = value.encode() if isinstance(value, str) else value
        url = address.replace("{}", urlencode({"": raw})[1:].replace("+", "%20"))
        response = person.get(url)

        assert response.status_code in (200, 303, 308, *range(400, 430)), f"{kind}: {response.status_code} {url}"
        assert "<script>alert" not in response.text, f"{kind}: {url}"
        location = response.headers.get("location", "/")
        assert location.startswith(("/", world.base)), location
        assert not location.startswith("//")


def test_a_hostile_merge_id_is_no_way_to_anywhere(world: World) -> None:
    letter, _ = world.member()
    for value in ("//evil.example", "..%2F..%2Flogin", "x%00y", "x;url=https://evil.example", "%0d%0aX: y"):
        forget_attempts(world)
        person = world.person()
        person.open(f"/reset?{letter.query}&merge={value}")
        person.submit(identifier=letter.email or "")
        person.open(world.link_for(letter.email))

        page = person.submit(new_password="Trois-Canards-77", confirmation="Trois-Canards-77")

        assert page.heading.startswith("Mot de passe réinitialisé")
        assert "evil" not in page.html
        assert "/merge/" not in page.html
