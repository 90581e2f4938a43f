"""What is asked of each route: with which credentials, which fields, and the form that a post is of.

Values are drawn from what the asker has, and from what they may have got hold of: the ids of the other's flows, people and
portals, and what was stolen from it (codes, tokens), used with the asker's own credentials. Not among it is what opens a
door by itself, whoever holds it: passwords, mailed links, a bearer's token at userinfo.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto
from typing import Any

from idp.login.views import CODES_FORM, LOGIN_FORM
from idp.oidc.consent.views import APPLICATIONS_FORM
from idp.oidc.logout.views import LOGOUT_FORM
from idp.profile.views import PASSWORD_FORM
from idp.reset import views as reset
from idp.upgrade import views as upgrade
from idp.upgrade.steps import NEW_LETTER_FORM
from idp.web.site import LANGUAGE_FORM
from tests.isolation.scene import Scene, Side
from tests.support.world import STRONG


class By(Enum):
    """Who asks: a person of Alpha who is signed in, a portal of Alpha, whoever holds Alpha's token, or nobody."""

    PERSON = auto()
    PORTAL = auto()
    BEARER = auto()
    REGISTRATION = auto()


@dataclass(frozen=True)
class Rule:
    """by: whose credentials. fields: of the query and of the body. form: of the post's anti-forgery token, with the address's
    variables in it. A token of a letter or of an account is only given to who proved it, so there it is the asker's own."""

    by: By = By.PERSON
    fields: tuple[str, ...] = ()
    form: str = ""


_PLACE = ("client", "societe", "authorization")
_NEW = ("new_password", "confirmation")
_STEP = ("version",)
_AUTHORIZE = (
    "client_id", "redirect_uri", "response_type", "scope", "state", "client", "societe", "id_token_hint", "login_hint",
    "prompt", "claims", "request_uri", "code_challenge", "code_challenge_method",
)  # fmt: skip
_END = ("id_token_hint", "client_id", "post_logout_redirect_uri", "logout_hint", "state")

RULES: dict[str, Rule] = {
    "authorize.authorize": Rule(fields=_AUTHORIZE),
    "authorize.authorize_posted": Rule(fields=_AUTHORIZE),
    "authorize.resume": Rule(),
    "consent.allow": Rule(form="consent:{authorization_id}:{own_account}"),
    "consent.applications": Rule(),
    "consent.ask": Rule(),
    "consent.refuse": Rule(form="consent:{authorization_id}:{own_account}"),
    "consent.refuse_opened": Rule(),
    "consent.withdraw": Rule(form=APPLICATIONS_FORM),
    "consent.withdraw_opened": Rule(),
    "discovery.jwks": Rule(),
    "discovery.oauth": Rule(),
    "discovery.openid": Rule(),
    "health.live": Rule(),
    "health.ready": Rule(),
    "login.change_password": Rule(),
    "login.codes": Rule(fields=(*_PLACE, "then")),
    "login.go_on": Rule(fields=_PLACE, form=LOGIN_FORM),
    "login.go_on_opened": Rule(fields=_PLACE),
    "login.help_": Rule(fields=_PLACE),
    "login.home": Rule(fields=_PLACE),
    "login.language": Rule(fields=("language", "back"), form=LANGUAGE_FORM),
    "login.language_opened": Rule(),
    "login.legal": Rule(fields=_PLACE),
    "login.not_me": Rule(fields=_PLACE, form=LOGIN_FORM),
    "login.sign_in": Rule(fields=(*_PLACE, "identifier")),
    "login.submit": Rule(fields=(*_PLACE, "identifier", "password"), form=LOGIN_FORM),
    "login.submit_codes": Rule(fields=(*_PLACE, "then"), form=CODES_FORM),
    "logout.ask": Rule(),
    "logout.end_session": Rule(fields=_END),
    "logout.end_session_posted": Rule(fields=_END),
    "logout.portals": Rule(fields=("sid",)),
    "logout.submit": Rule(fields=("sid",), form=LOGOUT_FORM),
    "logout.check_session": Rule(),
    "merge.done": Rule(),
    "merge.offer": Rule(),
    "merge.other_address": Rule(fields=_STEP, form="{flow_id}"),
    "merge.other_address_opened": Rule(),
    "merge.submit": Rule(fields=(*_STEP, "password"), form="{flow_id}"),
    "profile.password": Rule(),
    "profile.profile": Rule(fields=_PLACE),
    "profile.submit_password": Rule(fields=("current_password", *_NEW), form=PASSWORD_FORM),
    "registration.change": Rule(By.REGISTRATION, ("client_id", "client_name", "redirect_uris")),
    "registration.delete": Rule(By.REGISTRATION),
    "registration.read": Rule(By.REGISTRATION),
    "registration.register": Rule(By.REGISTRATION, ("client_id", "client_name", "redirect_uris", "agency_id")),
    "reset.ask": Rule(fields=(*_PLACE, "identifier", "merge")),
    "reset.done": Rule(),
    "reset.letter": Rule(fields=_PLACE),
    "reset.link": Rule(),
    "reset.sent": Rule(),
    "reset.status": Rule(),
    "reset.submit": Rule(fields=(*_PLACE, "identifier", "merge"), form=reset.ASK_FORM),
    "reset.submit_link": Rule(fields=_NEW, form=reset.LINK_FORM),
    "static_files.favicon": Rule(),
    "static_files.logo": Rule(),
    "static_files.static": Rule(),
    "token.introspect": Rule(By.PORTAL, ("token", "token_type_hint", "client_id")),
    "token.push": Rule(By.PORTAL, _AUTHORIZE),
    "token.revoke": Rule(By.PORTAL, ("token", "token_type_hint", "client_id")),
    "token.token": Rule(
        By.PORTAL,
        ("grant_type", "code", "redirect_uri", "refresh_token", "code_verifier", "client_id", "scope", "resource"),
    ),
    "token.userinfo": Rule(By.BEARER, ("client", "societe", "agency")),
    "upgrade.code": Rule(),
    "upgrade.email": Rule(),
    "upgrade.follow": Rule(fields=(*_STEP, "password"), form="{flow_id}"),
    "upgrade.letter": Rule(fields=(*_PLACE, "provisional_identifier")),
    "upgrade.link": Rule(),
    "upgrade.new_letter": Rule(fields=_PLACE),
    "upgrade.password": Rule(),
    "upgrade.posted_address": Rule(),
    "upgrade.resend": Rule(fields=_STEP, form="{flow_id}"),
    "upgrade.resume": Rule(),
    "upgrade.sent": Rule(),
    "upgrade.status": Rule(),
    "upgrade.submit_code": Rule(fields=(*_STEP, "code", "password"), form="{flow_id}"),
    "upgrade.submit_email": Rule(fields=(*_STEP, "email", "sure"), form="{flow_id}"),
    "upgrade.submit_letter": Rule(
        fields=(*_PLACE, "provisional_identifier", "provisional_password"), form=upgrade.LETTER_FORM
    ),
    "upgrade.submit_link": Rule(fields=("password",), form=upgrade.LINK_FORM),
    "upgrade.submit_new_letter": Rule(fields=(*_PLACE, "letter"), form=NEW_LETTER_FORM + ":{own_letter}"),
    "upgrade.submit_password": Rule(fields=(*_STEP, *_NEW, "accept_terms"), form="{flow_id}"),
}


def values(scene: Scene) -> dict[str, list[str]]:
    """What each field and each variable of an address may be."""
    sides = (scene.alpha, scene.beta)

    def of(*getters: Any) -> list[str]:
        return [str(getter(side)) for side in sides for getter in getters]

    def flows(*names: str) -> list[str]:
        return [id_ for side in sides for name in names for id_ in side.flows[name]]

    clients = of(lambda s: s.portal.client_id, lambda s: s.opaque.client_id, lambda s: s.registered["client_id"])
    tokens = of(
        lambda s: s.tokens["access_token"],
        lambda s: s.tokens["refresh_token"],
        lambda s: s.opaque_tokens["access_token"],
        lambda s: s.opaque_tokens["refresh_token"],
        lambda s: s.tokens["id_token"],
    )
    people = of(lambda s: s.member.email, lambda s: s.waiting.email, lambda s: s.member.identifier)
    return {
        "client": of(lambda s: s.agency.client),
        "societe": of(lambda s: s.agency.societe),
        "agency": of(lambda s: f"{s.agency.client}/{s.agency.societe}"),
        "agency_id": of(lambda s: s.agency.id),
        "authorization": flows("authorization"),
        "authorization_id": flows("authorization"),
        "flow_id": flows("upgrade", "merge", "reset"),
        "letter": of(lambda s: s.waiting.id, lambda s: s.fresh.id),
        "merge": flows("merge"),
        "then": ["login", "reset", "help"],
        "identifier": people,
        "login_hint": people,
        "logout_hint": people,
        "email": people,
        "password": [STRONG],
        "current_password": [STRONG],
        "new_password": [STRONG],
        "confirmation": [STRONG],
        "accept_terms": ["yes"],
        "sure": ["", "yes"],
        "version": ["1", "2", "3"],
        "provisional_identifier": of(lambda s: s.fresh.identifier, lambda s: s.waiting.identifier),
        "provisional_password": [scene.alpha.fresh.password, scene.alpha.waiting.password],
        "client_id": clients,
        "redirect_uri": of(lambda s: s.portal.redirect_uri),
        "post_logout_redirect_uri": of(lambda s: s.portal.redirect_uri.replace("retour", "")),
        "response_type": ["code"],
        "scope": ["openid profile email address phone memberships offline_access"],
        "state": ["s"],
        "prompt": ["none", "login", "consent", "select_account"],
        "claims": [
            '{"userinfo": {"memberships": null, "address": null}, "id_token": {"memberships": null, "name": null}}'
        ],
        "request_uri": flows("request_uri"),
        "code_challenge": ["E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"],
        "code_challenge_method": ["S256"],
        "id_token_hint": of(lambda s: s.tokens["id_token"]),
        "sid": of(lambda s: s.tokens["id_token"]),
        "token": tokens,
        "token_type_hint": ["access_token", "refresh_token"],
        "grant_type": ["authorization_code", "refresh_token", "client_credentials"],
        "code": of(lambda s: s.code),
        "refresh_token": of(lambda s: s.tokens["refresh_token"], lambda s: s.opaque_tokens["refresh_token"]),
        "code_verifier": of(lambda s: s.portal.verifier),
        "resource": ["https://api.exemple.fr"],
        "client_name": ["Autre nom"],
        "redirect_uris": ["https://ailleurs.exemple.fr/retour"],
        "language": ["fr", "en"],
        "back": ["/login"],
        "document": ["terms-of-use", "privacy-policy"],
        "digest": ["0" * 64],
        "name": ["site.css"],
    }


def bearer(side: Side) -> list[str]:
    return [side.tokens["access_token"], side.opaque_tokens["access_token"]]
