"""Source, section II: several letters, one account."""

from __future__ import annotations

from tests.attacks import attack
from tests.support.acts import ask_for_account, choose_address, show_letter, to_merge
from tests.support.world import OTHER_STRONG, STRONG, World


def test_a_second_letter_of_the_same_agency_joins_the_account(world: World) -> None:
    agency = world.agency()
    first, _account_id = world.member(agency, contracts=("V1001",))
    second = world.letter(agency, contracts=("L2002",))
    person = to_merge(world, second, first.email or "")
    assert "mot de passe renforcé" in person.page.text

    page = person.submit(password=STRONG)

    assert page.heading.startswith("Comptes associés")
    assert "V1001" in page.text
    assert "L2002" in page.text
    assert "L2002" in person.submit("Continuer").text


def test_a_letter_of_another_agency_joins_the_account(world: World) -> None:
    first, _ = world.member(world.agency(name="Agence du Port"))
    second = world.letter(world.agency(name="Régie des Halles"))
    person = to_merge(world, second, first.email or "")
    assert "Régie des Halles" in person.page.text

    page = person.submit(password=STRONG)

    assert "Agence du Port" in page.text
    assert "Régie des Halles" in page.text


@attack("K6")
def test_the_subject_of_the_account_never_changes(world: World) -> None:
    first, account_id = world.member()
    second = world.letter()
    portal = world.portal(None)
    person = world.person()
    person.open(portal.authorize_url())
    show_letter(person, second, f"{second.query}&authorization={authorization_of(person.page.url)}")
    choose_address(person, first.email)
    person.submit(password=STRONG)
    person.submit("Continuer")

    tokens = portal.redeem(person.sent_to).json()
    told = portal.userinfo(tokens["access_token"]).json()

    assert told["sub"] == account_id
    assert {place["societe"] for place in told["memberships"]} == {first.societe, second.societe}


def test_merging_continues_to_the_portal_that_asked(world: World) -> None:
    first, _ = world.member()
    second = world.letter()
    portal = world.portal(second)
    person = world.person()
    person.open(portal.authorize_url())
    person.click("Utilisez cette option")
    person.submit(provisional_identifier=second.identifier, provisional_password=second.password)
    choose_address(person, first.email)

    person.submit(password=STRONG)
    person.submit("Continuer")

    assert person.sent_to.startswith(portal.redirect_uri)


@attack("K1")
def test_a_wrong_password_merges_nothing(world: World) -> None:
    first, _ = world.member()
    second = world.letter()
    person = to_merge(world, second, first.email or "")

    page = person.submit(password=OTHER_STRONG)

    assert page.status == 400
    assert "celui que vous avez choisi, pas celui du courrier" in page.errors[0]
    assert "session" not in person.cookies
    assert person.submit(password="").fields["password"]["aria-invalid"] == "true"
    assert second.societe not in world.signed_in(first).page.text


def test_another_address_may_be_used_instead(world: World) -> None:
    first, _ = world.member()
    second = world.letter()
    person = to_merge(world, second, first.email or "")

    page = person.submit("Utiliser une autre adresse")

    assert page.path.endswith("/email")
    assert choose_address(person, second.email).path.endswith("/password")


def test_merging_can_wait_and_the_letter_offers_it_again(world: World) -> None:
    """Who has an account signs in for the portal that asked, with nothing added; the letter stays as good as it was."""
    agency = world.agency()
    first, _ = world.member(agency)
    second = world.letter(agency)
    portal = world.portal(agency)
    person = world.person()
    person.open(portal.authorize_url())
    person.click("Utilisez cette option")
    person.submit(provisional_identifier=second.identifier, provisional_password=second.password)
    choose_address(person, first.email)

    person.click("Plus tard")
    person.submit("Connexion", identifier=first.email, password=STRONG)

    assert person.sent_to.startswith(portal.redirect_uri)
    other = world.person()
    show_letter(other, second)
    choose_address(other, first.email)
    assert other.page.heading == "Fusion de comptes"
    assert "Comptes associés" in other.submit(password=STRONG).text


def test_a_forgotten_password_is_replaced_and_the_merge_goes_on(world: World) -> None:
    first, _ = world.member()
    second = world.letter(contracts=("L2002",))
    person = to_merge(world, second, first.email or "")

    page = person.click("Mot de passe oublié")
    assert page.fields["identifier"]["value"] == first.email
    person.submit(having="identifier")
    person.open(world.link_for(first.email))
    page = person.submit(new_password=OTHER_STRONG, confirmation=OTHER_STRONG)
    assert page.heading.startswith("Mot de passe réinitialisé")
    page = person.click("Reprendre la fusion de comptes")
    assert page.heading == "Fusion de comptes"

    assert "L2002" in person.submit(password=OTHER_STRONG).text


def test_the_merge_is_told_by_mail_without_a_secret(world: World) -> None:
    first, _ = world.member()
    second = world.letter(world.agency(name="Régie des Halles"))
    to_merge(world, second, first.email or "").submit(password=STRONG)

    mail = world.mails_to(first.email)[-1]

    assert mail.subject == "Un compte a été ajouté au vôtre - Régie des Halles"
    assert "Régie des Halles" in mail.text
    assert "/confirm/" not in mail.text


def test_the_merged_letter_is_closed(world: World) -> None:
    first, _ = world.member()
    second = world.letter()
    to_merge(world, second, first.email or "").submit(password=STRONG)

    page = show_letter(world.person(), second)

    assert page.heading == "Ce compte est déjà à jour"


def test_merging_ends_the_letters_upgrade_in_every_tab(world: World) -> None:
    """The merge closed the letter but left its upgrade open: "back" showed the address form of a letter that was used,
    which led through a password and a mail to a link that could not work."""
    first, _ = world.member()
    second = world.letter()
    other_tab = ask_for_account(world, second)
    person = world.person()
    page = show_letter(person, second)
    person.click("Changer d'adresse")
    upgrade = person.page.url
    choose_address(person, first.email)
    person.submit(password=STRONG)

    page = person.open(upgrade)
    assert page.path == "/login"
    assert "Vous êtes connecté" in page.text
    page = other_tab.reload()
    assert page.path == "/login"


def test_comptes_associes_is_shown_to_who_is_signed_in_only(world: World) -> None:
    """The page stayed readable after signing out, by whoever sat down at the same computer and went back."""
    first, _ = world.member()
    person = to_merge(world, world.letter(contracts=("L2002",)), first.email or "")
    done = person.submit(password=STRONG).url
    person.open("/logout")
    person.submit("Me déconnecter")

    page = person.open(done)

    assert "L2002" not in page.text
    assert page.path == "/login"


@attack("K4")
def test_equal_addresses_alone_merge_nothing(world: World) -> None:
    """The agency's file suggests the address of a strong account: a reason to offer a merge, never to do one."""
    first, _ = world.member()
    second = world.letter(email=first.email, contracts=("L2002",))

    to_merge(world, second, first.email or "")

    assert "L2002" not in world.signed_in(first).open("/profile").text


def test_the_profile_invites_to_add_another_letter(world: World) -> None:
    first, _ = world.member()
    second = world.letter(contracts=("L2002",))
    person = world.signed_in(first)

    person.open("/profile")
    person.click("Ajoutez ce compte")
    person.submit(client=second.client, societe=second.societe)
    person.submit(provisional_identifier=second.identifier, provisional_password=second.password)
    choose_address(person, first.email)
    person.submit(password=STRONG)

    assert "L2002" in person.submit("Continuer").text


def authorization_of(url: str) -> str:
    return url.split("authorization=")[1].split("&")[0]
