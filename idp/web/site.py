"""The site: what a view needs, in one value made by `app.py`. Views get a `Site` and nothing global.

`next_page` and `pending` come from layers above (journey, the authorization endpoint), handed in so that pages can
send people on without knowing where.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any
from urllib.parse import urlencode, urlsplit

from flask import Response, request
from werkzeug.datastructures import Headers

from idp import metrics
from idp.database import at_once
from idp.deps import Deps
from idp.errors import AgencyUnknown, IdpError
from idp.sessions import steps as sessions
from idp.sessions.store import SignedIn
from idp.tenancy import resolve
from idp.tenancy import store as tenancy
from idp.tenancy.store import AgencyView
from idp.texts import negotiate
from idp.throttle.devices import Device
from idp.web import browser as browsers
from idp.web import csrf, forms, machines
from idp.web.browser import Browser
from idp.web.forms import Form

BROWSER = "idp.browser"  # in the environment: the browser of the request, once it was recognised
LANGUAGE_FORM = "language"  # in the foot of every page
CODELESS, CODELESS_VALUE = "codes", "none"


@dataclass(frozen=True)
class Pending:
    """A portal's request that waits for the person, as pages need it.

    origin: of the portal's redirect URI, where a form may lead on to. login_hint: identifier to fill in.
    settled_by: whether a sign-in answers the request, so that the person need not sign in again for it.
    answer: what comes of the request for whoever signed in a moment ago; None where that takes a request of its own.
    chooses: whether the person is asked first if the sign-in that is there is theirs (prompt=select_account).
    """

    id: str
    agency_id: str | None
    client_name: str
    origin: str
    login_hint: str
    ui_locales: str
    settled_by: Callable[[SignedIn], bool] = field(compare=False)
    answer: Callable[[SignedIn], Any] = field(compare=False)
    answered: bool
    chooses: bool = False

    def goes_on_with(self, signed_in: SignedIn) -> bool:
        """Whether there is an answer to wait for, and this sign-in gives it."""
        return not self.answered and not self.chooses and self.settled_by(signed_in)


@dataclass(frozen=True)
class Place:
    """Where the person is: for which agency, with which pending request, and in which language.

    codeless: the person has an account and no codes at hand, so signs in without naming an agency.
    """

    agency: AgencyView | None
    pending: Pending | None
    language: str
    targets: tuple[str, ...] = ()
    codeless: bool = False

    @cached_property
    def query(self) -> Mapping[str, str]:
        """The parameters that keep the place in a URL of ours."""
        found = dict(resolve.query(self.agency))
        if self.pending is not None:
            found["authorization"] = self.pending.id
        return found or ({CODELESS: CODELESS_VALUE} if self.codeless else {})

    @property
    def known(self) -> bool:
        """Whether sign-in can begin here, or the two codes must be asked first (source, section III)."""
        return self.agency is not None or self.pending is not None or self.codeless

    def url(self, path: str, **more: str) -> str:
        """A path of ours with the place kept in its query."""
        query = "&".join(filter(None, (self._encoded, urlencode(more))))
        return f"{path}?{query}" if query else path

    @cached_property
    def _encoded(self) -> str:
        """The query as each link of a page has it."""
        return urlencode(self.query)


class _SeeOther(Response):
    """Without a body, and to an address that is written as headers want it; otherwise as Flask's."""

    def get_wsgi_headers(self, environ: Any) -> Headers:
        """As in the base class, which reads the address and writes it anew: a third of what such an answer costs."""
        return self.headers if self.headers["Location"].isascii() else super().get_wsgi_headers(environ)


@dataclass(frozen=True)
class Site:
    """deps; next_page: outcome of a step (and what waits) -> path or address; pending: id and browser -> what waits;
    targets: origins that a form may lead on to; portal: where an agency's portal starts a sign-in; opens: which agencies
    have such a portal."""

    deps: Deps
    next_page: Callable[[Any, Pending | None], str]
    pending: Callable[[str, Browser], Pending | None]
    targets: Callable[[AgencyView | None, Pending | None], tuple[str, ...]]
    portal: Callable[[AgencyView | None], str | None]
    opens: Callable[[Collection[str]], frozenset[str]]
    render: Callable[..., Response] = field(repr=False)

    # --- the request ---------------------------------------------------------------------------------------------

    def browser(self) -> Browser:
        """The browser of this request; its key is the same each time it is asked for within the request."""
        known = request.environ.get(BROWSER)
        if known is None:
            known = browsers.recognise(request.cookies, self.deps)
            if known.new and request.method == "POST" and csrf.foreign(request, self.deps):
                # Browsers send no cookie with another site's post: the one that is there must not be replaced.
                known = replace(known, new=False)
            request.environ[BROWSER] = known
        return known

    def device(self) -> Device:
        """The browser as attempts at passwords are counted."""
        return browsers.device(request, self.deps, self.browser())

    def machine(self) -> str | None:
        """What kind of machine the browser says it runs on, for people to recognise their own act by."""
        return machines.kind(request.headers.get("User-Agent", ""))

    def network(self) -> str:
        """The address that the request came from, as far as the trusted proxies tell."""
        return request.remote_addr or ""

    def signed_in(self) -> SignedIn | None:
        """The live sign-in of this browser; its last use is written now and then."""
        return sessions.present(self.deps, self.session_token())

    def session_token(self) -> str | None:
        """The secret of this browser's sign-in, as presented."""
        return browsers.session_token(request.cookies, self.deps)

    def form(self, form_id: str) -> Form:
        """The posted form, its anti-forgery token checked. Raises MalformedRequest, ForeignPost, StalePage."""
        form = forms.read(request)
        csrf.require(request, self.deps, self.browser(), form_id)
        return form

    def asked_from(self) -> str | None:
        """The path of our page that the browser came from (Referer), with its query; None when it does not say."""
        parts = urlsplit(request.headers.get("Referer", ""))
        if f"{parts.scheme}://{parts.netloc}" != self.deps.settings.origin:
            return None
        return f"/{parts.path.lstrip('/')}" + (f"?{parts.query}" if parts.query else "")

    def posted(self) -> dict[str, str]:
        """What of a posted form may be shown again, even one whose anti-forgery token does not fit."""
        return forms.read(request).shown if request.method == "POST" else {}

    def language(self, asked: str = "") -> str:
        """What the person chose here, else what the portal asked for (ui_locales), or else the browser; French at last."""
        return negotiate(browsers.chosen_language(request) or asked or request.headers.get("Accept-Language"))

    def place(self, *, agency_id: str | None = None, authorization_id: str | None = None) -> Place:
        """The place of this request: from a flow's row when given, else from the URL.

        Raises AgencyUnknown or AgencyClosed when codes stand in the URL that name no open agency.
        """
        if authorization_id is None:
            authorization_id = request.args.get("authorization")
        pending = self.pending(authorization_id, self.browser()) if authorization_id else None
        agency = self._agency(agency_id, pending)
        language = self.language(pending.ui_locales if pending is not None else "")
        codeless = request.args.get(CODELESS) == CODELESS_VALUE
        return Place(agency, pending, language, self.targets(agency, pending), codeless)

    def bare_place(self, *, targets: tuple[str, ...]) -> Place:
        """A place without agency or pending request, whose page may lead on to these origins."""
        return Place(None, None, self.language(), targets)

    def _agency(self, agency_id: str | None, pending: Pending | None) -> AgencyView | None:
        with at_once() as db:
            if agency_id is not None:
                return tenancy.agency(db, agency_id)
            codes = [request.args.getlist(name) for name in (resolve.CUSTOMER, resolve.COMPANY)]
            if any(codes):
                if any(len(given) != 1 for given in codes):
                    raise AgencyUnknown()
                return resolve.by_codes(db, forms.tidy(codes[0][0]), forms.tidy(codes[1][0]))
            if pending is not None and pending.agency_id is not None:
                return tenancy.agency(db, pending.agency_id)
        return None

    # --- the answer ----------------------------------------------------------------------------------------------

    def follow(self, outcome: Any, pending: Pending | None = None) -> Response:
        """303 to where the outcome leads; a sign-in that came with it, and the mark of a proven address, go to the browser.

        pending: what waits for a sign-in by password.
        """
        response = self.see_other(self.next_page(outcome, pending))
        token = getattr(outcome, "session_token", None)
        if token is not None:
            browsers.remember_session(response, self.deps, token)
        proven = getattr(outcome, "proven", None)
        if proven is not None:
            browsers.remember_device(response, self.deps, self.device().marked(self.deps, proven))
        known: Browser | None = request.environ.get(BROWSER)
        if known is not None and known.new:  # a portal's request is the first that some browsers ask
            browsers.remember_browser(response, self.deps, known)
        return response

    def ask_codes(self, then: str) -> Response:
        """303 to the page of the two codes, with what the URL says already. then: the page to come back to."""
        known = (resolve.CUSTOMER, resolve.COMPANY, "authorization")
        query = {name: forms.tidy(request.args[name]) for name in known if request.args.get(name)}
        return self.see_other(f"/login/codes?{urlencode({**query, 'then': then} if then else query)}")

    def see_other(self, url: str) -> Response:
        """303: the browser turns to GET, so a reload repeats nothing and a password is not posted on (RFC 9700 4.12)."""
        return _SeeOther(status=303, headers={"Location": url, "Content-Length": "0"}, mimetype="text/plain")

    def page(
        self,
        template: str,
        place: Place,
        *,
        form_id: str = "",
        values: dict[str, str] | None = None,
        error: IdpError | None = None,
        status: int | None = None,
        **context: Any,
    ) -> Response:
        """A page: 200, or the status of the failure that is shown on it."""
        if error is not None:
            metrics.failure(error.code)
        return self.render(
            template,
            place=place,
            browser=self.browser(),
            csrf_token=csrf.token(self.deps, self.browser(), form_id) if form_id else "",
            values=values or {},
            language_token=csrf.token(self.deps, self.browser(), LANGUAGE_FORM),
            error=error,
            status=status or (error.status if error is not None else 200),
            **context,
        )
