"""`python -m clients.portal`: one portal from the environment (PORTAL_ISSUER …), for a developer's own trials."""

from __future__ import annotations

import sys
from urllib.parse import urlsplit

from werkzeug.serving import run_simple

from clients.portal.app import create_portal
from clients.portal.settings import PortalSettings, PortalSettingsError


def main() -> int:
    """Serve until interrupted, on the loopback address and the port of PORTAL_BASE_URL."""
    try:
        settings = PortalSettings.from_environment()
    except (PortalSettingsError, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return 2
    run_simple("127.0.0.1", urlsplit(settings.base_url).port or 8003, create_portal(settings), threaded=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
