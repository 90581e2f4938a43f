"""Words for people: one catalogue a language, `texts.fr.toml` first, `texts.en.toml` second.

Code and templates name a text by its key (`login.title`); nothing for people is written in Python. French spacing
(no-break spaces before : ; ! ? and inside « ») is set here once, so that translators can type ordinary spaces.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from markupsafe import Markup, escape

LANGUAGES = ("fr", "en")
_HERE = Path(__file__).parent


@cache
def catalogue(language: str) -> Mapping[str, str]:
    """Every text of a language by its dotted key."""
    raw = tomllib.loads((_HERE / f"texts.{language}.toml").read_text(encoding="utf-8"))
    flat = dict(_flatten(raw, ""))
    return {key: _french_spaces(text) for key, text in flat.items()} if language == "fr" else flat


class Texts:
    """The texts of one language, for one page or mail."""

    def __init__(self, language: str, timezone: str) -> None:
        self.language = language if language in LANGUAGES else LANGUAGES[0]
        self._catalogue = catalogue(self.language)
        self._timezone = ZoneInfo(timezone)

    def __call__(self, key: str, **values: Any) -> str:
        """The text of `key`, its {names} filled in; instants and lists are written as the language does."""
        return self._catalogue[key].format(**{name: self._written(value) for name, value in values.items()})

    def html(self, key: str, **values: Markup) -> Markup:
        """The text of `key` as HTML, with pieces of HTML (links) filled in; the text itself is escaped."""
        return escape(self._catalogue[key]).format(**values)

    def asked(self, at: datetime, machine: str | None) -> str:
        """When something was asked for, and on what kind of machine (`idp.web.machines`) where its browser said so."""
        if machine is None or not self.has(f"machines.{machine}"):
            return self("machines.asked", at=at)
        return self("machines.asked_on", at=at, machine=self(f"machines.{machine}"))

    def role(self, role: str) -> str:
        """What a person is to a contract, as a row says it; a neutral word for what this version does not know."""
        return self(f"roles.{role}" if self.has(f"roles.{role}") else "roles.other")

    def has(self, key: str) -> bool:
        return key in self._catalogue

    def instant(self, at: datetime) -> str:
        """`23 novembre 2026 à 14 h 05`, in the settings' time zone."""
        from babel.dates import format_datetime  # slow to import, and not needed by most pages

        pattern = self._catalogue["site.instant"]
        return format_datetime(at.astimezone(self._timezone), pattern, locale=self.language)

    def _written(self, value: Any) -> Any:
        return self.instant(value) if isinstance(value, datetime) else value


def negotiate(wanted: str | None) -> str:
    """The language to answer in. wanted: an Accept-Language header or a `ui_locales` list; French when in doubt."""
    for part in re.split(r"[,\s]+", (wanted or "")[:200]):
        primary = part.split(";")[0].split("-")[0].strip().lower()
        if primary in LANGUAGES:
            return primary
    return LANGUAGES[0]


def _flatten(node: Mapping[str, Any], prefix: str) -> Any:
    for key, value in node.items():
        if isinstance(value, dict):
            yield from _flatten(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def _french_spaces(text: str) -> str:
    spaced = re.sub(r" ([:;!?»])", "\u00a0\\1", text)
    return spaced.replace("« ", "«\u00a0")
