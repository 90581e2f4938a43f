"""What a browser says that it runs on, in words that its owner would use."""

from __future__ import annotations

import pytest

from idp.texts import catalogue
from idp.web import machines
from tests.support.acts import ask_for_account, ask_reset
from tests.support.world import OTHER_STRONG, World

AGENTS = {
    "iphone": "Mozilla/5.0 (iPhone; CPU iPhone OS 12_5_7 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile",
    "ipad": "Mozilla/5.0 (iPad; CPU OS 12_5_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/12.1.2",
    "android": "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Mobile",
    "windows": "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0",
    "mac": "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5",
    "chromeos": "Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0",
    "linux": "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0",
}


@pytest.mark.parametrize("kind", AGENTS)
def test_a_machine_is_called_what_its_owner_calls_it(kind: str) -> None:
    assert machines.kind(AGENTS[kind]) == kind
    for language in ("fr", "en"):
        assert f"machines.{kind}" in catalogue(language)


@pytest.mark.parametrize("said", ["", "curl/8", "<script>", "x" * 300 + "Windows", "\x00"])
def test_what_is_no_known_machine_is_none(said: str) -> None:
    assert machines.kind(said) is None


def test_the_link_says_when_and_on_what_kind_of_machine_it_was_asked_for(world: World) -> None:
    """R9: whoever opens a mail that somebody else caused sees that it was not them."""
    letter = world.letter()
    ask_for_account(world, letter, person=world.person(headers={"User-Agent": AGENTS["windows"]}))
    mail = world.mails_to(letter.email)[-1]

    page = world.person(headers={"User-Agent": AGENTS["iphone"]}).open(world.link_for(letter.email))

    for told in (page.text, mail.text, mail.html):
        assert "depuis un ordinateur Windows" in told
        assert "sans vous, rien ne change" in told.replace("\u00a0", " ")
        assert "Demande faite le" in told
        assert "Chrome/130" not in told


def test_a_browser_that_does_not_say_is_no_obstacle(world: World) -> None:
    letter, _ = world.member()
    person = world.person(headers={"User-Agent": ""})
    ask_reset(person, letter)

    page = person.open(world.link_for(letter.email))

    assert "Demande faite le" in page.text
    assert "depuis" not in page.text


def test_the_notice_of_a_changed_password_says_on_what_kind_of_machine(world: World) -> None:
    letter, _ = world.member()
    person = world.person(headers={"User-Agent": AGENTS["android"]})
    ask_reset(person, letter)
    person.open(world.link_for(letter.email))
    person.submit(new_password=OTHER_STRONG, confirmation=OTHER_STRONG)

    assert "depuis un appareil Android" in world.mails_to(letter.email)[-1].text
