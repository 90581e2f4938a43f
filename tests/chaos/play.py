"""A seed becomes a script, a script is played, and a script that breaks a rule is made as short as it can be."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from tests.chaos import invariants, sense
from tests.chaos.actions import ACTS
from tests.chaos.browsers import Device, HttpDevice, Tab, Traffic
from tests.chaos.people import Chaos, HeldLetter, Human, Me
from tests.chaos.portals import Broken, Office, Portals
from tests.support.person import Page
from tests.support.world import STRONG, World

NewDevice = Callable[[str, World, Portals, Traffic], Device]
PATIENCE = 70
_SHRINKING = 150


@dataclass(frozen=True)
class Line:
    """A line of a script: an act and its dice, so that it stays what it is when others are taken out."""

    act: str
    dice: int


@dataclass
class Failure:
    """What broke, where, and how it came about."""

    rule: str
    told: list[str]


def script(seed: int, length: int) -> list[Line]:
    dice = Random(f"{seed}: script")
    names = list(ACTS)
    weights = [ACTS[name][0] for name in names]
    return [Line(dice.choices(names, weights)[0], dice.getrandbits(40)) for _ in range(length)]


def play(world: World, seed: int, lines: list[Line], new_device: NewDevice = HttpDevice) -> Failure | None:
    """Play a script with the people of a seed, then let everybody finish, then look at everything."""
    chaos = people_of(world, seed, new_device)
    try:
        for line in lines:
            perform(chaos, line)
        finish(chaos, Random(f"{seed}: finish"))
        stored = invariants.Stored(chaos)
        for rule in invariants.RULES:
            chaos.told.append(f"then: {rule.__name__.replace('_', ' ')}")
            rule(stored, chaos)
    except AssertionError as broken:
        return Failure(str(broken).split("\n", 1)[0] or "assertion", chaos.told)
    finally:
        chaos.close()
        world.mailbox.messages.clear()
    return None


def people_of(world: World, seed: int, new_device: NewDevice) -> Chaos:
    """One to three people with one to three letters of one or two agencies, each with devices; one may be shared."""
    dice = Random(f"{seed}: people")
    portals, traffic = Portals(world), Traffic()
    chaos = Chaos(world, portals, traffic, [], [])
    for number in range(dice.choice((1, 2, 2))):
        agency = world.agency()
        portals.offices.append(Office(agency, world.portal(agency, default_portal=number == 0)))
    for name in ("Lou", "Max", "Nina")[: dice.choice((1, 1, 1, 2, 3))]:
        chaos.humans.append(_human(chaos, name, dice))
    shared = new_device("the shared computer", world, portals, traffic) if dice.random() < 0.3 else None
    for human in chaos.humans:
        human.devices = [new_device(f"{human.name}'s phone", world, portals, traffic)]
        if dice.random() < 0.5:
            human.devices.append(new_device(f"{human.name}'s computer", world, portals, traffic))
        chaos.devices.extend(human.devices)
        human.devices.extend([shared] if shared else [])
    chaos.devices.extend([shared] if shared else [])
    chaos.began = world.clock()
    return chaos


def _human(chaos: Chaos, name: str, dice: Random) -> Human:
    world = chaos.world
    mark = f"{chaos.portals.offices[0].agency.client}-{name}".lower()
    human = Human(name, Random(dice.getrandbits(40)), world, [f"{mark}@exemple.org"])
    if dice.random() < 0.3:
        human.addresses.append(f"{mark}.autre@exemple.org")
    for number in range(dice.choice((1, 1, 1, 2, 3))):
        office, reference = dice.choice(chaos.portals.offices), f"REF-{name}-{number}"
        email = dice.choice((human.addresses[0], None))
        if number == 0 and dice.random() < 0.4:  # has an account from earlier
            letter, _ = world.member(office.agency, email=human.addresses[0], contracts=(reference,))
            human.passwords[human.addresses[0]] = [STRONG]
            human.letters.append(HeldLetter(letter, office, reference, address=human.addresses[0], done=True))
        else:
            letter = world.letter(office.agency, email=email, contracts=(reference,))
            human.letters.append(HeldLetter(letter, office, reference))
    return human


def perform(chaos: Chaos, line: Line) -> None:
    """One act, by one of the people at one of their tabs; then the page must offer a way on."""
    dice = Random(line.dice)
    human = dice.choice(chaos.humans)
    device = dice.choice(human.devices)
    mine = [tab for tab in device.tabs if tab.reader is human]
    if not mine:
        tab = device.tab(human)
        tab.open(f"/login?{human.letters[0].letter.query}")
        mine = [tab]
    me = Me(chaos, human, device, dice.choice(mine), dice)
    told = ACTS[line.act][1](me)
    if told is None:
        return
    chaos.told.append(f"{human.name}, {me.device.name}: {told} -> {shows(me.tab)}")
    way_on(me)


def shows(tab: Tab) -> str:
    """What a tab shows, in a line."""
    if tab.portal is not None:
        return tab.portal.split("?")[0]
    page = tab.page
    return f"{page.status} {page.path} ({page.heading}) {' '.join(page.errors)}".strip()


def way_on(me: Me) -> None:
    """No page is a dead end: a button or a link; and where there is no form to repeat, every way leads to a page."""
    if me.tab.portal is not None:
        return
    page = me.tab.page
    buttons = [form for form in page.forms if form.buttons and form.own]
    if not buttons and not page.ways and not page.path.startswith(("/help", "/legal")):
        raise Broken(f"a page offers a way on: {page.status} {page.path}")
    if page.status >= 400 and not buttons:
        visitor = me.chaos.world.person(cookies=me.device.cookies())
        for way in page.ways:
            if way.startswith(f"{me.chaos.world.base}/"):
                _leads_somewhere(visitor.http, page, way)
        visitor.http.close()


def _leads_somewhere(http: object, page: Page, way: str) -> None:
    response = http.get(way, follow_redirects=False)  # type: ignore[attr-defined]
    for _ in range(5):
        target = str(response.headers.get("location", ""))
        if not target.startswith("/"):
            break
        response = http.get(target, follow_redirects=False)  # type: ignore[attr-defined]
    if response.status_code >= 400:
        raise Broken(f"the way on leads to a page: {page.path} -> {way}: {response.status_code}")


# --- the end of all seeds --------------------------------------------------------------------------------------------------


def finish(chaos: Chaos, dice: Random) -> None:
    """Liveness: from any state, who does patiently what the pages ask gets every letter into its agency's portal."""
    world = chaos.world
    world.mailbox.answer = None
    world.clock.advance(hours=dice.choice((0, 0, 2, 26)))
    for human in chaos.humans:
        for goal in human.letters:
            device = dice.choice(human.devices)
            tab = dice.choice([t for t in device.tabs if t.reader is human] or [device.tab(human)])
            human.no_mail_for.clear()
            get_in(Me(chaos, human, device, tab, Random(dice.getrandbits(40))), goal)


def get_in(me: Me, goal: HeldLetter) -> None:
    chaos = me.chaos
    chaos.told.append(f"{me.human.name}, {me.device.name}: wants into {goal.office.host} with {goal.reference}")
    before = len(chaos.portals.visits)
    sense.start(me, goal)
    for _ in range(PATIENCE):
        way_on(me)
        seen = [v for v in chaos.portals.visits[before:] if v.sub is not None and v.device is me.device]
        if any(goal.reference in str(visit.userinfo) for visit in seen if visit.asked.office is goal.office):
            return
        if me.tab.portal is not None and me.tab.portal.startswith(goal.office.portal.redirect_uri):
            told = not_me_here(me, goal)
        else:
            told = sense.act(me, goal)
        chaos.told.append(f"{me.human.name}, {me.device.name}: {told} -> {shows(me.tab)}")
    raise Broken("nobody gets stuck")


def not_me_here(me: Me, goal: HeldLetter) -> str:
    """The portal does not know the letter's contract for this sign-in: show the letter, or come as somebody else."""
    if not goal.done:
        me.tab.open(f"/login/provisional?{goal.letter.query}")
        return "shows the letter, which the portal does not know yet"
    others = [a for a in me.human.addresses if a != goal.address]
    goal.address = me.rng.choice(others or me.human.addresses)
    return sense.start(me, goal, prompt="select_account")


# --- a shorter script that breaks the same rule ----------------------------------------------------------------------------


def shrink(world_of: Callable[[], World], seed: int, lines: list[Line], failure: Failure) -> tuple[list[Line], Failure]:
    """Take lines out, many at first, while the same rule still breaks."""
    rule, size, tries = failure.rule.split(":")[0], max(len(lines) // 2, 1), 0
    while size and tries < _SHRINKING:
        at = 0
        while at < len(lines) and tries < _SHRINKING:
            fewer, tries = lines[:at] + lines[at + size :], tries + 1
            again = play(world_of(), seed, fewer)
            if again is not None and again.rule.split(":")[0] == rule:
                lines, failure = fewer, again
            else:
                at += size
        size //= 2
    return lines, failure
