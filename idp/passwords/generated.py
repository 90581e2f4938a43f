"""Provisional passwords made here, for letters: easy to read on paper, impossible to guess."""

from __future__ import annotations

import secrets

# No 0/O, 1/I/L, 2/Z, 5/S, 8/B, U/V: what a printed letter and an old pair of glasses confuse.
ALPHABET = "ACDEFGHJKMNPQRTWXY34679"
GROUPS, GROUP_LENGTH = 4, 4  # 16 characters of 23: 72 bits

_FAIR = 256 - 256 % len(ALPHABET)  # bytes from here on would make the first letters likelier than the last
_LETTERS = bytes(ord(ALPHABET[byte % len(ALPHABET)]) for byte in range(256))
_UNFAIR = bytes(range(_FAIR, 256))


def provisional_passwords(count: int) -> list[str]:
    """As many, like `KXQF-7M3T-WDHE-4RYP`, 72 bits each; typed in any case, with or without dashes."""
    wanted = count * GROUPS * GROUP_LENGTH
    letters = ""
    while len(letters) < wanted:
        # One read of randomness for all of them, turned into letters at once: a large import makes a million of these.
        letters += secrets.token_bytes(wanted + wanted // 8).translate(_LETTERS, _UNFAIR).decode()
    groups = [letters[start : start + GROUP_LENGTH] for start in range(0, wanted, GROUP_LENGTH)]
    return ["-".join(groups[start : start + GROUPS]) for start in range(0, len(groups), GROUPS)]
