"""Browsers that a person signed in with before: counted apart, so that an attack on an account does not lock them out.

Whoever knows an address can type wrong passwords for it all day, from a thousand networks, and the account's counter
then refuses everybody. A browser that has proven that address once holds a mark, and its attempts are counted on the
browser alone: a thief of the mark gets a few guesses of his own and no more (OWASP, "Slow Down Online Guessing Attacks
with Device Cookies"). A mark is a keyed digest of the browser's key and the address, and says nothing about either.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from idp.deps import Deps
from idp.digests import Kind, same

MOST = 5  # people at one computer
_LENGTH = 32  # hex digits, 128 bits


@dataclass(frozen=True)
class Device:
    """A browser as counting sees it. marks: what it presented, good or not."""

    browser_digest: str
    marks: tuple[str, ...] = field(default=(), repr=False)

    def knows(self, deps: Deps, key: str) -> bool:
        """Whether somebody proved here, before, that they have the address with this canonical key."""
        mine = mark(deps, self.browser_digest, key)
        return any(same(mine, presented) for presented in self.marks)

    def marked(self, deps: Deps, key: str) -> tuple[str, ...]:
        """The marks to keep at the browser from now on: the newest first, the oldest beyond MOST forgotten."""
        mine = mark(deps, self.browser_digest, key)
        return (mine, *(one for one in self.marks if one != mine))[:MOST]


def mark(deps: Deps, browser_digest: str, key: str) -> str:
    return deps.digests.digest(Kind.DEVICE, f"{browser_digest}:{key}")[:_LENGTH]
