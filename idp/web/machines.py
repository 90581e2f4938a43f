"""What kind of machine a browser says that it runs on, as its owner would call it: an iPhone, a computer with Windows.

It is told to whoever is asked to confirm something that was asked for elsewhere, so that they see whether it was them
(a mail that somebody else caused is recognised by it). A browser may claim anything, so nothing is decided by it; and
only one of these few words is kept, never the header, which is nearly unique.
"""

from __future__ import annotations

# In this order: Chrome OS and Android call themselves Linux too, and an iPad of today says that it is a Mac.
_SIGNS = (
    ("iPhone", "iphone"),
    ("iPad", "ipad"),
    ("Android", "android"),
    ("Windows", "windows"),
    ("Macintosh", "mac"),
    ("CrOS", "chromeos"),
    ("Linux", "linux"),
)
_LOOKED_AT = 200


def kind(user_agent: str) -> str | None:
    """One of the names under `machines` in the texts; None for a browser that does not say.

    user_agent: the header as it came; only its beginning is looked at, where browsers name the machine.
    """
    said = user_agent[:_LOOKED_AT]
    return next((name for sign, name in _SIGNS if sign in said), None)
