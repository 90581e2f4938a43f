"""The criteria of a new password: the source's five, shown and ticked, and a sixth, "difficile à deviner".

Pure: no clock, no database. The page, the script that ticks while typing and the server's check all read the same
list, so they cannot disagree. Presets and what they reach: docs/decisions/0004-password-policy.md.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from idp.errors import PasswordTooLong, PasswordTooWeak
from idp.settings import PolicyPreset

LONGEST = 128
PASSPHRASE = 20  # from this length on, the classes are not asked: length does more than a forced "1!" (CNIL 2022-100)
_SCORED = 40  # zxcvbn's time grows faster than the length; the first characters decide
_STRONG_ENOUGH = 3  # zxcvbn's 0 to 4: 3 is "safely unguessable" offline behind a slow hash


@dataclass(frozen=True)
class Criterion:
    """One line of the list on the page. `pattern` is read by Python and by the page's script alike."""

    name: str
    pattern: str
    minimum: int = 1


@dataclass(frozen=True)
class Policy:
    """What a new password must meet. `classes`: whether the four kinds of characters are asked."""

    minimum_length: int
    classes: bool
    guessability: bool = True

    @property
    def criteria(self) -> tuple[Criterion, ...]:
        """In the order of the page (source, section I)."""
        shown = [Criterion("length", f"^[\\s\\S]{{{self.minimum_length},}}$", self.minimum_length)]
        if self.classes:
            shown += [
                Criterion("upper", "[A-ZÀ-ÖØ-ÞŒŸ]"),
                Criterion("lower", "[a-zà-öø-ÿœ]"),
                Criterion("digit", "[0-9]"),
                Criterion("special", "[^A-Za-z0-9À-ÖØ-öø-ÿŒœŸ]"),
            ]
        return tuple(shown)


PRESETS = {
    PolicyPreset.SOURCE: Policy(minimum_length=6, classes=True),
    PolicyPreset.CNIL: Policy(minimum_length=12, classes=True),
    PolicyPreset.NIST: Policy(minimum_length=15, classes=False),
}


def normalised(password: str) -> str:
    """NFC, nothing trimmed: the same keys give the same password on a phone and on a computer (NIST 800-63B 3.1.1.2)."""
    return unicodedata.normalize("NFC", password)


def unmet(password: str, policy: Policy, *, words: Iterable[str] = ()) -> tuple[str, ...]:
    """Names of the criteria that the password does not meet, in the order of the page; `guessable` is last.

    words: what the person, the agency and the town are called; a password made of them is easy to guess.
    """
    password = normalised(password)
    missing = [c.name for c in policy.criteria if not re.search(c.pattern, password)]
    if len(password) >= PASSPHRASE:
        missing = [name for name in missing if name == "length"]
    if not missing and policy.guessability and guessable(password, words):
        missing.append("guessable")
    return tuple(missing)


def require(password: str, policy: Policy, *, words: Iterable[str] = ()) -> None:
    """Raises PasswordTooLong past 128 characters and PasswordTooWeak with the criteria that are not met."""
    if len(password) > LONGEST:
        raise PasswordTooLong(longest=LONGEST)
    if missing := unmet(password, policy, words=words):
        raise PasswordTooWeak(missing)


def guessable(password: str, words: Iterable[str] = ()) -> bool:
    """Whether a cracker's ordinary guesses reach the password: a common French word dressed up, or a low zxcvbn score."""
    if not password:
        return True
    words = tuple(words)
    hints = sorted({part.casefold() for word in words for part in re.split(r"[\W\d_]+", word) if len(part) > 2})
    if _dressed_up(password, frozenset(hints)) or _made_of(password, words):
        return True
    # Imported where it is used: its lists are 12 MB of each worker, and most never see a new password.
    from zxcvbn import zxcvbn

    return bool(zxcvbn(_with_few_disguises(password[:_SCORED]), user_inputs=hints)["score"] < _STRONG_ENOUGH)


def _made_of(password: str, words: Iterable[str]) -> bool:
    """True for one's own address, or names in a row: words that are known, and hardly anything besides."""
    rest = password.casefold()
    for word in sorted({word.casefold() for word in words if len(word) > 2}, key=len, reverse=True):
        rest = rest.replace(word, "")
    return len(rest) < len(password) and len(rest) <= _AROUND and sum(c.isalpha() for c in rest) <= _LETTERS_AROUND


def _with_few_disguises(password: str) -> str:
    """The password with at most three kinds of signs that zxcvbn reads as letters; the others become neutral ones.

    It tries every reading of every sign: seconds for 64 hostile characters, milliseconds for what people type.
    """
    kinds = sorted({c for c in password if c in _DISGUISES}, key=password.index)
    return password.translate(dict.fromkeys(map(ord, kinds[3:]), "~"))


_DISGUISES = frozenset("@({[<|!$+%")


def _dressed_up(password: str, hints: frozenset[str]) -> bool:
    """True for `Soleil1!`, `Motdepasse2026!`, `@zerty123A!`, `hoareau-2026A`: one common word and what people hang on it.

    Lists of leaked passwords hold none that satisfy the five criteria, so the rule that people follow is tested instead:
    a known word, and besides it a few digits and signs with hardly a letter among them.
    """
    plain = unicodedata.normalize("NFKD", password.casefold())
    plain = "".join(c for c in plain if not unicodedata.combining(c))
    known = common_words() | hints
    # Digits are decoration (`2026`) or letters in disguise (`motdepass3`), signs as well (`@zerty`): each way is read.
    for reading in (plain, plain.translate(_SIGNS), plain.translate(_SIGNS | _DIGITS)):
        for word in re.findall(r"[a-z]+", reading):
            around = reading.replace(word, "", 1)
            if word in known and len(around) <= _AROUND and sum(c.isalpha() for c in around) <= _LETTERS_AROUND:
                return True
    return False


_AROUND, _LETTERS_AROUND = 8, 2
_SIGNS = str.maketrans("@$", "as")
_DIGITS = str.maketrans("431057", "aeiost")


@cache
def common_words() -> frozenset[str]:
    """The words that French passwords are made of, without accents, one a line in `common_words.txt`."""
    return frozenset((Path(__file__).parent / "common_words.txt").read_text(encoding="utf-8").split())
