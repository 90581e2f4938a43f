"""What a provider is known not to pass, each with the reason. For our own provider nothing is."""

from __future__ import annotations

from dataclasses import dataclass

from tests.conformance.plans import Entry


@dataclass(frozen=True)
class Expected:
    """result: failed, warned or skipped. condition: the one that finds it; empty for a skip."""

    module: str
    result: str
    condition: str
    why: str
    response_types: tuple[str, ...] = ()

    def covers(self, entry: Entry) -> bool:
        return entry.module.name == self.module and (
            not self.response_types or entry.variant.response_type in self.response_types
        )


OURS: tuple[Expected, ...] = ()

_NO_NONE = "from version 8 on it knows no algorithm `none`: neither unsigned request objects nor unsigned ID tokens"
PEER: tuple[Expected, ...] = (
    Expected("oidcc-idtoken-unsigned", "skipped", "", _NO_NONE),
    Expected("oidcc-unsigned-request-object-supported-correctly-or-rejected-as-unsupported", "skipped", "", _NO_NONE),
    Expected("oidcc-request-uri-unsigned-supported-correctly-or-rejected-as-unsupported", "skipped", "", _NO_NONE),
    Expected("oidcc-request-uri-unsigned", "skipped", "", _NO_NONE),
    Expected("oidcc-ensure-request-object-with-redirect-uri", "skipped", "", _NO_NONE),
    Expected(
        "oidcc-server-rotate-keys",
        "failed",
        "verify_new_jwks_has_new_signing_key",
        "its keys are given when it starts; the official list of expected failures has this line too",
    ),
)

OF = {"ours": OURS, "oidc_provider": PEER}
