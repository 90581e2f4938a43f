"""Source, section I: from the letter to the strong account, over HTTP without JavaScript."""

from __future__ import annotations

from tests.support.world import STRONG, World


def test_a_letter_becomes_a_strong_account(world: World) -> None:
    letter = world.letter()
    person = world.person()

    page = person.open(f"/login/provisional?{letter.query}")
    assert "transmis par votre agence" in page.text
    page = person.submit(provisional_identifier=letter.identifier, provisional_password=letter.password)
    assert page.fields["email"]["value"] == letter.email
    page = person.submit("Continuer")
    assert "Au moins 6 caractères" in page.text
    page = person.submit(new_password=STRONG, confirmation=STRONG, accept_terms="yes")
    assert page.heading == "Vérifiez votre messagerie"
    person.open(world.link_for(letter.email))
    page = person.submit(password=STRONG)

    assert page.heading == "Profil"
    assert "HOAREAU" in page.text
