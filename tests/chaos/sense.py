"""What a sensible person does at a page: read it, answer what it asks from what they know, or follow the way it offers.

`act` does one thing. Chaos lies in when it is interrupted; the patient finish of a seed is nothing but `act`, again
and again, with every choice that a person might make left to the dice.
"""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import urlsplit

from tests.chaos.browsers import Fields
from tests.chaos.people import HeldLetter, Me
from tests.support.person import Form, Page
from tests.support.world import STRONG

Answer = tuple[Form, Fields]
SECRETS = {"password", "provisional_password", "new_password", "current_password", "code"}


def act(me: Me, goal: HeldLetter) -> str:
    """Do the next sensible thing at the tab, for a letter; returns what was done, for the telling."""
    page = me.tab.page
    if me.tab.portal is not None:
        return start(me, goal)
    if page.status == 429:
        return wait(me)
    if read_mail(me):
        return f"opens the mailed link: {me.tab.page.path}"
    filled = answer(me, goal)
    if filled is not None:
        form, fields = filled
        send(me, form, fields)
        return f"sends {sorted(fields) or 'the button'} to {urlsplit(form.action).path}"
    return follow(me, goal)


def start(me: Me, goal: HeldLetter, **how: str) -> str:
    """Come from the portal of the letter's agency."""
    me.tab.open(me.chaos.portals.start(goal.office, me.device, **how))
    return f"starts at {goal.office.host} {how or ''}"


def wait(me: Me) -> str:
    me.chaos.world.clock.advance(hours=1)
    me.tab.reload()
    return "waits an hour and reloads"


def send(me: Me, form: Form, fields: Fields, *, twice: bool = False) -> None:
    """Send a form and take in what the page then says."""
    before = me.tab.page
    if SECRETS & set(fields):
        me.device.proved.add(me.human.name)
    me.tab.send(form, fields, twice=twice)
    if me.tab.portal is None:
        learn(me, before, fields, me.tab.page)


def learn(me: Me, before: Page, fields: Fields, after: Page) -> None:
    human = me.human
    if "provisional_identifier" in fields and after.status == 409:
        held = human.letter_of(before.url)
        if held is not None:
            held.done = True
    if after.fields.get("code", {}).get("aria-invalid") and fields.get("code"):
        human.dead.add(str(fields["code"]))
    address, typed = _address(me, before, fields), fields.get("password")
    if address and typed and any(after.fields.get(name, {}).get("aria-invalid") for name in ("password", "identifier")):
        human.refused.add((_kind(before), address, typed))


def _kind(page: Page) -> str:
    """Whose password a page asks for: the one just chosen for a letter's account, or an account's."""
    return "chosen" if page.path.startswith("/upgrade") else "account"


def _address(me: Me, page: Page, fields: Fields) -> str | None:
    return fields.get("identifier") or named(me, page)


def named(me: Me, page: Page) -> str | None:
    """The address of this person that a page shows."""
    shown = page.fields.get("username", {}).get("value")
    if shown:
        return shown
    text = page.text.replace(" ", "")
    return next((address for address in me.human.addresses if address in text), None)


# --- forms -------------------------------------------------------------------------------------------------------------


def answer(me: Me, goal: HeldLetter) -> Answer | None:
    """The form of the page that this person would send now, with what they would type; None to follow a way instead."""
    page = me.tab.page
    for field, how in _BY_FIELD.items():
        form = next((form for form in reversed(page.forms) if field in form.fields), None)  # a proposal stands above
        if form is not None:
            fields = how(me, goal, page)
            return None if fields is None else (form, fields)
    bare = bare_forms(page)
    mine = named(me, page) is not None or page.path.startswith(("/upgrade", "/merge"))
    return (bare[0], {}) if bare and mine else None


_BARE = {"csrf_token", "version"}
_LEAVING = ("/logout", "/not-me")


def bare_forms(page: Page) -> list[Form]:
    """The page's own buttons without fields that lead on, and not away."""
    return [f for f in page.forms if f.own and set(f.fields) <= _BARE and not f.action.endswith(_LEAVING)]


def _codes(me: Me, goal: HeldLetter, page: Page) -> Fields:
    return {"client": goal.letter.client, "societe": goal.letter.societe}


def _letter(me: Me, goal: HeldLetter, page: Page) -> Fields | None:
    held = me.human.letter_of(page.url)
    if held is None or held.done:
        return None
    return {"provisional_identifier": held.letter.identifier, "provisional_password": held.letter.password}


def _email(me: Me, goal: HeldLetter, page: Page) -> Fields:
    address = me.human.addresses[0] if me.rng.random() < 0.8 else me.rng.choice(me.human.addresses)
    for held in me.human.letters:
        if any("/help?" in way and held.letter.query in way for way in page.links.values()):
            held.address = address
    return {"email": address}


def _new(me: Me, goal: HeldLetter, page: Page) -> Fields:
    address = named(me, page) or me.human.addresses[0]
    old = me.human.recalls(address, "account")
    password = me.human.new_password(address)
    fields: Fields = {"new_password": password, "confirmation": password}
    if "accept_terms" in page.fields:
        fields["accept_terms"] = "yes"
    if "current_password" in page.fields:
        fields["current_password"] = old or STRONG
    return fields


def _code(me: Me, goal: HeldLetter, page: Page) -> Fields | None:
    """The newest code of the address that the page names; sometimes the link is opened instead (`read_mail`)."""
    if _page_of_code(page):
        return None  # there the field is shown to browsers without script too
    address = named(me, page)
    code = me.human.code(address) if address else None
    if code is None:
        return None
    fields: Fields = {"code": code}
    if "password" in page.fields and address:
        password = me.human.recalls(address, "chosen")
        if password is None:
            return None
        fields["password"] = password
    return fields


def _page_of_code(page: Page) -> str | None:
    """The waiting page's way to the page where the code is typed."""
    return next(
        (way for way in page.ways if page.path.endswith("/sent") and urlsplit(way).path.endswith("/code")), None
    )


def _login(me: Me, goal: HeldLetter, page: Page) -> Fields | None:
    for address in _likely(me, goal):
        password = me.human.recalls(address, "account")
        if password is not None:
            return {"identifier": address, "password": password}
    return None


def _likely(me: Me, goal: HeldLetter) -> list[str]:
    """The addresses under which the person may have the account of a letter, likeliest first."""
    rest = [address for address in me.human.addresses if address != goal.address]
    return [goal.address, *rest] if goal.address else rest


def _password(me: Me, goal: HeldLetter, page: Page) -> Fields | None:
    """Of a merge or a mailed link: the address is shown."""
    address = named(me, page)
    password = me.human.recalls(address, _kind(page)) if address else None
    return None if password is None else {"password": password}


def _reset(me: Me, goal: HeldLetter, page: Page) -> Fields:
    shown = page.fields["identifier"].get("value")
    left = [a for a in _likely(me, goal) if a not in me.human.no_mail_for] or me.human.addresses
    return {"identifier": shown if shown in left else left[0]}


_BY_FIELD: dict[str, Callable[[Me, HeldLetter, Page], Fields | None]] = {
    "client": _codes,
    "provisional_identifier": _letter,
    "email": _email,
    "new_password": _new,
    "code": _code,
    "identifier": lambda me, goal, page: (_login if "password" in page.fields else _reset)(me, goal, page),
    "password": _password,
}

# --- mails and ways ------------------------------------------------------------------------------------------------------


def read_mail(me: Me) -> bool:
    """At a page that waits for a mail: open the mailed link here, instead of typing a code or where there is none."""
    page = me.tab.page
    kind = "reset" if page.path.startswith("/reset") else "upgrade"
    address = named(me, page)
    if not page.path.endswith("/sent") or address is None or (kind == "upgrade" and me.rng.random() < 0.5):
        return False
    path = me.human.link(kind, address)
    if path is None:
        me.human.no_mail_for.add(address)
        return False
    me.tab.open(path)
    if me.tab.page.status in (404, 410):
        me.human.dead.add(path)
    return True


def follow(me: Me, goal: HeldLetter) -> str:
    """No form to answer: a way that the page offers, the fitting ones before the others."""
    page = me.tab.page
    by_hand = _page_of_code(page)
    if by_hand and me.rng.random() < 0.7:
        me.tab.open(by_hand)
        return "opens the page to type the code"
    if page.path == "/profile" and goal.done:
        return start(me, goal)
    if page.path == "/profile":
        return visit_letter(me, goal)
    forgotten = "password" in page.fields and me.human.recalls(named(me, page) or "", "chosen") is None
    if page.path.startswith("/upgrade/") and page.path.endswith(("/sent", "/code")) and not forgotten:
        return retry(me, page)
    ways = [way for way in page.ways if way.startswith(me.chaos.world.base)]
    to = ["/login"] if goal.done and "code" not in page.fields else ["/login/provisional", "/login"]
    if page.path == "/login" or page.path.startswith("/merge/"):  # no password is left to try
        to = ["/reset"] if goal.done or any(me.human.passwords) else ["/login/provisional"]
        if all(address in me.human.no_mail_for for address in me.human.addresses):  # once more, in an hour
            me.human.no_mail_for.clear()
            me.human.refused.clear()
            return wait(me) if goal.done else visit_letter(me, goal)
    if page.path.startswith("/reset/") and page.path.endswith(("/sent", "/done")):
        to = [urlsplit(ways[0]).path] if page.path.endswith("/done") else to
    fitting = [way for path in to for way in ways if urlsplit(way).path == path]
    if not fitting or me.rng.random() < 0.1:
        fitting = ways
    if not fitting:
        return retry(me, page)
    way = fitting[0] if me.rng.random() < 0.8 else me.rng.choice(fitting)
    me.tab.open(way)
    return f"follows {urlsplit(way).path}"


def visit_letter(me: Me, goal: HeldLetter) -> str:
    me.tab.open(f"/login/provisional?{goal.letter.query}")
    return "opens the letter's page"


def retry(me: Me, page: Page) -> str:
    """A page of forms only: its quiet button (send again, another address)."""
    bare = bare_forms(page)
    if bare:
        send(me, bare[-1], {})
        return f"presses {bare[-1].buttons}"
    return wait(me)
