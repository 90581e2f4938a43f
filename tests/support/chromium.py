"""Chromium for all tests of a process: Playwright allows one of itself, and starting a browser takes a second."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Browser, sync_playwright

ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-lcd-text",  # grey edges: the same pixels on any screen, and small pictures
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",  # nobody is asked for the names of the world's portals
]


def program() -> str:
    """Where the system's Chromium is. Skips or fails where it is nowhere."""
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if found is None:
        if os.environ.get("CI"):
            pytest.fail("Chromium is not installed: `make system` installs it")
        pytest.skip("Chromium is not installed")
    return found


@contextmanager
def started() -> Iterator[Browser]:
    """The system's Chromium. A machine without it skips the test and says so; where CI is set that is a failure."""
    path = program()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield browser
        browser.close()
