"""`oidc-client-ts` in Chromium: a single-page portal, without a secret, that calls the provider from the browser."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from tests.support.world import STRONG, World

FOLDER = Path(__file__).parent / "browser"
HTML = """<!doctype html><html lang="fr"><meta charset="utf-8"><title>Portail</title>
<script src="/oidc-client-ts.min.js"></script>
<script>const manager = new oidc.UserManager({settings})</script>"""


@pytest.fixture(scope="session")
def library() -> bytes:
    """The library as its authors built it: the version and digest of package-lock.json."""
    if shutil.which("npm") is None:
        if os.environ.get("CI"):
            pytest.fail("npm is not installed")
        pytest.skip("npm is not installed")
    with (FOLDER / "package-lock.json").open() as lock:
        # The processes of one run install once: npm begins by deleting what another one reads.
        fcntl.flock(lock, fcntl.LOCK_EX)
        if _version("package-lock.json") != _version("node_modules/.package-lock.json"):
            subprocess.run(["npm", "ci", "--silent"], cwd=FOLDER, check=True, stdout=subprocess.DEVNULL)
        return (FOLDER / "node_modules/oidc-client-ts/dist/browser/oidc-client-ts.min.js").read_bytes()


def _version(lock: str) -> object:
    """What a lock file says of the library; None when nothing is installed."""
    try:
        packages = json.loads((FOLDER / lock).read_text(encoding="utf-8"))["packages"]
    except FileNotFoundError:
        return None
    return packages["node_modules/oidc-client-ts"]


class SinglePage(ThreadingHTTPServer):
    """The portal's files, on a loopback port: a page for every address, and the library."""

    def __init__(self, library: bytes) -> None:
        super().__init__(("127.0.0.1", 0), _Files)
        self.library, self.settings = library, {}  # type: ignore[var-annotated]
        self.origin = f"http://127.0.0.1:{self.server_port}"


class _Files(BaseHTTPRequestHandler):
    server: SinglePage

    def do_GET(self) -> None:
        script = self.path.endswith(".js")
        page = HTML.replace("{settings}", json.dumps(self.server.settings)).encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/javascript" if script else "text/html; charset=utf-8")
        self.end_headers()
        self.wfile.write(self.server.library if script else page)

    def log_message(self, *_: object) -> None: ...


@pytest.fixture
def portal(world: World, library: bytes) -> Iterator[SinglePage]:
    """A registered portal without a secret, and its files."""
    with SinglePage(library) as served:
        registered = world.portal(
            world.agency(),
            token_endpoint_auth_method="none",
            grant_types=("authorization_code", "refresh_token"),
            redirect_uris=(f"{served.origin}/retour",),
            post_logout_redirect_uris=(f"{served.origin}/deconnecte",),
        )
        served.settings = {
            "authority": world.base,
            "client_id": registered.client_id,
            "redirect_uri": f"{served.origin}/retour",
            "post_logout_redirect_uri": f"{served.origin}/deconnecte",
            "scope": "openid email offline_access",
            "loadUserInfo": True,
        }
        thread = threading.Thread(target=served.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        yield served
        served.shutdown()
        thread.join()


@pytest.fixture
def page(chromium: Browser) -> Iterator[Page]:
    context = chromium.new_context(locale="fr-FR")
    yield context.new_page()
    context.close()


def test_oidc_client_ts_signs_in_refreshes_and_signs_out(world: World, page: Page, portal: SinglePage) -> None:
    letter, account_id = world.member()
    origin = portal.origin
    assert letter.email

    page.goto(f"{origin}/")
    page.evaluate("() => { manager.signinRedirect() }")
    page.locator("[name=password]").fill(STRONG)
    page.locator("[name=identifier]").fill(letter.email)
    page.locator("[name=password]").press("Enter")
    page.wait_for_url(f"{origin}/retour?*")
    user = page.evaluate("() => manager.signinCallback()")
    assert (user["profile"]["sub"], user["profile"]["email"]) == (account_id, letter.email)

    renewed = page.evaluate("() => manager.signinSilent()")
    assert renewed["access_token"] != user["access_token"]
    assert renewed["profile"]["sub"] == account_id

    page.evaluate("() => manager.revokeTokens(['refresh_token'])")
    page.evaluate("() => { manager.signoutRedirect() }")
    page.wait_for_url(f"{origin}/deconnecte*")
    page.evaluate("() => { manager.signinRedirect({prompt: 'none'}) }")
    page.wait_for_url(f"{origin}/retour?*")
    assert "error=login_required" in page.url
