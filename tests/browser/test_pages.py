"""What holds for every page in every state: reading, contrast, narrow screens, large text, weight, valid structure."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, expect

from idp import errors
from idp.web.pages import STATIC
from tests.browser.conftest import Visit
from tests.browser.screens import FAILURES, SCREENS, Scene
from tests.browser.validator import Validator, started
from tests.browser.visitor import DESKTOP, NARROW, PHONE, Visitor
from tests.support.world import ProviderServer, World

# Given to each document as a function that nobody calls but `violations`: half a megabyte is sent once, not each time.
_AXE = f"window.loadAxe = () => {{ {Axe().axe_script} }}"
HEAVIEST = 60_000  # bytes of a page with its style and script, uncompressed
_AXE_RUN = """async () => {
  window.axe || loadAxe();
  const found = await axe.run(document, {
    resultTypes: ['violations'],
    runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'],
  });
  return found.violations.flatMap(v => v.nodes.map(n => `${v.id}: ${n.html.slice(0, 160)} ${n.failureSummary}`));
}"""

_STRUCTURE = """() => {
  const wrong = [];
  const ids = [...document.querySelectorAll('[id]')].map(e => e.id);
  for (const id of new Set(ids)) if (ids.filter(other => other === id).length > 1) wrong.push('twice: ' + id);
  for (const e of document.querySelectorAll('[aria-describedby], [aria-controls], [aria-labelledby]'))
    for (const name of ['aria-describedby', 'aria-controls', 'aria-labelledby'])
      for (const id of (e.getAttribute(name) || '').split(' ').filter(Boolean))
        if (!document.getElementById(id)) wrong.push(name + ' to nothing: ' + id);
  for (const a of document.querySelectorAll('a[href^="#"]'))
    if (!document.getElementById(a.getAttribute('href').slice(1))) wrong.push('link to nothing: ' + a.href);
  for (const e of document.querySelectorAll('[style], [onclick], script:not([src])')) wrong.push('inline: ' + e.outerHTML);
  if (document.querySelectorAll('h1').length !== 1) wrong.push('not one h1');
  if (/undefined|\\bNone\\b|\\{|\\bnull\\b/.test(document.body.innerText)) wrong.push('internal words: ' + document.body.innerText);
  return wrong;
}"""
_SMALL_TARGETS = """() => [...document.querySelectorAll('button, input:not([type=hidden]):not(.sr), .button, .foot a, .who a')]
  .filter(e => e.offsetParent && (e.getBoundingClientRect().height < 24 || e.getBoundingClientRect().width < 24))
  .map(e => e.outerHTML)"""
_FETCHED = """() => performance.getEntriesByType('resource').filter(e => e.initiatorType !== 'iframe').map(e => new URL(e.name).pathname)
  .filter(path => !/^\\/(static\\/(site\\.css|site\\.js|favicon\\.svg)|brand\\/[0-9a-f]{64})$/.test(path)
    && !path.endsWith('/status'))"""
_OVERFLOW = "document.documentElement.scrollWidth - document.documentElement.clientWidth"


def violations(visitor: Visitor) -> list[str]:
    """What axe finds on the page as it is shown now."""
    return list(visitor.page.evaluate(_AXE_RUN))


@pytest.fixture(scope="module")
def reader(provider: ProviderServer, chromium: Browser) -> Iterator[Visitor]:
    """One profile for all pages. bypass_csp: axe is put into a page as a script, which our policy rightly refuses."""
    visitor = Visitor(World(provider), chromium, PHONE, bypass_csp=True, reduced_motion="reduce")
    visitor.context.add_init_script(_AXE)
    yield visitor
    visitor.close()


def test_the_check_would_see_a_fault(world: World, reader: Visitor) -> None:
    reader.forget()
    reader.open("/help")
    reader.page.evaluate("document.querySelector('h1').style.color = '#eee'")

    assert any(found.startswith("color-contrast") for found in violations(reader))


@pytest.fixture(scope="module")
def validate() -> Iterator[Validator]:
    with started() as validator:
        yield validator


def without_script(visitor: Visitor) -> None:
    """Show the page as a browser without JavaScript does, in one that has it, since axe needs it."""
    html = re.sub(r"</?noscript>|<script[^>]*></script>|<meta http-equiv=\"refresh\"[^>]*>", "", visitor.html)
    visitor.page.route(visitor.page.url, lambda route: route.fulfill(body=html, content_type="text/html"), times=1)
    visitor.page.goto(visitor.page.url)


@pytest.mark.parametrize("name", SCREENS)
def test_page_can_be_used_by_everybody(world: World, reader: Visitor, validate: Validator, name: str) -> None:
    visitor = reader
    visitor.forget()
    visitor.size(PHONE)
    visitor.page.emulate_media(color_scheme="light")
    SCREENS[name](Scene(world, visitor))
    page = visitor.page

    assert validate(name, visitor.html) == []
    weight = len(visitor.html.encode()) + sum(file.stat().st_size for file in STATIC.iterdir())
    assert weight < HEAVIEST, "as nothing is compressed"
    assert page.evaluate(_FETCHED) == [], "a style, a script, an icon and a logo, of our own; frames are of portals"
    assert page.evaluate(_STRUCTURE) == []
    assert page.evaluate(_SMALL_TARGETS) == []
    assert violations(visitor) == [], "on a phone, light"
    visitor.size(DESKTOP)
    page.emulate_media(color_scheme="dark")
    assert violations(visitor) == [], "on a computer, dark"
    visitor.size(NARROW)
    assert page.evaluate(_OVERFLOW) <= 0, "wider than a screen of 320 pixels"
    page.evaluate("document.documentElement.style.fontSize = '200%'")
    visitor.size(PHONE)
    assert page.evaluate(_OVERFLOW) <= 0, "wider than the screen with text at 200 %"
    page.emulate_media(color_scheme="light")
    without_script(visitor)
    assert violations(visitor) == [], "without a script, on a phone, light"
    visitor.size(DESKTOP)
    page.emulate_media(color_scheme="dark")
    assert violations(visitor) == [], "without a script, on a computer, dark"
    visitor.size(NARROW)
    assert page.evaluate(_OVERFLOW) <= 0, "without a script, wider than a screen of 320 pixels"
    assert visitor.problems == []


@pytest.mark.parametrize("code", FAILURES)
def test_a_failures_page_tells_its_number_its_reference_and_a_way_on(world: World, reader: Visitor, code: str) -> None:
    reader.forget()
    reader.size(PHONE)
    SCREENS[FAILURES[code]](Scene(world, reader))

    main = reader.page.locator("main")
    expect(main.get_by_text(re.compile(f"indiquez\\s*: {code}, référence [\\w-]+"))).to_be_visible()
    assert main.locator("a[href], button").count() > 0


def test_no_failure_with_a_page_of_its_own_is_left_out() -> None:
    assert sorted(FAILURES) == sorted(e.code for e in errors.catalogue() if e.channel is errors.Channel.PAGE)


@pytest.mark.parametrize("color", ["#ffd500", "#ffffff", "#000000", "#e30613", "#00a651", None])
def test_any_colour_of_an_agency_can_be_read(world: World, reader: Visitor, color: str | None) -> None:
    reader.forget()
    agency = world.agency(brand_color=color)
    for scheme in ("light", "dark"):
        reader.page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        reader.open(f"/login?{agency.query}")
        assert violations(reader) == [], scheme


_ENGLISH = "codes login login-wrong letter email password sent link merge reset reset-sent profile help letter-expired"


@pytest.mark.parametrize("name", _ENGLISH.split())
def test_english_page_can_be_used_by_everybody(world: World, visit: Visit, name: str) -> None:
    """The state is reached in French, as its steps are written, and looked at in English."""
    french, english = visit(), visit(PHONE, bypass_csp=True, locale="en-GB")
    english.context.add_init_script(_AXE)
    SCREENS[name](Scene(world, french))
    english.context.add_cookies(french.context.cookies())  # type: ignore[arg-type]
    english.open(french.page.url)

    assert english.page.locator("html").get_attribute("lang") == "en"
    assert violations(english) == []
    english.size(NARROW)
    assert english.page.evaluate(_OVERFLOW) <= 0


_ON_PAPER = """() => {
  const bright = color => color.match(/[\\d.]+/g).slice(0, 3).every(part => part > 200);
  const clear = color => /, 0\\)$/.test(color);
  const shown = [...document.querySelectorAll('body *')].filter(e => e.checkVisibility() && !e.matches('.sr'));
  return shown.flatMap(e => {
    const style = getComputedStyle(e), ground = style.backgroundColor, wrong = [];
    if (!clear(ground) && !bright(ground)) wrong.push('ink wasted: ' + e.outerHTML.slice(0, 80));
    if (bright(style.color) && e.innerText?.trim()) wrong.push('white on white: ' + e.outerHTML.slice(0, 80));
    if (e.matches('button.button, .reveal-button, .skip')) wrong.push('cannot be pressed: ' + e.outerHTML.slice(0, 80));
    return wrong;
  });
}"""


@pytest.mark.parametrize("name", ["help", "terms", "privacy", "sent", "profile", "password", "letter-expired"])
def test_page_can_be_printed(world: World, reader: Visitor, name: str) -> None:
    """What a person takes to the agency: black on white, whatever the screen was, and nothing to press."""
    reader.forget()
    SCREENS[name](Scene(world, reader))
    reader.page.emulate_media(media="print", color_scheme="dark")
    try:
        assert reader.page.evaluate(_ON_PAPER) == []
    finally:
        reader.page.emulate_media(media="screen", color_scheme="light")
