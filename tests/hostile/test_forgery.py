"""Posts that our own pages did not send."""

from __future__ import annotations

import pytest

from tests.attacks import attack
from tests.hostile.places import EVERY, PLACES
from tests.hostile.test_values import rows
from tests.support.acts import show_letter
from tests.support.person import Page
from tests.support.world import STRONG, World


def routes(world: World, method: str) -> list[str]:
    return [
        str(rule)
        for rule in world.server.app.url_map.iter_rules()
        if method in (rule.methods or ()) and not str(rule).startswith(("/oauth", "/static", "/health", "/.well-known"))
    ]


@pytest.mark.parametrize("name", PLACES)
@pytest.mark.parametrize("token", ["", "0" * 43, None], ids=["empty", "forged", "missing"])
@attack("F7")
def test_a_form_without_its_token_is_shown_again_filled(world: World, name: str, token: str | None) -> None:
    person = PLACES[name].reach(world)
    before = rows(world)

    page = person.submit(having=PLACES[name].field, **PLACES[name].fields, csrf_token=token)  # type: ignore[arg-type]

    assert page.status == 400
    assert "trop longtemps" in page.errors[0]
    assert rows(world) == before


@pytest.mark.parametrize("name", PLACES)
@attack("F7")
def test_another_forms_token_does_not_fit(world: World, name: str) -> None:
    person = PLACES[name].reach(world)
    here = person.page
    other = person.open("/login/codes" if name != "codes" else f"/login?{world.agency().query}")
    token = other.form(having="csrf_token").fields["csrf_token"]

    person.page = here
    page = person.submit(having=PLACES[name].field, **PLACES[name].fields, csrf_token=token)

    assert page.status == 400
    assert "trop longtemps" in page.errors[0]


@attack("F7", "F8")
def test_another_browsers_token_does_not_fit(world: World) -> None:
    letter, _ = world.member()
    attacker, victim = world.person(), world.person()
    attacker.open(f"/login?{letter.query}")
    token = attacker.page.form(having="identifier").fields["csrf_token"]
    victim.open(f"/login?{letter.query}")

    page = victim.submit(identifier=letter.email or "", password=STRONG, csrf_token=token)

    assert page.status == 400
    assert "session" not in victim.cookies


@pytest.mark.parametrize("name", PLACES)
@attack("F7")
def test_a_token_of_another_browser_fits_no_form(world: World, name: str) -> None:
    """The same form, opened by somebody else: an attacker's own token in a page that posts it for the victim."""
    person = PLACES[name].reach(world)
    other = world.person()
    other.open(person.page.url)
    foreign = next((f.fields for f in other.page.forms if "csrf_token" in f.fields), {})

    page = person.submit(having=PLACES[name].field, **PLACES[name].fields, csrf_token=foreign["csrf_token"])

    assert page.status == 400
    assert "trop longtemps" in page.errors[0]


@attack("F7")
def test_another_flows_token_does_not_fit(world: World) -> None:
    person = world.person()
    show_letter(person, world.letter())
    first = person.page
    show_letter(person, world.letter())
    token = person.page.form(having="email").fields["csrf_token"]

    person.page = first

    assert person.submit(having="email", csrf_token=token).status == 400


@pytest.mark.parametrize("name", EVERY)
@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "cross-site", "Origin": "{base}"},
    ],
    ids=["origin", "null", "cross-site", "same-site", "contradiction"],
)
@attack("F7")
def test_what_the_browser_says_is_from_another_site_is_refused_even_with_a_token(
    world: World, name: str, headers: dict[str, str]
) -> None:
    person = EVERY[name].reach(world)
    form = person.page.form(having=EVERY[name].field)
    before = rows(world)

    headers = {key: value.replace("{base}", world.base) for key, value in headers.items()}
    page = Page(person.http.post(form.action, data={**form.fields, **EVERY[name].fields}, headers=headers))

    assert page.status == 403
    assert "ne vient pas de notre page" in page.text
    assert rows(world) == before


@pytest.mark.parametrize(
    "headers", [{"Sec-Fetch-Site": "same-origin"}, {"Sec-Fetch-Site": "none"}, {"Origin": "{base}"}]
)
@attack("F7")
def test_our_own_pages_are_not_taken_for_another_site(world: World, headers: dict[str, str]) -> None:
    letter, _ = world.member()
    headers = {key: value.replace("{base}", world.base) for key, value in headers.items()}
    person = world.person(headers=headers)
    person.open(f"/login?{letter.query}")

    assert person.submit(identifier=letter.email or "", password=STRONG).heading == "Profil"


def test_another_sites_post_leaves_the_browsers_key_and_session_alone(world: World) -> None:
    """Browsers send no SameSite cookie with it, so the visitor looked new and got a new key, which ended all open flows."""
    letter, _ = world.member()
    stranger = world.person()

    for path in ("/login?" + letter.query, "/login/provisional", "/logout", "/reset", "/upgrade/x/email", "/nothing"):
        response = stranger.http.post(path, data={"a": "b"}, headers={"Sec-Fetch-Site": "cross-site"})
        assert "set-cookie" not in response.headers, path


@pytest.mark.parametrize("name", EVERY)
def test_json_is_no_form(world: World, name: str) -> None:
    person = EVERY[name].reach(world)
    form = person.page.form(having=EVERY[name].field)

    page = Page(person.http.post(form.action, json={**form.fields, **EVERY[name].fields}))

    assert page.status == 400
    assert "n'a pas pu être lu" in page.text


@pytest.mark.parametrize("name", EVERY)
def test_a_field_given_twice_is_refused_rather_than_guessed_at(world: World, name: str) -> None:
    person = EVERY[name].reach(world)
    form = person.page.form(having=EVERY[name].field)
    before = rows(world)
    fields = {**form.fields, **EVERY[name].fields}

    for field, value in fields.items():
        page = Page(person.http.post(form.action, data={**fields, field: [value, value]}))
        assert page.status == 400, field
        assert "n'a pas pu être lu" in page.text

    assert rows(world) == before


def test_a_multipart_form_is_a_form_and_its_files_are_nothing(world: World) -> None:
    letter, _ = world.member()
    person = world.person()
    person.open(f"/login?{letter.query}")
    form = person.page.form(having="identifier")
    assert letter.email

    as_file = {**form.fields, "identifier": letter.email}
    page = Page(person.http.post(form.action, data=as_file, files={"password": ("p.txt", STRONG.encode())}))
    assert page.status == 400
    typed = {**form.fields, "identifier": letter.email, "password": STRONG}
    response = person.http.post(form.action, data=typed, files={"more": ("x.bin", b"\x00" * 100)})

    assert response.status_code == 303


@attack("O8")
def test_a_thousand_fields_are_refused(world: World) -> None:
    person = PLACES["login"].reach(world)
    form = person.page.form(having="identifier")
    many = {f"f{number}": "x" for number in range(3000)}

    page = Page(person.http.post(form.action, data={**form.fields, **many}))

    assert page.status in (400, 413)


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "TRACE"])
@attack("A26")
def test_a_wrong_method_is_405_with_what_is_allowed(world: World, method: str) -> None:
    person = world.person()
    for route in sorted({*routes(world, "GET"), *routes(world, "POST")}):
        path = route.replace("<flow_id>", "x").replace("<token>", "x").replace("<document>", "terms")
        response = person.http.request(method, path)
        assert response.status_code == 405, path
        assert response.headers["allow"], path


def test_the_address_of_every_form_can_be_opened(world: World) -> None:
    """A form's answer stands under the form's address; who then presses Enter in the address bar, or reloads from the
    history, asks for that address with GET, and was told "page introuvable" in other words."""
    assert not set(routes(world, "POST")) - set(routes(world, "GET"))


@attack("F9")
def test_opening_any_page_changes_nothing(world: World) -> None:
    """GET and HEAD: what mail scanners, previews and prefetching browsers send."""
    person = EVERY["sign out"].reach(world)
    before = rows(world)

    for route in routes(world, "GET"):
        path = route.replace("<flow_id>", "x").replace("<token>", "x").replace("<document>", "terms")
        assert person.get(path).status_code < 500, path
        assert person.http.head(path).status_code < 500, path

    assert rows(world) == before
    assert person.open("/profile").heading == "Profil"
