"""An agency's extranet as a relying party: the model to take for a real one, and what `idp demo` shows.

It signs people in with OpenID Connect (authorization code, PKCE, nonce, ES256), shows the Profil tab of the source
(section IV b) and signs them out here and at the provider. Read `provider.py` first: it is all of the protocol.
`docs/portal-guide.md` says how to plug in a portal written in something else.

    /            home, with the sign-in button      /profil      the Profil tab
    /connexion   starts a sign-in                   /comptes     Comptes associés
    /retour      where the provider answers         /deconnexion ends both sessions
"""

from clients.portal.app import create_portal
from clients.portal.settings import PortalSettings

__all__ = ["PortalSettings", "create_portal"]
