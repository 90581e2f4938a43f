"""Provisional passwords made here, for letters: easy to read on paper, impossible to guess."""

from __future__ import annotations

import secrets

# No 0/O, 1/I/L, 2/Z, 5/S, 8/B, U/V: what a printed letter and an old pair of glasses confuse.
ALPHABET = "ACDEFGHJKMNPQRTWXY34679"
GROUPS, GROUP_LENGTH = 4, 4  # 16 characters of 23: 72 bits


def provisional_password() -> str:
    """Like `KXQF-7M3T-WDHE-4RYP`, 72 bits; typed in any case, with or without its dashes."""
    return "-".join("".join(secrets.choice(ALPHABET) for _ in range(GROUP_LENGTH)) for _ in range(GROUPS))
