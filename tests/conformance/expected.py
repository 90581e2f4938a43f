"""What a provider is known not to pass, each with the reason. For our own provider nothing is."""

from __future__ import annotations

from dataclasses import dataclass

from tests.conformance.plans import Entry
from tests.conformance.suite.findings import Finding


@dataclass(frozen=True)
class Expected:
    """result: warned or skipped. says: the beginning of what is found, with the name of the condition."""

    modules: tuple[str, ...]
    result: str
    says: str
    why: str

    def covers(self, entry: Entry, finding: Finding) -> bool:
        return (
            entry.module.name in self.modules and self.result == finding.result and finding.text.startswith(self.says)
        )


# No module of ours fails, and none is skipped.
OURS: tuple[Expected, ...] = ()

# What the official suite warns of, and the specification leaves no other choice: a claim that is not known is left out
# (OIDC Core 5.3.2).
UNAVOIDABLE = (
    Expected(
        ("oidcc-scope-profile", "oidcc-scope-all"),
        "warned",
        "verify_scopes_returned [OIDCC-5.4]: not returned: middle_name nickname preferred_username profile picture "
        "website gender birthdate",
        "agencies do not know these of a person, and we do not collect what no portal needs (GDPR 5.1.c)",
    ),
)

# Modules about what version 8 of the peer has no longer; version 6 runs them all, in every plan (`targets`).
DROPPED = (
    "oidcc-idtoken-unsigned",
    "oidcc-unsigned-request-object-supported-correctly-or-rejected-as-unsupported",
    "oidcc-request-uri-unsigned-supported-correctly-or-rejected-as-unsupported",
    "oidcc-request-uri-unsigned",
    "oidcc-ensure-request-object-with-redirect-uri",
)

PEER = (
    Expected(
        DROPPED,
        "skipped",
        "",
        "from version 8 on it knows no algorithm `none`, and so neither unsigned request objects nor unsigned ID tokens",
    ),
)

OF: dict[str, tuple[Expected, ...]] = {"ours": OURS + UNAVOIDABLE, "oidc_provider": PEER, "oidc_provider_6": ()}
