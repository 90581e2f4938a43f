"""What ends with an epoch: every SQL statement of a restore but those about epochs themselves."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from sqlalchemy import Delete, Update, delete, text, update
from sqlalchemy.orm import Session

from idp.accounts.tables import Account
from idp.database import changed, transaction
from idp.grants.tables import Grant
from idp.links.tables import Link
from idp.mail.tables import OutboxMail
from idp.merge.tables import MergeFlow
from idp.oidc.authorize.tables import AuthorizationRequest
from idp.oidc.consent.tables import Consent
from idp.oidc.registration.tables import InitialAccessToken
from idp.oidc.token.tables import AccessToken
from idp.reset.tables import ResetFlow
from idp.sessions.tables import BrowserSession
from idp.upgrade.tables import UpgradeFlow

# Mails with a link in them; other mails may come twice, which harms nobody.
_WITH_LINK = ("verify_address", "reset_password")
# Well-formed, and no password has it: whoever types one is told that it is wrong, and asks for a new one.
_NO_PASSWORD = f"$2b$04${'.' * 53}"
_SAME_DEED = timedelta(seconds=1)  # a password and its event are written together, a moment apart


def _void(now: datetime) -> tuple[tuple[str, Update | Delete], ...]:
    """What ends, each once: a second run finds nothing left to do. Codes and refresh tokens are void with their grants."""
    return (
        # Not announced yet: portals that asked for it are told that these sign-ins are over.
        ("sign-ins", update(BrowserSession).where(BrowserSession.ended_at.is_(None)).values(ended_at=now)),
        ("grants", update(Grant).where(Grant.revoked_at.is_(None)).values(revoked_at=now)),
        ("opaque access tokens", delete(AccessToken)),
        ("links", delete(Link).where(Link.consumed_at.is_(None))),
        ("upgrade flows", update(UpgradeFlow).where(UpgradeFlow.expires_at > now).values(expires_at=now)),
        ("merge flows", update(MergeFlow).where(MergeFlow.expires_at > now).values(expires_at=now)),
        ("reset flows", update(ResetFlow).where(ResetFlow.expires_at > now).values(expires_at=now)),
        (
            "authorization requests",
            update(AuthorizationRequest).where(AuthorizationRequest.expires_at > now).values(expires_at=now),
        ),
        # One may have been withdrawn: people are asked once more.
        ("consents", delete(Consent)),
        (
            "registration tokens",
            update(InitialAccessToken).where(InitialAccessToken.revoked_at.is_(None)).values(revoked_at=now),
        ),
        (
            "mails with links",
            update(OutboxMail)
            .where(OutboxMail.state == "queued", OutboxMail.kind.in_(_WITH_LINK))
            .values(state="discarded", text=None, html=None),
        ),
    )


def void(*, now: datetime) -> Iterator[tuple[str, int]]:
    """End everything that could be used once more, one transaction a table; yields what, and how many."""
    for name, statement in _void(now):
        with transaction() as db:
            if db.get_bind().dialect.name == "postgresql":
                db.execute(text("SET LOCAL statement_timeout = 0"))  # nothing serves, nobody waits
            count = changed(db.execute(statement.execution_options(synchronize_session=False)))
        yield name, count


def void_password(db: Session, account_id: str, *, changed_at: datetime) -> bool:
    """Make the password of an account one that nobody has, where it is the one before a change that was lost.

    False when nothing changed: the change is in the backup, or another password was chosen since.
    """
    statement = (
        update(Account)
        .where(
            Account.id == account_id,
            Account.password_changed_at < changed_at - _SAME_DEED,
            Account.password_hash != _NO_PASSWORD,
        )
        .values(password_hash=_NO_PASSWORD)
    )
    return changed(db.execute(statement)) == 1
