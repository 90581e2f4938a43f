"""The demonstration, running: prepares the database, starts the parts, watches and ends them.

The provider is a process of its own (`provider.py`). Portals, mailbox and mail sender are threads of this one.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import Any

from flask import Flask
from werkzeug.serving import make_server

from clients.portal import PortalSettings, create_portal
from idp.cli.context import database, light_deps
from idp.demo.folder import Folder, Letter
from idp.demo.letters import usable_letters
from idp.demo.mailbox import Mailbox, create_mailbox_pages, smtp_server
from idp.demo.places import HOST, Places
from idp.demo.prepare import prepare
from idp.demo.provider import Provider, answers
from idp.demo.world import AGENCIES, DemoAgency
from idp.mail import sender
from idp.settings import Settings, load

START_SECONDS = 60.0


class DemoFailed(Exception):
    """The demonstration cannot go on; the message is one sentence for the terminal."""


class Demo:
    """letters: those that can be used, once it is started. stop: set by a signal, or here at the end."""

    def __init__(self, folder: Folder, places: Places, provider: Provider, stop: threading.Event) -> None:
        self.places = places
        self.letters: list[Letter] = []
        self._folder = folder
        self._provider = provider
        self._stop = stop
        self._to_end: list[Callable[[], Any]] = []

    def start(self) -> None:
        """Bring everything up; returns when the first page can be opened, or at once when stopped. Raises DemoFailed."""
        quiet_logs()
        settings = load(self._folder.environment(self.places.port_base))
        for step in (self._prepare, self._take_letters, self._start_mail, self._start_portals, self._wait_for_provider):
            if self._stop.is_set():
                return
            step(settings)

    def watch(self) -> None:
        """Return when told to stop. Raises DemoFailed when the provider ends by itself."""
        while not self._stop.wait(0.2):
            if self._provider.ended:
                raise DemoFailed(f"the provider has ended: {self._provider.why()}")

    def end(self) -> None:
        """End what was started; safe to call at any moment."""
        self._stop.set()
        self._provider.stop()
        while self._to_end:
            self._to_end.pop()()
        self._provider.wait()

    def _prepare(self, settings: Settings) -> None:
        prepare(settings, {agency: self._portal(agency) for agency in AGENCIES})
        self._provider.go()

    def _take_letters(self, settings: Settings) -> None:
        """Takes half a second at the first run, while the provider starts on another core."""
        self.letters = usable_letters(self._folder, settings)

    def _start_portals(self, _settings: Settings) -> None:
        for agency in AGENCIES:
            self._serve(create_portal(self._portal(agency)), self.places.portal_port(agency))

    def _portal(self, agency: DemoAgency) -> PortalSettings:
        return PortalSettings(
            issuer=self.places.issuer,
            client_id=agency.portal_id,
            client_secret=self._folder.secret(agency.portal_id),
            base_url=self.places.portal(agency),
            client=agency.client,
            societe=agency.societe,
            agency_name=agency.name,
            secret_key=self._folder.secret(f"{agency.portal_id}-cookies"),
            brand_color=agency.brand_color,
            support_phone=agency.support_phone,
            support_email=agency.support_email,
        )

    def _start_mail(self, settings: Settings) -> None:
        mailbox = Mailbox(self._folder.mails)
        receiver = smtp_server(mailbox, self.places.smtp_port)
        receiver.start()
        self._to_end.append(receiver.stop)
        self._serve(create_mailbox_pages(mailbox), self.places.mailbox_port)

        def send() -> None:
            with database(settings):
                sender.run(light_deps(settings), self._stop, idle_seconds=0.2)

        thread = threading.Thread(target=send, name="mail sender", daemon=True)
        thread.start()
        self._to_end.append(lambda: thread.join(2))

    def _serve(self, app: Flask, port: int) -> None:
        server = make_server(HOST, port, app, threaded=True)
        threading.Thread(target=server.serve_forever, args=(0.1,), name=f"port {port}", daemon=True).start()
        self._to_end.append(server.shutdown)

    def _wait_for_provider(self, _settings: Settings) -> None:
        deadline = time.monotonic() + START_SECONDS
        while not answers(HOST, self.places.port_base):
            if self._provider.ended:
                raise DemoFailed(f"the provider has ended: {self._provider.why()}")
            if time.monotonic() > deadline:
                raise DemoFailed(f"the provider does not answer: {self._provider.why()}")
            if self._stop.wait(0.03):
                return


def quiet_logs() -> None:
    """Keep the terminal for what a person should read: no line a request."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    logging.getLogger("mail.log").setLevel(logging.ERROR)  # aiosmtpd
