"""Source, section III: the codes of the agency last signed in at are filled in, and decide nothing."""

from __future__ import annotations

from tests.support.world import World


def test_the_codes_page_fills_in_the_agency_last_signed_in_at(world: World) -> None:
    letter, _ = world.member()
    person = world.signed_in(letter)
    page = person.open("/login/codes")
    assert page.fields["client"]["value"] == letter.client
    assert page.fields["societe"]["value"] == letter.societe


def test_remembered_codes_are_shown_escaped_and_never_followed(world: World) -> None:
    person = world.person(cookies={"agency": '"><script>/x'})
    page = person.open("/login/codes")
    assert "<script>/" not in page.html
    assert person.open("/login").path == "/login/codes"
