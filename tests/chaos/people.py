"""The people of a seed: their letters, addresses, devices, and what they remember."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import datetime
from random import Random

from tests.chaos.browsers import Device, Tab, Traffic
from tests.chaos.portals import Office, Portals
from tests.support.mailbox import Mail
from tests.support.world import Letter, World

_LINK = re.compile(r"https?://[^/\s]+(/(?:upgrade|reset)/confirm/\S+)")
_CODE = re.compile(r"^(\d{4} \d{4})$", re.MULTILINE)
_WORDS = ("Cheval", "Canard", "Brume", "Sabot", "Violon", "Tuile", "Ortie", "Falaise", "Moufle", "Gamelle")


@dataclass
class HeldLetter:
    """A letter in hand. address: last chosen for it; done: the person was told that it is up to date."""

    letter: Letter
    office: Office
    reference: str
    address: str | None = None
    done: bool = False


@dataclass
class Human:
    """A person.

    passwords: of each address, newest last; refused: those that a page said are wrong, an account's or a chosen one's; dead: codes and links that did
    not work; no_mail_for: addresses that were waited for in vain.
    """

    name: str
    rng: Random
    world: World
    addresses: list[str]
    letters: list[HeldLetter] = field(default_factory=list)
    devices: list[Device] = field(default_factory=list)
    passwords: dict[str, list[str]] = field(default_factory=dict)
    refused: set[tuple[str, str, str]] = field(default_factory=set)
    no_mail_for: set[str] = field(default_factory=set)
    dead: set[str] = field(default_factory=set)

    def letter_of(self, query: str) -> HeldLetter | None:
        """A letter of the agency whose codes stand in an address; one that is not done before one that is."""
        here = [held for held in self.letters if held.letter.query in query]
        return min(here, key=lambda held: held.done, default=None)

    def new_password(self, address: str) -> str:
        """A fresh one, and a good one; remembered from the moment it is typed."""
        first, second = self.rng.sample(_WORDS, 2)
        password = f"{first}-{second}-{self.rng.randint(10, 99)}"
        self.passwords.setdefault(address, []).append(password)
        return password

    def recalls(self, address: str, kind: str) -> str | None:
        """The newest password of an address that no page of a kind has refused; None when there is none left to try."""
        known = [p for p in reversed(self.passwords.get(address, [])) if (kind, address, p) not in self.refused]
        return known[0] if known else None

    def mails(self) -> list[Mail]:
        """All received, oldest first."""
        self.world.deliver()
        mine = {address.casefold() for address in self.addresses}
        return [mail for mail in self.world.mailbox.messages if mail.to.casefold() in mine]

    def link(self, kind: str, address: str) -> str | None:
        """The path of the newest mailed link of a kind, `upgrade` or `reset`, to an address."""
        for mail in reversed(self.mails()):
            found = _LINK.search(mail.text)
            if mail.to == address and found and found[1].startswith(f"/{kind}/") and found[1] not in self.dead:
                return found[1]
        return None

    def code(self, address: str) -> str | None:
        for mail in reversed(self.mails()):
            found = _CODE.search(mail.text)
            if mail.to == address and found is not None and found[1] not in self.dead:
                return found[1]
        return None


def links_in(mail: Mail) -> list[str]:
    """The paths of all links of a mail."""
    return _LINK.findall(mail.text)


@dataclass
class Me:
    """Who acts now, where, and with which dice."""

    chaos: Chaos
    human: Human
    device: Device
    tab: Tab
    rng: Random


@dataclass
class Chaos:
    """Everything of one seed. began: when the people had been made."""

    world: World
    portals: Portals
    traffic: Traffic
    humans: list[Human]
    devices: list[Device]
    began: datetime | None = None
    told: list[str] = field(default_factory=list)

    def close(self) -> None:
        for device in self.devices:
            device.close()
