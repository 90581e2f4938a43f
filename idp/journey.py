"""Every edge between flows, on one screen: which page follows which outcome.

Flows never know each other. A step returns what happened; here, and nowhere else, is decided where the person goes.

    letter --> upgrade --(address is somebody's)--> merge --(password forgotten)--> reset --> merge
                  |                                   |
                  v                                   v
    sign-in --> pending authorization, else the agency's portal, else Profil
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlencode

from sqlalchemy.exc import SQLAlchemyError

from idp.database import at_once, reading
from idp.deps import Deps
from idp.errors import IdpError
from idp.login.steps import GoesOn, NotMe, SignedIn
from idp.merge import flow as merge_flow
from idp.merge import steps as merge
from idp.oidc.authorize import answers
from idp.oidc.authorize import flow as authorize_flow
from idp.oidc.authorize import steps as authorize
from idp.oidc.authorize import store as authorize_store
from idp.oidc.consent.steps import Consented
from idp.oidc.logout import steps as logout
from idp.oidc.provider import Provider
from idp.oidc.registration import clients
from idp.oidc.registration import store as registration
from idp.profile.steps import PasswordChanged
from idp.reset.steps import PasswordReset, ResetAsked
from idp.tenancy import resolve
from idp.tenancy import store as tenancy
from idp.tenancy.store import AgencyView
from idp.upgrade import flow as upgrade_flow
from idp.upgrade.outcomes import UpgradeAt, UpgradeCompleted
from idp.upgrade.steps import want_other_address as back_to_address
from idp.web.browser import Browser
from idp.web.site import Pending


@dataclass(frozen=True)
class Journey:
    """next_page and what it needs."""

    deps: Deps
    provider: Provider

    def next_page(self, outcome: Any, pending: Pending | None = None) -> str:  # noqa: C901 - one line an edge, all on one screen
        """Where an outcome leads: a path of ours, or a portal's registered address. pending: what waits for a sign-in."""
        match outcome:
            case SignedIn():
                return self._answered(outcome, pending)
            case GoesOn():
                if outcome.authorization_id is not None:
                    authorize.choose(self.provider, outcome.authorization_id)
                return self._signed_in(outcome.agency_id, outcome.authorization_id)
            case NotMe():
                logout.end(self.deps, outcome.signed_in)
                return self._sign_in(outcome.agency_id, outcome.authorization_id)
            case UpgradeCompleted(flow=flow, here=True):
                return self._signed_in(flow.agency_id, flow.authorization_id)
            case UpgradeCompleted():
                # On another device than the one that waits: it is signed in, but never sent to a portal with a code.
                return "/profile?welcome=1"
            case UpgradeAt(flow=flow, browser_digest=browser_digest):
                return self._upgrade(flow, browser_digest)
            case merge.OtherAddressWanted(flow=flow):
                return f"/upgrade/{back_to_address(self.deps, flow.upgrade_flow_id, flow.browser_digest)}/email"
            case merge.Merged(flow=flow):
                return f"/merge/{flow.id}/done"
            case merge.MergeAt(flow=flow):
                return self._merge(flow)
            case ResetAsked(flow=flow):
                return f"/reset/{flow.id}/sent"
            case PasswordReset(flow=flow):
                return f"/reset/{flow.id}/done"
            case PasswordChanged():
                return "/profile?changed=1"
            case answers.Answered():
                return outcome.location
            case authorize.MustConsent():
                return f"/consent/{outcome.authorization_id}"
            case authorize.MustSignIn(create=True):
                return self._sign_in(outcome.agency_id, outcome.authorization_id, path="/login/provisional")
            case authorize.MustSignIn():
                return self._sign_in(outcome.agency_id, outcome.authorization_id)
            case authorize.Stored() | Consented():
                return f"/oauth/authorize/{outcome.authorization_id}/continue"
        raise TypeError(f"no edge for {type(outcome).__name__}")

    # --- what pages ask ------------------------------------------------------------------------------------------------

    def pending(self, authorization_id: str, browser: Browser) -> Pending | None:
        """The portal's request that waits under this id, for this browser; None when there is none."""
        waiting = authorize.adopt(self.provider, authorization_id, browser_digest=browser.digest)
        if waiting is None:
            return None
        request = waiting.request
        client = clients.find(self.deps, request.client_id)
        return Pending(
            id=waiting.id,
            agency_id=request.agency_id,
            client_name=client.name if client else "",
            origin=answers.origin(request.redirect_uri),
            login_hint=request.login_hint,
            ui_locales=request.ui_locales,
            settled_by=lambda signed_in: authorize.settles(
                self.provider, replace(waiting, request=authorize_flow.chosen(request)), signed_in
            ),
            answer=lambda signed_in: authorize.go_on(self.provider, waiting, signed_in),
            answered=waiting.answered_at is not None,
            chooses=request.chooses,
        )

    def targets(self, agency: AgencyView | None, pending: Pending | None) -> tuple[str, ...]:
        """The origins that a form's answer may lead on to: the pending portal's, else the agency's default portal's."""
        if pending is not None:
            return (pending.origin,)
        portal = self.portal(agency)
        return () if portal is None else (answers.origin(portal),)

    def portal(self, agency: AgencyView | None) -> str | None:
        """Where the agency's portal starts a sign-in; None when it has none."""
        return None if agency is None else self._portal_of(agency.id)

    def opens(self, agency_ids: Collection[str]) -> frozenset[str]:
        """Those of the agencies whose portal can start a sign-in."""
        with reading() as db:
            portals = registration.default_portals(db, agency_ids)
        return frozenset(agency_id for agency_id, portal in portals.items() if portal.initiate_login_uri)

    # --- edges that need a look at what is stored ------------------------------------------------------------------------

    def _signed_in(self, agency_id: str | None, authorization_id: str | None) -> str:
        if authorization_id is not None and self._waits(authorization_id):
            return f"/oauth/authorize/{authorization_id}/continue"
        return (self._portal_of(agency_id) if agency_id is not None else None) or "/profile"

    def _answered(self, outcome: SignedIn, pending: Pending | None) -> str:
        """Where the pending request's answer leads, which spares the browser a request of ours.

        What fails here is told by the page that it would have asked: the person is signed in by now, and this answer
        brings the secret of it.
        """
        if pending is None:
            return self._signed_in(outcome.agency_id, None)
        try:
            answer = pending.answer(outcome.session)
        except (IdpError, SQLAlchemyError):
            return f"/oauth/authorize/{pending.id}/continue"
        if answer is not None:
            return self.next_page(answer)
        return self._signed_in(outcome.agency_id, pending.id)

    def _waits(self, authorization_id: str) -> bool:
        """Whether a portal's request is still to be answered: another tab may have, or the person took days."""
        with at_once() as db:
            waiting = authorize_store.load(db, authorization_id, now=self.deps.now())
        return waiting is not None and waiting.answered_at is None

    def _sign_in(self, agency_id: str | None, authorization_id: str | None, *, path: str = "/login") -> str:
        with at_once() as db:
            agency = tenancy.agency(db, agency_id) if agency_id is not None else None
        query = dict(resolve.query(agency))
        if authorization_id is not None:
            query["authorization"] = authorization_id
        return f"{path}?{urlencode(query)}" if query else path

    def _upgrade(self, flow: upgrade_flow.UpgradeFlow, browser_digest: str) -> str:
        match flow.state:
            case upgrade_flow.State.AWAITING_EMAIL:
                return f"/upgrade/{flow.id}/email"
            case upgrade_flow.State.AWAITING_PASSWORD:
                return f"/upgrade/{flow.id}/password"
            case upgrade_flow.State.AWAITING_CONFIRMATION:
                return f"/upgrade/{flow.id}/sent"
            case upgrade_flow.State.HANDED_TO_MERGE:
                return self._offer_merge(flow, browser_digest)
            case upgrade_flow.State.COMPLETED if flow.followed_at is None and flow.code_suffices:
                return f"/upgrade/{flow.id}/sent"
            case upgrade_flow.State.COMPLETED | upgrade_flow.State.CANCELLED:
                here = browser_digest == flow.browser_digest
                return self._sign_in(flow.agency_id, flow.authorization_id if here else None)

    def _offer_merge(self, flow: upgrade_flow.UpgradeFlow, browser_digest: str) -> str:
        assert flow.email is not None
        assert flow.email_key is not None
        here = browser_digest == flow.browser_digest
        offer = merge.offer(
            self.deps,
            upgrade_flow_id=flow.id,
            agency_id=flow.agency_id,
            provisional_account_id=flow.provisional_account_id,
            browser_digest=browser_digest,
            authorization_id=flow.authorization_id if here else None,
            email=flow.email,
            email_key=flow.email_key,
        )
        return f"/merge/{offer.flow.id}"

    def _merge(self, flow: merge_flow.MergeFlow) -> str:
        match flow.state:
            case merge_flow.State.AWAITING_PASSWORD:
                return f"/merge/{flow.id}"
            case merge_flow.State.MERGED:
                return f"/merge/{flow.id}/done"
            case merge_flow.State.CANCELLED:
                return f"/upgrade/{flow.upgrade_flow_id}"

    def _portal_of(self, agency_id: str) -> str | None:
        """OIDC Core 4: the portal starts a sign-in of its own, which this browser's sign-in answers at once."""
        with reading() as db:
            portal = registration.default_portal(db, agency_id)
        if portal is None or portal.initiate_login_uri is None:
            return None
        return answers.in_query(portal.initiate_login_uri, iss=self.deps.settings.issuer)
