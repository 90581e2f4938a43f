"""What may happen at any moment, an act a function. Each says what it did; None when it cannot happen now."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import urlsplit

from tests.chaos import sense
from tests.chaos.people import Me, links_in

Act = Callable[[Me], str | None]
ACTS: dict[str, tuple[int, Act]] = {}
_GARBAGE = ("", " ", "x", "' OR 1=1--", "<b>é</b>", "a@b", "0" * 400)


def act(weight: int) -> Callable[[Act], Act]:
    """Register an act; weight: how often, among the others."""

    def register(function: Act) -> Act:
        ACTS[function.__name__] = (weight, function)
        return function

    return register


# --- people who do what the page asks ------------------------------------------------------------------------------------


@act(40)
def goes_on(me: Me) -> str | None:
    return sense.act(me, me.rng.choice(me.human.letters))


@act(6)
def starts_at_a_portal(me: Me) -> str | None:
    how = me.rng.choice(
        (
            {},
            {"prompt": "login"},
            {"prompt": "select_account"},
            {"prompt": "none"},
            {"prompt": "consent"},
            {"max_age": "0"},
            {"max_age": "3600"},
            {"login_hint": me.human.addresses[0]},
            {"ui_locales": "en"},
        )
    )
    return sense.start(me, me.rng.choice(me.human.letters), **how)


@act(4)
def opens_an_address_of_ours(me: Me) -> str | None:
    query = me.rng.choice(me.human.letters).letter.query
    paths = (
        "/",
        "/login",
        "/login/provisional",
        "/login/codes",
        "/profile",
        "/profile/password",
        "/reset",
        "/help",
        "/logout",
    )
    path = me.rng.choice(paths)
    me.tab.open(f"{path}?{query}" if me.rng.random() < 0.7 else path)
    return f"opens {path}"


# --- tabs, history, buttons ------------------------------------------------------------------------------------------------


@act(3)
def opens_a_tab(me: Me) -> str | None:
    if len(me.device.tabs) >= 5:
        return None
    before, me.tab = me.tab, me.device.tab(me.human)
    if before.portal is None and me.rng.random() < 0.5:
        me.tab.open(before.page.url)
        return "duplicates the tab"
    me.tab.open(f"/login?{me.rng.choice(me.human.letters).letter.query}")
    return "opens a tab"


@act(2)
def closes_the_tab(me: Me) -> str | None:
    others = [tab for tab in me.device.tabs if tab.reader is me.human and tab is not me.tab]
    if not others:
        return None
    me.tab.close()
    me.tab = others[-1]
    return "closes the tab"


@act(2)
def restarts_the_browser(me: Me) -> str | None:
    """It comes back with all of its tabs at once, each of which asks for its page anew (Keycloak 24112)."""
    for tab in list(me.device.tabs):
        tab.reload()
    return f"closes the browser, which comes back with {len(me.device.tabs)} tabs"


@act(6)
def goes_back(me: Me) -> str | None:
    kept = me.rng.random() < 0.5
    me.tab.back(kept=kept)
    return f"goes back to a page {'kept as it was' if kept else 'fetched anew'}"


@act(4)
def reloads(me: Me) -> str | None:
    me.tab.reload()
    return "reloads"


@act(6)
def clicks_twice(me: Me) -> str | None:
    """The first answer is lost with the cookies that it would have set."""
    if me.tab.portal is not None:
        return None
    filled = sense.answer(me, me.rng.choice(me.human.letters))
    if filled is None:
        return None
    form, fields = filled
    sense.send(me, form, fields, twice=True)
    return f"sends {sorted(fields)} twice"


@act(4)
def follows_any_link(me: Me) -> str | None:
    if me.tab.portal is not None:
        return None
    ways = [way for way in me.tab.page.links.values() if way.startswith(f"{me.chaos.world.base}/")]
    if not ways:
        return None
    way = me.rng.choice(ways)
    me.tab.open(way)
    return f"follows {urlsplit(way).path}"


# --- mistakes --------------------------------------------------------------------------------------------------------------


@act(8)
def types_something_wrong(me: Me) -> str | None:
    if me.tab.portal is not None:
        return None
    goal = me.rng.choice(me.human.letters)
    filled = sense.answer(me, goal)
    if filled is None or not filled[1]:
        return None
    form, fields = filled
    field = me.rng.choice(sorted(fields))
    wrong = me.rng.choice(_GARBAGE)
    if field in ("identifier", "email") and "@" in wrong:
        return None  # an address of nobody's here would have to be followed up like one's own
    fields = {**fields, field: None if field == "accept_terms" else wrong}
    before = dict(me.tab.page.fields)
    me.tab.send(form, fields)
    _kept(me, before, fields)
    return f"types {wrong!r} as {field}"


def _kept(me: Me, before: dict[str, dict[str, str | None]], fields: dict[str, str | None]) -> None:
    """What was typed is still there when the form is shown again; passwords never."""
    if me.tab.portal is not None or me.tab.page.status < 400:
        return
    shown = me.tab.page.fields
    for name, typed in fields.items():
        if name in shown and shown[name].get("type") in ("text", "email", None) and typed:
            value = shown[name].get("value") or ""
            assert value == typed[:320], f"what was typed is shown again: {name} {typed!r} became {value!r}"


@act(2)
def presses_another_button(me: Me) -> str | None:
    """A button without fields: send again, another address, sign out, continue."""
    if me.tab.portal is not None:
        return None
    bare = [form for form in me.tab.page.forms if set(form.fields) <= {"csrf_token", "version"} and form.buttons]
    bare = [form for form in bare if not form.action.endswith(("/continue", "/login/continue"))]
    if not bare:
        return None
    form = me.rng.choice(bare)
    sense.send(me, form, {})
    return f"presses {form.buttons}"


# --- browsers that forget, days that pass, machines that restart -----------------------------------------------------------


@act(3)
def loses_cookies(me: Me) -> str | None:
    name = me.rng.choice((None, "session", "browser"))
    me.device.forget(name)
    return f"loses {name or 'all cookies'}"


@act(5)
def time_passes(me: Me) -> str | None:
    hours = me.rng.choice((0.05, 1, 1, 13, 25, 80, 200))
    me.chaos.world.clock.advance(hours=hours)
    return f"{hours} hours pass"


@act(1)
def restarts_the_server(me: Me) -> str | None:
    me.chaos.world.server.restart()
    return "the server restarts"


@act(1)
def mail_goes_down_or_up(me: Me) -> str | None:
    box = me.chaos.world.mailbox
    box.answer = None if box.answer else "451 try again later"
    return f"mail is {'down' if box.answer else 'up'}"


# --- second devices, scanners, other people ----------------------------------------------------------------------------------


@act(4)
def takes_up_another_device(me: Me) -> str | None:
    """The address of the page, or a mailed link, on another device of the person."""
    others = [device for device in me.human.devices if device is not me.device]
    if not others:
        return None
    before, me.device = me.tab, me.rng.choice(others)
    links = [path for mail in me.human.mails() for path in links_in(mail)]
    if links and me.rng.random() < 0.7:
        me.tab = me.device.tab(me.human)
        me.tab.open(me.rng.choice(links))
        return "opens a mailed link on another device"
    if before.portal is not None:
        return None
    for asked in me.chaos.portals.asked.values():  # who opens a waiting request elsewhere asks for it there too
        asked.carried = asked.carried or asked.device is before.device
    me.tab = me.device.tab(me.human)
    me.tab.open(before.page.url)
    return f"opens {before.page.path} of {before.device.name}"


@act(4)
def opens_an_old_mail(me: Me) -> str | None:
    links = [path for mail in me.human.mails() for path in links_in(mail)]
    if not links:
        return None
    me.tab.open(me.rng.choice(links))
    return "opens a mailed link"


@act(3)
def mail_is_scanned(me: Me) -> str | None:
    """A machine that opens each link of each mail, by every method, and sends each form that it finds there."""
    links = [path for mail in me.human.mails() for path in links_in(mail)]
    if not links:
        return None
    assert "session" not in me.device.scan(links[-4:]), "a mail scanner is never signed in"
    return "a scanner goes through the mails"


# --- the signed-in person ------------------------------------------------------------------------------------------------------


@act(2)
def changes_the_password(me: Me) -> str | None:
    me.tab.open("/profile/password")
    filled = sense.answer(me, me.rng.choice(me.human.letters))
    if me.tab.page.path != "/profile/password" or filled is None or sense.named(me, me.tab.page) is None:
        return "cannot change the password"
    sense.send(me, *filled)
    return "changes the password"


@act(2)
def asks_for_a_reset(me: Me) -> str | None:
    me.tab.open(f"/reset?{me.rng.choice(me.human.letters).letter.query}")
    filled = sense.answer(me, me.rng.choice(me.human.letters))
    if filled is not None:
        sense.send(me, *filled)
    return "asks for a reset"


@act(2)
def signs_out(me: Me) -> str | None:
    me.tab.open("/logout")
    form = next((form for form in me.tab.page.forms if urlsplit(form.action).path == "/logout"), None)
    if form is not None:
        me.tab.send(form, {})
    return "signs out"


@act(2)
def signs_out_at_the_portal(me: Me) -> str | None:
    office = me.rng.choice(me.human.letters).office
    back = office.portal.redirect_uri.replace("/retour", "/")
    me.tab.open(f"/oauth/logout?client_id={office.portal.client_id}&post_logout_redirect_uri={back}&state=bye")
    return "signs out at the portal"
