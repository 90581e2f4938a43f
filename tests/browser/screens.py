"""Every page in every state: how to get there, by name. The tests of pages and the pictures read this one list.

A screen takes a `Scene` (the world, and a visitor at Chromium) and leaves the visitor's page on the state it names.
Steps before the last are taken over HTTP, which is faster; what a state is about is done in Chromium.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from playwright.sync_api import Route

from idp import correlation, errors
from idp.failure import IdpError
from idp.tenancy import logos, store
from tests.browser.visitor import Visitor
from tests.support.person import Person
from tests.support.png import png
from tests.support.world import OTHER_STRONG, STRONG, AgencyMade, Letter, World

Reach = Callable[["Scene"], None]
SCREENS: dict[str, Reach] = {}
AGENCY = "Agence des Tilleuls"
_COMPUTER = {"User-Agent": "Mozilla/5.0 (Windows NT 10.0; Win64; x64)"}  # what mails were asked for on


@dataclass
class Scene:
    """What a screen needs. `agency` and `letter` are made when first asked for."""

    world: World
    visitor: Visitor

    def agency(self, name: str = AGENCY, color: str = "#7a1f5c") -> AgencyMade:
        return self.world.agency(name=name, brand_color=color)

    def letter(self, **given: object) -> Letter:
        return self.world.letter(given.pop("agency", None) or self.agency(), **given)  # type: ignore[arg-type]

    def member(self, **given: object) -> Letter:
        agency = given.pop("agency", None) or self.agency()
        return self.world.member(agency, **given)[0]  # type: ignore[arg-type]

    def at_letter(self, letter: Letter) -> Person:
        person = self.world.person(headers=_COMPUTER)
        person.open(f"/login/provisional?{letter.query}")
        return person

    def at_email(self, letter: Letter) -> Person:
        person = self.at_letter(letter)
        person.submit(provisional_identifier=letter.identifier, provisional_password=letter.password)
        return person

    def at_password(self, letter: Letter) -> Person:
        person = self.at_email(letter)
        person.submit("Continuer", **({} if letter.email else {"email": f"{letter.identifier}@exemple.org"}))
        return person

    def at_sent(self, letter: Letter) -> Person:
        person = self.at_password(letter)
        person.submit(new_password=STRONG, confirmation=STRONG, accept_terms="yes")
        return person

    def at_merge(self, held: Letter, letter: Letter) -> Person:
        """The offer to merge `letter` into the account that was made from `held`."""
        person = self.at_email(letter)
        person.submit("Continuer", email=held.email or "")
        return person

    def plain(self, person: Person, path: str) -> None:
        """Open a page of a person's browser as one without scripts shows it: a page that goes on by itself stays."""

        def answer(route: Route) -> None:
            response = route.fetch()
            route.fulfill(response=response, body=re.sub("<script[^>]*></script>", "", response.text()))

        self.visitor.page.route(lambda url: url.startswith(self.world.base), answer, times=1)
        self.visitor.take_over(person, path)

    def fails_with(self, kind: type[IdpError], **facts: object) -> None:
        """The page of a failure that no visitor can cause, as the provider's own handler answers it to the sign-in page."""
        app, path = self.world.server.app, f"/login?{self.agency().query}"
        correlation.begin("", self.world.deps.new_id)
        with app.test_request_context(path, base_url=self.world.base):
            answer = app.make_response(app.handle_user_exception(kind(**facts)))
        headers = {"Content-Security-Policy": answer.headers["Content-Security-Policy"]}
        self.visitor.page.route(
            lambda url: url.endswith(path),
            lambda route: route.fulfill(
                status=kind.status, body=answer.get_data(), content_type="text/html", headers=headers
            ),
            times=1,
        )
        self.visitor.open(path)

    def at_reset(self, held: Letter) -> Person:
        person = self.world.person(headers=_COMPUTER)
        person.open(f"/reset?{held.query}")
        person.submit(identifier=held.email or "")
        return person


def screen(name: str) -> Callable[[Reach], Reach]:
    def keep(reach: Reach) -> Reach:
        assert name not in SCREENS
        SCREENS[name] = reach
        return reach

    return keep


def _logo(s: Scene) -> str:
    """A picture of the agency's colour, kept; returns its digest."""
    logo = logos.read(png(color=(0, 120, 90)))
    with s.world.transaction() as db:
        store.put_logo(db, logo)
    return logo.digest


# --- signing in ------------------------------------------------------------------------------------------------------


@screen("login")
def _(s: Scene) -> None:
    s.visitor.open(f"/login?{s.agency().query}")


@screen("login-towards-portal")
def _(s: Scene) -> None:
    agency = s.agency()
    s.visitor.open(s.world.portal(agency, name="Extranet des Tilleuls").authorize_url())


@screen("login-empty")
def _(s: Scene) -> None:
    s.visitor.open(f"/login?{s.agency().query}")
    s.visitor.press("Connexion")


@screen("login-wrong")
def _(s: Scene) -> None:
    s.visitor.open(f"/login?{s.agency().query}")
    s.visitor.fill(identifier="rolande@exemple.org", password="not this one")
    s.visitor.press("Connexion")


@screen("login-with-the-letters-identifier")
def _(s: Scene) -> None:
    s.visitor.open(f"/login?{s.agency().query}")
    s.visitor.fill(identifier="ID-0042", password="not this one")
    s.visitor.press("Connexion")


@screen("login-throttled")
def _(s: Scene) -> None:
    held = s.member()
    person = s.world.person()
    person.open(f"/login?{held.query}")
    for _attempt in range(6):
        person.submit(identifier=held.email or "", password="not this one")
    s.visitor.open(f"/login?{held.query}")
    s.visitor.fill(identifier=held.email or "", password=STRONG)
    s.visitor.press("Connexion")


@screen("login-page-left-open")
def _(s: Scene) -> None:
    s.visitor.open(f"/login?{s.agency().query}")
    s.visitor.context.clear_cookies()
    s.visitor.fill(identifier="rolande@exemple.org", password=STRONG)
    s.visitor.press("Connexion")


@screen("login-already-signed-in")
def _(s: Scene) -> None:
    held = s.member()
    person = s.world.signed_in(held)
    person.open(f"/login?{held.query}")
    s.visitor.take_over(person)


@screen("login-choose")
def _(s: Scene) -> None:
    held = s.member()
    person = s.world.signed_in(held)
    person.open(s.world.portal(held, name="Extranet des Tilleuls").authorize_url(prompt="select_account"))
    s.visitor.take_over(person)


@screen("login-without-codes")
def _(s: Scene) -> None:
    s.visitor.open("/login?codes=none")


@screen("login-wrong-with-a-slip")
def _(s: Scene) -> None:
    s.visitor.open(f"/login?{s.agency().query}")
    s.visitor.fill(identifier="rolande@gmial.com", password="not this one")
    s.visitor.press("Connexion")


@screen("login-after-reset")
def _(s: Scene) -> None:
    s.visitor.open(f"/login?{s.agency().query}&reset=done")


@screen("codes")
def _(s: Scene) -> None:
    s.visitor.open("/login")


@screen("codes-empty")
def _(s: Scene) -> None:
    s.visitor.open("/login")
    s.visitor.press("Connexion")


@screen("codes-wrong")
def _(s: Scene) -> None:
    s.visitor.open("/login?client=SEPTEO&societe=0000")


# --- upgrade ---------------------------------------------------------------------------------------------------------


@screen("letter")
def _(s: Scene) -> None:
    s.visitor.open(f"/login/provisional?{s.agency().query}")


@screen("letter-empty")
def _(s: Scene) -> None:
    s.visitor.open(f"/login/provisional?{s.agency().query}")
    s.visitor.press("Continuer")


@screen("letter-wrong")
def _(s: Scene) -> None:
    s.visitor.open(f"/login/provisional?{s.agency().query}")
    s.visitor.fill(provisional_identifier="ID0042", provisional_password="not this one")
    s.visitor.press("Continuer")


@screen("letter-throttled")
def _(s: Scene) -> None:
    letter = s.letter()
    person = s.at_letter(letter)
    for _attempt in range(6):
        person.submit(provisional_identifier=letter.identifier, provisional_password="not this one")
    s.visitor.open(f"/login/provisional?{letter.query}")
    s.visitor.fill(provisional_identifier=letter.identifier, provisional_password=letter.password)
    s.visitor.press("Continuer")


@screen("letter-used-already")
def _(s: Scene) -> None:
    held = s.member()
    s.visitor.open(f"/login/provisional?{held.query}")
    s.visitor.fill(provisional_identifier=held.identifier, provisional_password=held.password)
    s.visitor.press("Continuer")


@screen("letter-expired")
def _(s: Scene) -> None:
    letter = s.letter(expires_at=s.world.clock())
    s.visitor.open(f"/login/provisional?{letter.query}")
    s.visitor.fill(provisional_identifier=letter.identifier, provisional_password=letter.password)
    s.visitor.press("Continuer")


@screen("letter-expired-new-one-asked")
def _(s: Scene) -> None:
    SCREENS["letter-expired"](s)
    s.visitor.press("Demander un nouveau courrier à mon agence")


@screen("email")
def _(s: Scene) -> None:
    s.visitor.take_over(s.at_email(s.letter()))


@screen("email-none-suggested")
def _(s: Scene) -> None:
    s.visitor.take_over(s.at_email(s.letter(email=None)))


@screen("email-empty")
def _(s: Scene) -> None:
    s.visitor.take_over(s.at_email(s.letter(email=None)))
    s.visitor.press("Continuer")


@screen("email-malformed")
def _(s: Scene) -> None:
    s.visitor.take_over(s.at_email(s.letter()))
    s.visitor.fill(email="rolande.hoareau@exemple")
    s.visitor.press("Continuer")


@screen("email-too-many")
def _(s: Scene) -> None:
    letter = s.letter()
    person = s.at_email(letter)
    for attempt in range(5):
        person.submit("Continuer", email=f"essai{attempt}.{letter.email}")
        person.click("Changer d'adresse")
    s.visitor.take_over(person)
    s.visitor.fill(email=f"essai9.{letter.email}")
    s.visitor.press("Continuer")


@screen("email-unlikely")
def _(s: Scene) -> None:
    s.visitor.take_over(s.at_email(s.letter()))
    s.visitor.fill(email="rolande.hoareau@gmial.com")
    s.visitor.press("Continuer")


@screen("email-suggested-unlikely")
def _(s: Scene) -> None:
    s.visitor.take_over(s.at_email(s.letter(email="rolande.hoareau@orange.f")))


@screen("password")
def _(s: Scene) -> None:
    s.visitor.take_over(s.at_password(s.letter()))


@screen("password-while-typing")
def _(s: Scene) -> None:
    s.visitor.take_over(s.at_password(s.letter()))
    s.visitor.fill(new_password="Cheval4")


@screen("password-weak")
def _(s: Scene) -> None:
    s.visitor.take_over(s.at_password(s.letter()))
    s.visitor.fill(new_password="cheval", confirmation="cheval")
    s.visitor.press("Créer mon compte")


@screen("password-easy-to-guess")
def _(s: Scene) -> None:
    s.visitor.take_over(s.at_password(s.letter()))
    s.visitor.fill(new_password="Bonjour1!", confirmation="Bonjour1!")
    s.visitor.page.get_by_role("checkbox").check()
    s.visitor.press("Créer mon compte")


@screen("password-differs")
def _(s: Scene) -> None:
    s.visitor.take_over(s.at_password(s.letter()))
    s.visitor.fill(new_password=STRONG, confirmation=OTHER_STRONG)
    s.visitor.press("Créer mon compte")


@screen("password-terms-not-accepted")
def _(s: Scene) -> None:
    s.visitor.take_over(s.at_password(s.letter()))
    s.visitor.fill(new_password=STRONG, confirmation=STRONG)
    s.visitor.press("Créer mon compte")


@screen("sent")
def _(s: Scene) -> None:
    s.visitor.take_over(s.at_sent(s.letter()))


@screen("sent-delivered")
def _(s: Scene) -> None:
    letter = s.letter()
    person = s.at_sent(letter)
    s.world.deliver()
    s.visitor.take_over(person)


@screen("sent-refused")
def _(s: Scene) -> None:
    s.world.deliver()
    person = s.at_sent(s.letter())
    s.world.mailbox.answer = "550 no such mailbox"
    s.world.deliver()
    s.world.mailbox.answer = None
    s.visitor.take_over(person)


@screen("sent-again")
def _(s: Scene) -> None:
    person = s.at_sent(s.letter())
    person.submit("Renvoyer l'email")
    s.visitor.take_over(person)


@screen("sent-days-ago")
def _(s: Scene) -> None:
    person = s.at_sent(s.letter())
    s.world.clock.advance(days=2)
    s.visitor.take_over(person)
    s.world.clock.advance(days=-2)


@screen("sent-code")
def _(s: Scene) -> None:
    person = s.at_sent(s.letter())
    person.click("Saisir le code du message")
    s.visitor.take_over(person)


@screen("sent-code-wrong")
def _(s: Scene) -> None:
    s.visitor.take_over(s.at_sent(s.letter()))
    s.visitor.fill(code="00000000")
    s.visitor.press("Valider le code")


@screen("sent-many-times")
def _(s: Scene) -> None:
    person = s.at_sent(s.letter())
    for _attempt in range(4):
        person.submit("Renvoyer l'email")
    s.visitor.take_over(person)


@screen("sent-code-throttled")
def _(s: Scene) -> None:
    s.visitor.take_over(s.at_sent(s.letter()))
    for attempt in range(6):
        s.visitor.fill(code=f"0000000{attempt}")
        s.visitor.press("Valider le code")


@screen("sent-confirmed-elsewhere")
def _(s: Scene) -> None:
    letter = s.letter()
    waiting, phone = s.at_sent(letter), s.world.person()
    phone.open(s.world.link_for(letter.email))
    phone.submit(password=STRONG)
    s.plain(waiting, waiting.page.url)


@screen("sent-resumed-in-another-browser")
def _(s: Scene) -> None:
    letter = s.letter()
    s.at_sent(letter)
    s.visitor.take_over(s.at_email(letter))


@screen("link")
def _(s: Scene) -> None:
    letter = s.letter()
    s.at_sent(letter)
    s.visitor.open(s.world.link_for(letter.email))


@screen("link-wrong-password")
def _(s: Scene) -> None:
    letter = s.letter()
    s.at_sent(letter)
    s.visitor.open(s.world.link_for(letter.email))
    s.visitor.fill(password="not this one")
    s.visitor.press("Confirmer et me connecter")


@screen("link-throttled")
def _(s: Scene) -> None:
    letter = s.letter()
    s.at_sent(letter)
    s.visitor.open(s.world.link_for(letter.email))
    for _attempt in range(6):
        s.visitor.fill(password="not this one")
        s.visitor.press("Confirmer et me connecter")


@screen("link-somebody-else-signed-in")
def _(s: Scene) -> None:
    held, letter = s.member(), s.letter()
    s.at_sent(letter)
    neighbour = s.world.signed_in(held)
    neighbour.open(s.world.link_for(letter.email))
    s.visitor.take_over(neighbour)


@screen("link-used-already")
def _(s: Scene) -> None:
    letter = s.letter()
    s.at_sent(letter)
    link = s.world.link_for(letter.email)
    person = s.world.person()
    person.open(link)
    person.submit(password=STRONG)
    s.visitor.open(link)


@screen("link-unknown")
def _(s: Scene) -> None:
    s.visitor.open("/upgrade/confirm/" + "x" * 43)


@screen("flow-of-another-browser")
def _(s: Scene) -> None:
    s.visitor.open(s.at_email(s.letter()).page.url)


@screen("flow-expired")
def _(s: Scene) -> None:
    person = s.at_email(s.letter())
    s.world.clock.advance(days=8)
    s.visitor.take_over(person)
    s.world.clock.advance(days=-8)


# --- merge -----------------------------------------------------------------------------------------------------------


@screen("merge")
def _(s: Scene) -> None:
    agency = s.agency()
    s.visitor.take_over(s.at_merge(s.member(agency=agency), s.letter(agency=agency)))


@screen("merge-wrong-password")
def _(s: Scene) -> None:
    s.visitor.take_over(s.at_merge(s.member(), s.letter()))
    s.visitor.fill(password="not this one")
    s.visitor.press("Continuer")


@screen("merge-throttled")
def _(s: Scene) -> None:
    person = s.at_merge(s.member(), s.letter())
    for _attempt in range(5):
        person.submit("Continuer", password="not this one")
    s.visitor.take_over(person)
    s.visitor.fill(password="not this one")
    s.visitor.press("Continuer")


@screen("merge-done")
def _(s: Scene) -> None:
    person = s.at_merge(s.member(), s.letter(agency=s.agency("Cabinet Lefèvre Immobilier"), role="proprietaire"))
    person.submit("Continuer", password=STRONG)
    s.visitor.take_over(person)


@screen("merge-letter-used-meanwhile")
def _(s: Scene) -> None:
    held, letter = s.member(), s.letter()
    first, second = s.at_merge(held, letter), s.at_merge(held, letter)
    s.visitor.take_over(second)
    first.submit("Continuer", password=STRONG)
    s.visitor.fill(password=STRONG)
    s.visitor.press("Continuer")


# --- forgotten password ----------------------------------------------------------------------------------------------


@screen("reset")
def _(s: Scene) -> None:
    s.visitor.open(f"/reset?{s.agency().query}")


@screen("reset-without-codes")
def _(s: Scene) -> None:
    s.visitor.open("/reset?codes=none")


@screen("reset-empty")
def _(s: Scene) -> None:
    s.visitor.open(f"/reset?{s.agency().query}")
    s.visitor.press("Recevoir le lien")


@screen("reset-with-the-letters-identifier")
def _(s: Scene) -> None:
    s.visitor.open(f"/reset?{s.agency().query}")
    s.visitor.fill(identifier="ID-0042")
    s.visitor.press("Recevoir le lien")


@screen("reset-sent-with-a-slip")
def _(s: Scene) -> None:
    person = s.world.person()
    person.open(f"/reset?{s.agency().query}")
    person.submit(identifier="rolande.hoareau@gmial.com")
    s.visitor.take_over(person)


@screen("reset-sent")
def _(s: Scene) -> None:
    s.visitor.take_over(s.at_reset(s.member()))


@screen("reset-password")
def _(s: Scene) -> None:
    held = s.member()
    s.at_reset(held)
    s.visitor.open(s.world.link_for(held.email))


@screen("reset-password-weak")
def _(s: Scene) -> None:
    held = s.member()
    s.at_reset(held)
    s.visitor.open(s.world.link_for(held.email))
    s.visitor.fill(new_password="cheval", confirmation="cheval")
    s.visitor.press("Réinitialiser le mot de passe")


def _reset_done(s: Scene) -> Person:
    held = s.member()
    person = s.at_reset(held)
    person.open(s.world.link_for(held.email))
    person.submit(new_password=OTHER_STRONG, confirmation=OTHER_STRONG)
    return person


@screen("reset-done")
def _(s: Scene) -> None:
    s.visitor.take_over(_reset_done(s))


@screen("reset-done-staying")
def _(s: Scene) -> None:
    person = _reset_done(s)
    person.click("Rester sur cette page")
    s.visitor.take_over(person)


@screen("reset-done-back-to-merge")
def _(s: Scene) -> None:
    held, letter = s.member(), s.letter()
    person = s.at_merge(held, letter)
    person.click("Mot de passe oublié")
    person.submit("Recevoir le lien")
    person.open(s.world.link_for(held.email))
    person.submit(new_password=OTHER_STRONG, confirmation=OTHER_STRONG)
    s.visitor.take_over(person)


@screen("reset-link-used-already")
def _(s: Scene) -> None:
    held = s.member()
    person = s.at_reset(held)
    link = s.world.link_for(held.email)
    person.open(link)
    person.submit(new_password=OTHER_STRONG, confirmation=OTHER_STRONG)
    s.visitor.open(link)


# --- profile ---------------------------------------------------------------------------------------------------------


@screen("profile")
def _(s: Scene) -> None:
    person = s.world.signed_in(s.member())
    person.open("/profile")
    s.visitor.take_over(person)


@screen("profile-several-agencies")
def _(s: Scene) -> None:
    held = s.member(contracts=("V1001", "V1002"))
    other = s.letter(
        agency=s.agency("Cabinet Lefèvre Immobilier"),
        role="proprietaire",
        phone=None,
        street="",
        postal_code="",
        city="",
        mandate="",
        civility="",
        first_name="",
        last_name="",
        company_name="SCI LES GRANDS CHÊNES DE SAINT-LAURENT",
        contracts=(),
    )
    person = s.at_merge(held, other)
    person.submit("Continuer", password=STRONG)
    person.open("/profile")
    s.visitor.take_over(person)


@screen("profile-on-the-other-device")
def _(s: Scene) -> None:
    letter = s.letter()
    s.at_sent(letter)
    phone = s.world.person()
    phone.open(s.world.link_for(letter.email))
    phone.submit(password=STRONG)
    s.visitor.take_over(phone)


@screen("profile-password")
def _(s: Scene) -> None:
    person = s.world.signed_in(s.member())
    person.open("/profile/password")
    s.visitor.take_over(person)


@screen("profile-password-wrong")
def _(s: Scene) -> None:
    person = s.world.signed_in(s.member())
    person.open("/profile/password")
    s.visitor.take_over(person)
    s.visitor.fill(current_password="not this one", new_password=OTHER_STRONG, confirmation=OTHER_STRONG)
    s.visitor.press("Valider le mot de passe")


@screen("profile-password-throttled")
def _(s: Scene) -> None:
    person = s.world.signed_in(s.member())
    person.open("/profile/password")
    new = {"new_password": OTHER_STRONG, "confirmation": OTHER_STRONG}
    for _attempt in range(10):  # five of the browser where the person signed in, then five of everybody
        person.submit(current_password="not this one", **new)
    s.visitor.take_over(person)
    s.visitor.fill(current_password="not this one", **new)
    s.visitor.press("Valider le mot de passe")


@screen("profile-nothing-open")
def _(s: Scene) -> None:
    held = s.member()
    person = s.world.signed_in(held)
    with s.world.transaction() as db:
        store.set_agency_disabled(db, held.agency_id, s.world.clock())
    s.visitor.take_over(person, "/profile")


@screen("profile-password-changed")
def _(s: Scene) -> None:
    person = s.world.signed_in(s.member())
    person.open("/profile/password")
    person.submit(current_password=STRONG, new_password=OTHER_STRONG, confirmation=OTHER_STRONG)
    s.visitor.take_over(person)


@screen("login-with-a-logo")
def _(s: Scene) -> None:
    s.visitor.open(f"/login?{s.world.agency(name=AGENCY, logo=_logo(s)).query}")


@screen("logout")
def _(s: Scene) -> None:
    person = s.world.signed_in(s.member())
    person.open("/logout")
    s.visitor.take_over(person)


@screen("logout-done")
def _(s: Scene) -> None:
    s.visitor.open(f"/logout?{s.agency().query}&done=1")


@screen("logout-problem")
def _(s: Scene) -> None:
    person = s.world.signed_in(s.member())
    person.open("/logout?post_logout_redirect_uri=https://ailleurs.exemple.fr/")
    s.visitor.take_over(person)


@screen("logout-portals")
def _(s: Scene) -> None:
    letter = s.member()
    address = "https://portail-tilleuls.exemple.fr"
    portal = s.world.portal(letter, redirect_uris=(f"{address}/retour",), frontchannel_logout_uri=f"{address}/sortie")
    person = s.world.signed_in(letter)
    person.open(portal.authorize_url(scope="openid"))
    person.open("/logout")
    s.plain(person, person.send("Me déconnecter").headers["location"])


@screen("answer-posted")
def _(s: Scene) -> None:
    letter = s.member()
    portal = s.world.portal(letter)
    s.plain(s.world.signed_in(letter), portal.authorize_url(response_mode="form_post"))


@screen("consent")
def _(s: Scene) -> None:
    letter = s.member()
    portal = s.world.portal(letter, name="Calepin", first_party=False, **_CALEPIN)
    person = s.world.signed_in(letter)
    person.open(portal.authorize_url())
    s.visitor.take_over(person)


@screen("applications")
def _(s: Scene) -> None:
    letter = s.member()
    portal = s.world.portal(letter, name="Calepin", first_party=False, **_CALEPIN)
    person = s.world.signed_in(letter)
    person.open(portal.authorize_url(scope="openid email"))
    person.submit("Autoriser")
    person.open("/profile/applications")
    s.visitor.take_over(person)


@screen("applications-withdrawn")
def _(s: Scene) -> None:
    SCREENS["applications"](s)
    s.visitor.page.get_by_role("button", name="Retirer l'autorisation").click()
    s.visitor.page.wait_for_url("**withdrawn**")


_CALEPIN = {
    "policy_uri": "https://calepin.exemple.fr/donnees",
    "tos_uri": "https://calepin.exemple.fr/conditions",
}


# --- help, terms, failures -------------------------------------------------------------------------------------------


@screen("help")
def _(s: Scene) -> None:
    s.visitor.open(f"/help?{s.agency().query}")


@screen("help-no-agency")
def _(s: Scene) -> None:
    s.visitor.open("/help")


@screen("terms")
def _(s: Scene) -> None:
    s.visitor.open(f"/legal/terms?{s.agency().query}")


@screen("privacy")
def _(s: Scene) -> None:
    s.visitor.open("/legal/privacy")


@screen("agency-closed")
def _(s: Scene) -> None:
    closed = s.world.agency(name="Régie du Port", disabled_at=s.world.clock())
    s.visitor.open(f"/login?{closed.query}")


@screen("error-not-found")
def _(s: Scene) -> None:
    s.visitor.open(f"/nowhere?{s.agency().query}")


@screen("error-client-unknown")
def _(s: Scene) -> None:
    s.visitor.open("/oauth/authorize?client_id=nobody&redirect_uri=https://nobody.example/&response_type=code")


@screen("error-redirect-unregistered")
def _(s: Scene) -> None:
    portal = s.world.portal(s.agency())
    s.visitor.open(portal.authorize_url(redirect_uri="https://portail-autre.exemple.fr/"))


@screen("error-request-expired")
def _(s: Scene) -> None:
    s.visitor.open("/oauth/authorize/" + "x" * 22 + "/continue")


@screen("error-nothing-open")
def _(s: Scene) -> None:
    held, elsewhere = s.member(), s.agency("Cabinet Lefèvre Immobilier")
    with s.world.transaction() as db:
        store.set_agency_disabled(db, held.agency_id, s.world.clock())
    s.visitor.open(f"/login?{elsewhere.query}")
    s.visitor.fill(identifier=held.email or "", password=STRONG)
    s.visitor.press("Connexion")


@screen("error-answered-already")
def _(s: Scene) -> None:
    held = s.member()
    person = s.world.signed_in(held)
    person.open(s.world.portal(held, default_portal=True).authorize_url(prompt="login"))
    page = person.page.url
    person.submit(identifier=held.email or "", password=STRONG)
    authorization = re.findall(r"authorization=([\w-]+)", page)[0]
    s.visitor.take_over(person, f"/oauth/authorize/{authorization}/continue")


@screen("error-foreign-post")
def _(s: Scene) -> None:
    agency = s.agency()
    s.visitor.page.set_content(
        f"<form method=post action='{s.world.base}/login?{agency.query}'><button>Send</button></form>"
    )
    s.visitor.press("Send")


@screen("error-field-given-twice")
def _(s: Scene) -> None:
    s.visitor.open(f"/login?{s.agency().query}")
    s.visitor.page.evaluate(
        "document.querySelector('[name=identifier]').form.append(document.querySelector('[name=identifier]').cloneNode())"
    )
    s.visitor.press("Connexion")


@screen("error-too-large")
def _(s: Scene) -> None:
    s.visitor.open(f"/login?{s.agency().query}")
    s.visitor.page.evaluate("document.querySelector('[name=identifier]').value = 'x'.repeat(1000000)")
    s.visitor.press("Connexion")


@screen("error-wrong-method")
def _(s: Scene) -> None:
    s.visitor.open(f"/login?{s.agency().query}")
    s.visitor.page.evaluate("document.querySelector('[name=identifier]').form.action = '/help' + location.search")
    s.visitor.press("Connexion")


@screen("error-terms-unpublished")
def _(s: Scene) -> None:
    s.fails_with(errors.TermsUnpublished)


@screen("error-of-ours")
def _(s: Scene) -> None:
    s.fails_with(errors.Unexpected)


@screen("error-busy")
def _(s: Scene) -> None:
    s.fails_with(errors.Overloaded, retry_after_seconds=5)


@screen("error-database-away")
def _(s: Scene) -> None:
    s.fails_with(errors.DatabaseAway, retry_after_seconds=10)


@screen("error-malformed-request")
def _(s: Scene) -> None:
    s.visitor.open("/oauth/authorize?client_id=one&client_id=other&response_type=code")


@screen("error-merge-impossible")
def _(s: Scene) -> None:
    s.fails_with(errors.MergeImpossible)


# The screen on which each failure is told that has a page of its own.
FAILURES = {
    "GEN-01": "error-of-ours",
    "GEN-02": "error-not-found",
    "GEN-03": "error-wrong-method",
    "GEN-04": "error-too-large",
    "GEN-05": "error-field-given-twice",
    "GEN-07": "error-busy",
    "GEN-09": "error-foreign-post",
    "GEN-10": "error-database-away",
    "TEN-03": "agency-closed",
    "LOG-04": "error-nothing-open",
    "UPG-04": "letter-used-already",
    "UPG-05": "letter-expired",
    "UPG-13": "error-terms-unpublished",
    "FLO-01": "flow-of-another-browser",
    "FLO-02": "flow-expired",
    "FLO-03": "link-unknown",
    "FLO-04": "link-used-already",
    "MRG-02": "error-merge-impossible",
    "OID-01": "error-client-unknown",
    "OID-02": "error-redirect-unregistered",
    "OID-03": "error-request-expired",
    "OID-04": "error-answered-already",
    "OID-05": "error-malformed-request",
}
