"""What people and browsers do besides following the arrows (design, section 6): no page is a dead end."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import func, select

from idp.accounts.tables import Account
from idp.upgrade.tables import UpgradeFlow
from tests.attacks import attack
from tests.support.acts import (
    ask_for_account,
    ask_reset,
    choose_address,
    choose_password,
    confirm,
    show_letter,
    sign_in,
    to_merge,
)
from tests.support.person import Person
from tests.support.world import OTHER_STRONG, STRONG, Letter, Portal, World, answer


def asked_by(person: Person, portal: Portal) -> str:
    """Open a portal's request; returns the query that keeps it and the agency."""
    person.open(portal.authorize_url())
    return person.page.url.split("?", 1)[1]


def accounts_of(world: World, email: str | None) -> int:
    with world.reading() as db:
        return db.scalars(select(func.count()).select_from(Account).where(Account.email == email)).one()  # type: ignore[no-any-return]


def lose_cookies(person: Person) -> None:
    person.http.cookies.clear()


# --- several tabs ------------------------------------------------------------------------------------------------------


@attack("F14")
def test_each_tab_signs_in_for_its_own_portal(world: World) -> None:
    letter, _ = world.member()
    one, two = world.portal(letter), world.portal(letter)
    person = world.person()
    person.open(one.authorize_url(state="one"))
    first_tab = person.page
    person.open(two.authorize_url(state="two"))

    person.submit(identifier=letter.email or "", password=STRONG)
    assert person.sent_to.startswith(two.redirect_uri)
    assert answer(person.sent_to)["state"] == "two"
    person.page = first_tab
    person.submit(identifier=letter.email or "", password=STRONG)

    assert person.sent_to.startswith(one.redirect_uri)
    assert answer(person.sent_to)["state"] == "one"


def test_each_tab_upgrades_for_its_own_portal(world: World) -> None:
    letter = world.letter()
    one, two = world.portal(letter), world.portal(letter)
    person = world.person()
    ask_for_account(world, letter, person=person, query=asked_by(person, one))
    first_tab = person.page
    show_letter(person, letter, asked_by(person, two))
    assert person.page.heading == "Vérifiez votre messagerie"

    person.submit(code=world.code_for(letter.email))
    assert person.sent_to.startswith(two.redirect_uri)
    person.open(first_tab.url)

    assert person.sent_to.startswith(one.redirect_uri)
    assert accounts_of(world, letter.email) == 1


def test_two_tabs_merge_two_letters_into_one_account(world: World) -> None:
    first, _ = world.member()
    letters = world.letter(contracts=("A2",)), world.letter(contracts=("B3",))
    person = world.person()
    tabs = []
    for letter in letters:
        to_merge(world, letter, first.email or "", person=person)
        tabs.append(person.page)

    for tab in tabs:
        person.page = tab
        person.submit(password=STRONG)

    text = person.open("/profile").text
    assert "A2" in text
    assert "B3" in text


def test_the_address_chosen_in_one_tab_leaves_the_other_tab_alone(world: World) -> None:
    letter = world.letter()
    person = world.person()
    show_letter(person, letter)
    other = person.page
    show_letter(person, letter)
    choose_address(person, f"autre.{letter.email}")

    person.open(other.url)
    assert person.page.fields["email"]["value"] == letter.email
    choose_address(person)
    choose_password(person)

    assert confirm(world, person, letter.email).heading == "Profil"


def test_a_password_is_not_taken_for_an_address_that_the_page_does_not_show(world: World) -> None:
    """A page of the password named one address while another tab had chosen another one, which then became the account's."""
    letter = world.letter()
    person = world.person()
    show_letter(person, letter)
    old = choose_address(person)
    person.open(old.url.replace("/password", "/email"))
    choose_address(person, f"autre.{letter.email}")

    person.page = old
    page = choose_password(person)

    assert page.status == 400
    assert page.fields["username"]["value"] == f"autre.{letter.email}"
    assert choose_password(person).heading == "Vérifiez votre messagerie"


# --- back and double clicks --------------------------------------------------------------------------------------------


@attack("H9")
def test_back_then_another_address_moves_the_flow_back(world: World) -> None:
    letter = world.letter()
    person = ask_for_account(world, letter)
    first = world.link_for(letter.email)

    person.click("Changer d'adresse")
    assert choose_address(person, f"autre.{letter.email}").path.endswith("/password")
    choose_password(person)

    assert world.person().open(first).status == 404
    assert confirm(world, person, f"autre.{letter.email}").heading == "Profil"
    assert accounts_of(world, letter.email) == 0


def test_back_then_the_same_address_mails_nothing_more(world: World) -> None:
    letter = world.letter()
    person = ask_for_account(world, letter)

    person.click("Changer d'adresse")
    page = choose_address(person)

    assert page.heading == "Vérifiez votre messagerie"
    assert len(world.mails_to(letter.email)) == 1


def test_back_to_an_address_and_there_again_makes_its_first_link_work(world: World) -> None:
    letter = world.letter()
    person = ask_for_account(world, letter)
    first = world.link_for(letter.email)
    person.click("Changer d'adresse")
    choose_address(person, f"autre.{letter.email}")
    person.open(person.page.url.replace("/password", "/email"))
    choose_address(person, letter.email)
    choose_password(person, OTHER_STRONG)

    person.open(first)

    assert person.submit(password=OTHER_STRONG).heading == "Profil"


def test_back_then_another_password_counts(world: World) -> None:
    letter = world.letter()
    person = ask_for_account(world, letter)
    person.open(person.page.url.replace("/sent", "/password"))

    choose_password(person, OTHER_STRONG)

    assert confirm(world, person, letter.email, STRONG).status == 400
    assert person.submit(password=OTHER_STRONG).heading == "Profil"


@pytest.mark.parametrize("times", [2, 8])
def test_a_double_click_sends_one_mail_and_answers_the_same(world: World, times: int) -> None:
    letter = world.letter()
    person = world.person()
    show_letter(person, letter)
    choose_address(person)
    form = person.page.form(having="new_password")
    data = {**form.fields, "new_password": STRONG, "confirmation": STRONG, "accept_terms": "yes"}

    with ThreadPoolExecutor(times) as pool:
        answers = list(pool.map(lambda _: person.http.post(form.action, data=data), range(times)))

    assert {a.status_code for a in answers} == {303}
    assert len({a.headers["location"] for a in answers}) == 1
    assert len(world.mails_to(letter.email)) == 1


def test_a_double_click_on_send_again_sends_one(world: World) -> None:
    letter = world.letter()
    person = ask_for_account(world, letter)
    form = person.page.form("Renvoyer l'email")

    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: person.http.post(form.action, data=form.fields), range(4)))

    assert {a.status_code for a in answers} == {303}
    assert len(world.mails_to(letter.email)) == 2


@pytest.mark.parametrize("by", ["code", "link"])
def test_a_double_click_on_the_last_step_makes_one_account_and_no_error(world: World, by: str) -> None:
    """The slower of two clicks was told "ce lien a déjà servi", which looks like a failure to who just succeeded."""
    letter = world.letter()
    person = ask_for_account(world, letter)
    if by == "link":
        person.open(world.link_for(letter.email))
    form = person.page.form(having="password" if by == "link" else "code")
    data = (
        {**form.fields, "password": STRONG} if by == "link" else {**form.fields, "code": world.code_for(letter.email)}
    )

    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: person.http.post(form.action, data=data), range(4)))

    assert {a.status_code for a in answers} == {303}
    assert accounts_of(world, letter.email) == 1
    assert person.open("/profile").heading == "Profil"


@pytest.mark.parametrize("known", [True, False])
def test_a_double_click_on_forgotten_password_asks_once(world: World, known: bool) -> None:
    """Each click made a request and a mail of its own; found by chaos, seed 1077."""
    letter = world.member()[0] if known else world.letter()
    person = world.person()
    person.open(f"/reset?{letter.query}")
    form = person.page.form(having="identifier")
    data = {**form.fields, "identifier": letter.email or ""}

    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: person.http.post(form.action, data=data), range(4)))

    assert {a.status_code for a in answers} == {303}
    assert len({a.headers["location"] for a in answers}) == 1
    asked = [mail for mail in world.mails_to(letter.email) if "/reset/confirm/" in mail.text]
    assert len(asked) == (1 if known else 0)


def test_a_double_click_on_the_merge_merges_once(world: World) -> None:
    first, _ = world.member()
    second = world.letter(contracts=("L2002",))
    person = to_merge(world, second, first.email or "")
    form = person.page.form(having="password")

    with ThreadPoolExecutor(4) as pool:
        answers = list(
            pool.map(lambda _: person.http.post(form.action, data={**form.fields, "password": STRONG}), range(4))
        )

    assert {a.status_code for a in answers} == {303}
    assert len({a.headers["location"] for a in answers}) == 1
    assert person.open("/profile").text.count("L2002") == 1
    assert len([m for m in world.mails_to(first.email) if "ajouté" in m.subject]) == 1


def test_a_double_click_on_the_reset_sets_it_once_and_shows_that_it_is_done(world: World) -> None:
    letter, _ = world.member()
    person = world.person()
    ask_reset(person, letter)
    person.open(world.link_for(letter.email))
    form = person.page.form(having="new_password")
    data = {**form.fields, "new_password": OTHER_STRONG, "confirmation": OTHER_STRONG}

    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: person.http.post(form.action, data=data), range(4)))

    assert {a.status_code for a in answers} == {303}
    assert len([m for m in world.mails_to(letter.email) if "modifié" in m.subject]) == 1


def test_a_used_reset_link_with_another_password_changes_nothing_and_says_so(world: World) -> None:
    letter, _ = world.member()
    person = world.person()
    ask_reset(person, letter)
    person.open(world.link_for(letter.email))
    form = person.page
    person.submit(new_password=OTHER_STRONG, confirmation=OTHER_STRONG)
    person.page = form

    page = person.submit(new_password="Encore-Autre-88z", confirmation="Encore-Autre-88z")

    assert page.status == 410
    assert sign_in(world.person(), letter, password=OTHER_STRONG).heading == "Profil"


def test_a_double_click_on_sign_in_answers_the_portal_once_and_ends_nowhere_else(world: World) -> None:
    letter, _ = world.member()
    portal = world.portal(letter, default_portal=True)
    person = world.person()
    person.open(portal.authorize_url())
    page = person.page

    person.submit(identifier=letter.email or "", password=STRONG)
    person.page = page
    person.submit(identifier=letter.email or "", password=STRONG)

    assert person.sent_to.startswith(portal.redirect_uri.replace("/retour", "/connexion")), person.page.text


# --- after the end -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("step", ["", "/email", "/password", "/sent"])
def test_an_old_tab_after_the_end_says_that_one_is_signed_in_and_leads_on(world: World, step: str) -> None:
    letter = world.letter()
    person = ask_for_account(world, letter)
    flow = person.page.url.removesuffix("/sent")
    person.submit(code=world.code_for(letter.email))

    page = person.open(flow + step)

    assert page.path == "/login"
    assert "Vous êtes connecté" in page.text
    assert person.submit("Continuer avec ce compte").heading == "Profil"


@pytest.mark.parametrize("step", ["/email", "/password", "/sent"])
def test_an_old_form_sent_after_the_end_changes_nothing_and_leads_on(world: World, step: str) -> None:
    letter = world.letter()
    person = ask_for_account(world, letter)
    flow = person.page.url.removesuffix("/sent")
    old = person.open(flow + step)
    person.open(flow + "/sent")
    person.submit(code=world.code_for(letter.email))
    person.page = old

    if step == "/email":
        choose_address(person, f"autre.{letter.email}")
    elif step == "/password":
        choose_password(person, OTHER_STRONG)
    else:
        person.submit("Renvoyer l'email")

    assert person.page.path == "/login"
    assert "Vous êtes connecté" in person.page.text
    assert len(world.mails_to(letter.email)) == 1
    assert sign_in(world.person(), letter).heading == "Profil"


def test_the_waiting_page_after_a_sign_out_asks_to_sign_in(world: World) -> None:
    letter = world.letter()
    person = ask_for_account(world, letter)
    waiting = person.page.url
    person.submit(code=world.code_for(letter.email))
    person.submit("Déconnexion")

    page = person.open(waiting)

    assert page.path == "/login"
    assert "Vous êtes connecté" not in page.text


def test_a_portals_request_that_was_answered_is_not_answered_again_and_leads_to_the_portal(world: World) -> None:
    letter, _ = world.member()
    portal = world.portal(letter, default_portal=True)
    person = world.person()
    person.open(portal.authorize_url())
    old = person.page.url
    person.submit(identifier=letter.email or "", password=STRONG)

    page = person.open(old)
    assert "Vous êtes connecté" in page.text
    person.submit("Continuer avec ce compte")

    assert person.sent_to.startswith(portal.redirect_uri.replace("/retour", "/connexion"))


def test_a_portals_request_that_expired_meanwhile_leads_to_the_portal(world: World) -> None:
    """Coming back after four days finished the upgrade and then showed "cette demande a expiré", without the way on."""
    letter = world.letter()
    portal = world.portal(letter, default_portal=True)
    person = world.person()
    ask_for_account(world, letter, person=person, query=asked_by(person, portal))
    world.clock.advance(days=4)
    show_letter(person, letter)
    person.submit("Renvoyer l'email")

    person.submit(code=world.code_for(letter.email))

    assert person.sent_to.startswith(portal.redirect_uri.replace("/retour", "/connexion"))


# --- left open, and lost cookies ---------------------------------------------------------------------------------------


def test_every_page_of_the_upgrade_works_the_next_morning(world: World) -> None:
    letter = world.letter()
    portal = world.portal(letter)
    person = world.person()
    query = asked_by(person, portal)
    person.open(f"/login/provisional?{query}")

    world.clock.advance(hours=15)
    person.submit(provisional_identifier=letter.identifier, provisional_password=letter.password)
    world.clock.advance(hours=15)
    choose_address(person)
    world.clock.advance(hours=15)
    choose_password(person)
    world.clock.advance(hours=15)
    person.submit(code=world.code_for(letter.email))

    assert person.sent_to.startswith(portal.redirect_uri)


def test_a_waiting_page_after_two_days_gets_a_new_mail(world: World) -> None:
    letter = world.letter()
    person = ask_for_account(world, letter)
    old = world.code_for(letter.email)
    world.clock.advance(days=2)

    page = person.submit(code=old)
    assert page.status == 400
    person.submit("Renvoyer l'email")

    assert person.submit(code=world.code_for(letter.email)).heading == "Profil"


def test_an_expired_flow_leads_back_to_the_letter(world: World) -> None:
    letter = world.letter()
    person = ask_for_account(world, letter)
    world.clock.advance(days=8)

    page = person.reload()

    assert page.heading == "Cette démarche a expiré"
    page = person.click("Reprendre avec mon courrier")
    person.submit(provisional_identifier=letter.identifier, provisional_password=letter.password)
    assert person.page.path.endswith("/email")


def test_a_sign_in_page_without_its_cookie_works_when_sent_again(world: World) -> None:
    letter, _ = world.member()
    portal = world.portal(letter)
    person = world.person()
    person.open(portal.authorize_url())
    lose_cookies(person)

    page = person.submit(identifier=letter.email or "", password=STRONG)
    assert page.status == 400
    assert page.fields["identifier"]["value"] == letter.email
    person.submit(having="identifier", password=STRONG)

    assert person.sent_to.startswith(portal.redirect_uri)


@pytest.mark.parametrize("step", ["letter", "email", "password", "sent", "link"])
def test_a_cookie_lost_at_any_step_of_the_upgrade_costs_the_letter_at_most(world: World, step: str) -> None:
    letter = world.letter()
    portal = world.portal(letter)
    person = world.person()
    query = asked_by(person, portal)
    person.open(f"/login/provisional?{query}")
    if step == "letter":
        lose_cookies(person)
    page = person.submit(provisional_identifier=letter.identifier, provisional_password=letter.password)
    if step == "letter":
        assert page.status == 400
        assert page.fields["provisional_identifier"]["value"] == letter.identifier
        person.submit(having="provisional_identifier", provisional_password=letter.password)
    if step == "email":
        person = resumed(person, letter, lambda: choose_address(person))
    choose_address(person)
    if step == "password":
        person = resumed(person, letter, lambda: choose_password(person))
    choose_password(person)
    assert person.page.heading == "Vérifiez votre messagerie"
    if step == "sent":
        resumed(person, letter, lambda: person.submit(code="0000 0000"))
    if step == "link":
        person.open(world.link_for(letter.email))
        lose_cookies(person)
        assert person.submit(password=STRONG).status == 400
        page = person.submit(password=STRONG)
        assert page.heading == "Profil", "in a browser that is not known to be the first one"
        return
    person.submit(**({"password": STRONG} if step == "sent" else {}), code=world.code_for(letter.email))

    assert person.sent_to.startswith(portal.redirect_uri)


def resumed(person: Person, letter: Letter, act) -> Person:  # type: ignore[no-untyped-def]
    """Lose the cookies, act, and go the way that the page offers."""
    lose_cookies(person)
    page = act()
    assert page.heading == "Reprenons ici"
    person.click("Reprendre avec mon courrier")
    assert letter.client in person.page.url
    person.submit(provisional_identifier=letter.identifier, provisional_password=letter.password)
    return person


def test_a_cookie_lost_on_the_merge_page_costs_the_letter(world: World) -> None:
    first, _ = world.member()
    second = world.letter()
    portal = world.portal(second)
    person = world.person()
    to_merge(world, second, first.email or "", person=person, query=asked_by(person, portal))

    resumed(person, second, lambda: person.submit(password=STRONG))
    choose_address(person, first.email)
    person.submit(password=STRONG)
    person.submit("Continuer")

    assert person.sent_to.startswith(portal.redirect_uri)


def test_a_cookie_lost_on_comptes_associes_asks_to_sign_in(world: World) -> None:
    first, _ = world.member()
    second = world.letter()
    portal = world.portal(second)
    person = world.person()
    to_merge(world, second, first.email or "", person=person, query=asked_by(person, portal))
    person.submit(password=STRONG)
    lose_cookies(person)

    page = person.submit("Continuer")

    assert page.path == "/login"
    person.submit(identifier=first.email or "", password=STRONG)
    assert person.sent_to.startswith(portal.redirect_uri)


def test_a_cookie_lost_in_the_reset_changes_nothing(world: World) -> None:
    letter, _ = world.member()
    person = world.person()
    person.open(f"/reset?{letter.query}")
    lose_cookies(person)
    assert person.submit(identifier=letter.email or "").status == 400
    assert person.submit(having="identifier").heading == "Vérifiez votre messagerie"
    person.open(world.link_for(letter.email))
    lose_cookies(person)
    assert person.submit(new_password=OTHER_STRONG, confirmation=OTHER_STRONG).status == 400

    page = person.submit(new_password=OTHER_STRONG, confirmation=OTHER_STRONG)

    assert page.heading.startswith("Mot de passe réinitialisé")
    assert person.click("Se connecter").path == "/login"


def test_a_cookie_lost_on_the_change_of_password_asks_to_sign_in(world: World) -> None:
    letter, _ = world.member()
    person = world.signed_in(letter)
    person.open("/profile/password")
    lose_cookies(person)

    page = person.submit(current_password=STRONG, new_password=OTHER_STRONG, confirmation=OTHER_STRONG)

    assert page.heading in ("Saisir les codes client et société", "Mon compte immobilier")
    assert sign_in(world.person(), letter).heading == "Profil"


# --- the mail: scanners, phones, several of them -----------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["upgrade", "reset"])
@attack("I1")
def test_a_scanner_that_opens_and_submits_the_link_changes_nothing(world: World, kind: str) -> None:
    if kind == "upgrade":
        letter = world.letter()
        ask_for_account(world, letter)
    else:
        letter, _ = world.member()
        ask_reset(world.person(), letter)
    link = world.link_for(letter.email)
    scanner = world.person()

    assert scanner.http.head(link).status_code == 200
    assert scanner.http.get(link).status_code == 200
    scanner.open(link)
    assert scanner.submit().status == 400
    names = ["password"] if kind == "upgrade" else ["new_password", "confirmation"]
    assert scanner.submit(**dict.fromkeys(names, "")).status == 400

    assert "session" not in scanner.cookies
    person = world.person()
    person.open(link)
    if kind == "upgrade":
        assert person.submit(password=STRONG).heading == "Profil"
    else:
        assert person.submit(new_password=OTHER_STRONG, confirmation=OTHER_STRONG).status == 200


def test_a_link_opened_on_the_phone_confirms_and_the_first_browser_goes_on(world: World) -> None:
    letter = world.letter()
    portal = world.portal(letter)
    computer, phone = world.person(), world.person()
    ask_for_account(world, letter, person=computer, query=asked_by(computer, portal))

    page = confirm(world, phone, letter.email)
    assert page.heading == "Profil"
    assert "l'autre appareil" in page.text
    assert phone.sent_to == ""
    assert computer.get(computer.page.url + "/status").json()["waiting"] is False
    page = computer.reload()
    assert page.heading == "Votre adresse est confirmée"
    computer.submit("Continuer")

    assert computer.sent_to.startswith(portal.redirect_uri)


@attack("F2")
def test_the_phone_gets_no_code_of_the_computers_portal_by_any_page(world: World) -> None:
    letter = world.letter()
    portal = world.portal(letter)
    computer, phone = world.person(), world.person()
    ask_for_account(world, letter, person=computer, query=asked_by(computer, portal))
    link = world.link_for(letter.email)

    page = phone.open(link)
    seen = [page, phone.submit(password=STRONG), phone.open(link)]

    assert not [p for p in seen if "authorization=" in p.html + p.url]


def test_the_first_browser_is_signed_in_once_by_the_phones_confirmation(world: World) -> None:
    letter = world.letter()
    computer, phone = ask_for_account(world, letter), world.person()
    waiting = computer.page.url
    confirm(world, phone, letter.email)
    computer.open(waiting)
    again = computer.page
    computer.submit("Continuer")
    computer.submit("Déconnexion")

    computer.page = again
    page = computer.submit("Continuer")

    assert page.path == "/login"
    assert computer.open("/profile").path != "/profile"


@pytest.mark.parametrize("since", ["a day", "a new password"])
def test_a_waiting_page_is_not_signed_in_for_ever(world: World, since: str) -> None:
    """The page that was left open on another computer could be turned into a sign-in, without any password, for as long
    as the flow's row was kept: days later, and even after the password had been replaced."""
    letter = world.letter()
    library, phone = ask_for_account(world, letter), world.person()
    confirm(world, phone, letter.email)
    if since == "a day":
        world.clock.advance(days=1)
    else:
        ask_reset(phone, letter)
        phone.open(world.link_for(letter.email))
        phone.submit(new_password=OTHER_STRONG, confirmation=OTHER_STRONG)
    library.reload()
    if "Votre adresse est confirmée" in library.page.text:
        library.submit("Continuer")

    assert library.page.path == "/login"
    assert library.open("/profile").path != "/profile"


def test_another_browser_with_the_same_letter_is_not_signed_in_by_the_confirmation(world: World) -> None:
    """It proved the letter only, and somebody else may have taken the letter from the letterbox."""
    letter = world.letter()
    first, other = ask_for_account(world, letter), world.person()
    show_letter(other, letter)
    waiting = other.page.url

    confirm(world, first, letter.email)

    assert other.open(waiting).path == "/login"
    assert "session" not in other.cookies


def test_who_is_signed_in_as_somebody_else_on_the_phone_is_told_both_names(world: World) -> None:
    other, _ = world.member()
    letter = world.letter()
    ask_for_account(world, letter)
    phone = world.signed_in(other)

    page = phone.open(world.link_for(letter.email))

    assert other.email in page.text
    assert letter.email in page.html
    page = phone.submit(password=STRONG)
    assert letter.email in page.text
    assert other.email not in page.text


def test_every_mail_works_until_one_is_used(world: World) -> None:
    letter = world.letter()
    person = ask_for_account(world, letter)
    links = [world.link_for(letter.email)]
    for _ in range(2):
        person.submit("Renvoyer l'email")
        links.append(world.link_for(letter.email))

    assert [world.person().open(link).status for link in links] == [200, 200, 200]
    person.open(links[1])
    person.submit(password=STRONG)

    assert [world.person().open(link).status for link in links] == [410, 410, 410]


# --- races -------------------------------------------------------------------------------------------------------------


@attack("I4")
def test_of_two_letters_that_race_for_an_address_the_second_is_led_to_merge(world: World) -> None:
    one, two = world.letter(contracts=("A2",)), world.letter(contracts=("B3",))
    email = one.email or ""
    first = ask_for_account(world, one)
    link_of_first = world.link_for(email)
    second = ask_for_account(world, two, email=email, password=OTHER_STRONG)
    link_of_second = world.link_for(email)

    first.open(link_of_first)
    assert first.submit(password=STRONG).heading == "Profil"
    second.open(link_of_second)
    page = second.submit(password=OTHER_STRONG)
    assert page.heading == "Fusion de comptes"
    page = second.submit(password=STRONG)

    assert "A2" in page.text
    assert "B3" in page.text
    assert accounts_of(world, email) == 1


def test_a_letter_confirmed_in_two_browsers_at_once_makes_one_account(world: World) -> None:
    letter = world.letter()
    first = ask_for_account(world, letter)
    link = world.link_for(letter.email)
    second = world.person()
    show_letter(second, letter)
    second.click("Changer d'adresse")
    choose_address(second, f"autre.{letter.email}")
    choose_password(second)
    other_link = world.link_for(f"autre.{letter.email}")

    assert first.open(link).status == 404, "the newest address counts"
    second.open(other_link)
    assert second.submit(password=STRONG).heading == "Profil"

    assert accounts_of(world, letter.email) == 0


def test_a_reset_elsewhere_while_a_merge_waits_leaves_the_merge_to_finish(world: World) -> None:
    first, _ = world.member()
    second = world.letter(contracts=("L2002",))
    person = to_merge(world, second, first.email or "")
    phone = world.person()
    ask_reset(phone, first)
    phone.open(world.link_for(first.email))
    phone.submit(new_password=OTHER_STRONG, confirmation=OTHER_STRONG)

    assert person.submit(password=STRONG).status == 400
    assert "L2002" in person.submit(password=OTHER_STRONG).text


def test_a_merge_of_a_letter_that_was_used_meanwhile_leads_on(world: World) -> None:
    first, _ = world.member()
    second = world.letter()
    waiting = to_merge(world, second, first.email or "")
    to_merge(world, second, first.email or "").submit(password=STRONG)

    page = waiting.submit(password=STRONG)

    assert page.path == "/login"


# --- out of order, and other people's flows ----------------------------------------------------------------------------


def test_steps_out_of_order_lead_to_where_the_flow_is(world: World) -> None:
    letter = world.letter()
    person = world.person()
    page = show_letter(person, letter)
    flow = page.url.removesuffix("/email")
    fields = page.form(having="email").fields
    here = page.path

    for step, data in (
        ("password", {"new_password": STRONG, "confirmation": STRONG, "accept_terms": "yes"}),
        ("resend", {}),
        ("code", {"code": "1234 5678"}),
        ("continue", {}),
    ):
        response = person.http.post(f"{flow}/{step}", data={**fields, **data})
        assert (response.status_code, response.headers["location"]) == (303, here), step
    for step in ("password", "sent", ""):
        assert person.open(f"{flow}/{step}".rstrip("/")).path == here

    assert not world.mails_to(letter.email)


@pytest.mark.parametrize("step", ["", "/email", "/password", "/sent", "/sent/status"])
def test_another_browsers_upgrade_is_unknown_and_shows_nothing(world: World, step: str) -> None:
    letter = world.letter()
    person = ask_for_account(world, letter)
    stranger = world.person()
    stranger.open("/help")

    page = stranger.open(person.page.url.removesuffix("/sent") + step)

    assert page.status == 404
    assert letter.email not in page.html
    assert "HOAREAU" not in page.html


@pytest.mark.parametrize("step", ["email", "password", "resend", "code", "continue"])
@attack("F2")
def test_another_browsers_upgrade_cannot_be_acted_on(world: World, step: str) -> None:
    letter = world.letter()
    person = ask_for_account(world, letter)
    stranger = world.person()
    show_letter(stranger, world.letter())
    own = stranger.page.form(having="email").fields
    data = {
        **own,
        "email": "x@exemple.org",
        "new_password": OTHER_STRONG,
        "confirmation": OTHER_STRONG,
        "accept_terms": "yes",
    }

    response = stranger.http.post(
        person.page.url.replace("/sent", f"/{step}"), data={**data, "code": world.code_for(letter.email)}
    )

    assert response.status_code == 404
    assert len(world.mails_to(letter.email)) == 1
    assert person.submit(code=world.code_for(letter.email)).heading == "Profil"


@attack("F2")
def test_another_browsers_merge_is_unknown(world: World) -> None:
    first, _ = world.member()
    person = to_merge(world, world.letter(), first.email or "")
    stranger = world.person()
    stranger.open("/help")

    page = stranger.open(person.page.url)

    assert page.status == 404
    assert first.email not in page.html


def test_another_browsers_request_of_a_portal_becomes_ones_own_question(world: World) -> None:
    """A bookmarked or shared sign-in page works, and its answer goes to the browser that signs in, never to the first."""
    letter, _ = world.member()
    portal = world.portal(letter)
    first, second = world.person(), world.person()
    first.open(portal.authorize_url())

    second.open(first.page.url)
    second.submit(identifier=letter.email or "", password=STRONG)

    assert second.sent_to.startswith(portal.redirect_uri)
    assert "Mon compte immobilier" in first.reload().text
    first.submit(identifier=letter.email or "", password=STRONG)
    assert first.sent_to.startswith(portal.redirect_uri)


def test_forgotten_which_password_was_chosen_leads_through_the_letter_to_another_one(world: World) -> None:
    letter = world.letter()
    ask_for_account(world, letter)
    person = world.person()
    person.open(world.link_for(letter.email))
    assert person.submit(password=OTHER_STRONG).status == 400

    person.click("courrier")
    person.submit(provisional_identifier=letter.identifier, provisional_password=letter.password)
    choose_address(person)
    choose_password(person, OTHER_STRONG)

    assert confirm(world, person, letter.email, OTHER_STRONG).heading == "Profil"


def test_of_two_tabs_of_one_browser_the_newest_password_is_the_one_for_every_mail(world: World) -> None:
    letter = world.letter()
    person = ask_for_account(world, letter)
    first = world.link_for(letter.email)
    person.click("Revenir à la première étape")
    person.submit(provisional_identifier=letter.identifier, provisional_password=letter.password)
    choose_address(person)
    choose_password(person, OTHER_STRONG)

    person.open(first)

    assert person.submit(password=OTHER_STRONG).heading == "Profil"


def test_abandoned_flows_keep_no_account_from_being_made(world: World) -> None:
    letter = world.letter()
    for _ in range(3):
        show_letter(world.person(), letter)
    person = ask_for_account(world, letter)
    confirm(world, person, letter.email)

    with world.reading() as db:
        states = db.scalars(select(UpgradeFlow.state).where(UpgradeFlow.provisional_account_id == letter.id)).all()

    assert sorted(states) == ["cancelled", "cancelled", "cancelled", "completed"]
