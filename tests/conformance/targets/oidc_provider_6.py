"""`oidc-provider` in version 6: unsigned request objects and ID tokens, front-channel logout, session management."""

from __future__ import annotations

import functools

from tests.conformance.targets import oidc_provider

start = functools.partial(oidc_provider.start, version="6")
