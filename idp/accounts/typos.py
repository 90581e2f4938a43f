"""Slips of the finger in e-mail addresses: `gmial.com`, `orange.f`, `wanadoo.com`. Pure.

Only the domain is looked at, against the providers that most people of France write from. What is found is a
question to the person and never a refusal: somebody does have an address at gmx.co.
"""

from __future__ import annotations

from difflib import get_close_matches
from pathlib import Path


def _read() -> tuple[tuple[str, ...], frozenset[str]]:
    lines = (Path(__file__).parent / "mail_providers.txt").read_text(encoding="ascii").splitlines()
    named = [line for line in lines if line and not line.startswith("#")]
    providers = tuple(line for line in named if not line.startswith("="))
    return providers, frozenset(line.removeprefix("= ") for line in named)


_PROVIDERS, _REAL = _read()
_CLOSE = 0.8  # of difflib's ratio: one or two letters exchanged, missing, doubled or hit beside


def meant(address: str) -> str | None:
    """The address that was probably meant; None when nothing about it looks like a slip."""
    local, _, domain = address.rpartition("@")
    domain = domain.lower()
    if domain in _REAL:
        return None
    # The end is the most telling: `gmail.co`, `gmail.cm` and `gmail.fr` have the name right.
    name, _, _ = domain.partition(".")
    same_name = [provider for provider in _PROVIDERS if provider.partition(".")[0] == name]
    found = same_name or get_close_matches(domain, _PROVIDERS, n=1, cutoff=_CLOSE)
    return f"{local}@{found[0]}" if found else None
