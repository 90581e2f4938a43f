"""Starting the parts of the demonstration, watching them, ending them.

The provider is a process of its own, exactly `idp serve`. Portals, mailbox and mail sender are threads of this one.
"""

from __future__ import annotations

import http.client
import logging
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from types import FrameType
from typing import Any

from flask import Flask
from werkzeug.serving import make_server

from clients.portal import PortalSettings, create_portal
from idp.cli.context import database, light_deps
from idp.demo import prepare
from idp.demo.folder import Folder
from idp.demo.mailbox import Mailbox, create_mailbox_pages, smtp_server
from idp.demo.world import AGENCIES, DemoAgency
from idp.mail import sender
from idp.settings import Settings

HOST = "127.0.0.1"
START_SECONDS, STOP_SECONDS = 60.0, 20.0


class DemoFailed(Exception):
    """The demonstration cannot go on; the message is one sentence for the terminal."""


class Demo:
    """The running demonstration. port_base: the provider's port; five more follow it (docs of `idp demo`)."""

    def __init__(self, folder: Folder, port_base: int) -> None:
        self._folder = folder
        self._port_base = port_base
        self._stopping = threading.Event()
        self._to_end: list[Callable[[], Any]] = []
        self._provider: subprocess.Popen[bytes] | None = None

    @property
    def issuer(self) -> str:
        return f"http://{HOST}:{self._port_base}"

    @property
    def mailbox(self) -> str:
        """Address of the page that shows the mails."""
        return f"http://{HOST}:{self._port_base + 1}"

    def portal(self, agency: DemoAgency) -> str:
        """Address of an agency's portal."""
        return f"http://{HOST}:{self._port_base + 3 + agency.place}"

    def require_ports(self) -> None:
        """Raises DemoFailed when somebody else listens on one of the ports; nothing was touched then."""
        for port in range(self._port_base, self._port_base + 3 + len(AGENCIES)):
            _require_free(port)

    def start(self) -> None:
        """Bring everything up; returns when the first page can be opened. Raises DemoFailed."""
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._told_to_stop)
        environ = prepare.environment(self._folder, self._port_base)
        addresses = {agency.portal_id: self.portal(agency) for agency in AGENCIES}
        settings = prepare.prepare(self._folder, environ, addresses)
        self._start_provider(environ)
        self._start_mail(settings)
        for agency in AGENCIES:
            self._serve(create_portal(self._portal_settings(agency)), self._port_base + 3 + agency.place)
        self._wait_for_provider()

    def watch(self) -> None:
        """Return when told to stop. Raises DemoFailed when the provider ends by itself."""
        while not self._stopping.wait(0.2):
            if self._provider is not None and self._provider.poll() is not None:
                raise DemoFailed(self._why_it_ended())

    def stop(self) -> None:
        """End what was started; safe to call at any moment, more than once."""
        self._stopping.set()
        if self._provider is not None and self._provider.poll() is None:
            self._provider.terminate()
        while self._to_end:
            self._to_end.pop()()
        if self._provider is not None:
            try:
                self._provider.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self._provider.kill()
                self._provider.wait()

    def _told_to_stop(self, _signal: int, _frame: FrameType | None) -> None:
        self._stopping.set()

    def _start_provider(self, environ: dict[str, str]) -> None:
        with self._folder.provider_log.open("wb") as log:
            self._provider = subprocess.Popen(
                [sys.executable, "-m", "idp", "serve", "--stop-with-parent"],
                env=environ,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # Ctrl-C is ours to pass on
            )

    def _start_mail(self, settings: Settings) -> None:
        mailbox = Mailbox(self._folder.mails)
        receiver = smtp_server(mailbox, self._port_base + 2)
        receiver.start()
        self._to_end.append(receiver.stop)
        self._serve(create_mailbox_pages(mailbox), self._port_base + 1)
        stop = threading.Event()

        def send() -> None:
            with database(settings):
                sender.run(light_deps(settings), stop, idle_seconds=0.2)

        thread = threading.Thread(target=send, name="mail sender", daemon=True)
        thread.start()
        self._to_end += [lambda: thread.join(2), stop.set]

    def _serve(self, app: Flask, port: int) -> None:
        server = make_server(HOST, port, app, threaded=True)
        threading.Thread(target=server.serve_forever, args=(0.1,), name=f"port {port}", daemon=True).start()
        self._to_end.append(server.shutdown)

    def _portal_settings(self, agency: DemoAgency) -> PortalSettings:
        return PortalSettings(
            issuer=self.issuer,
            client_id=agency.portal_id,
            client_secret=self._folder.secret(agency.portal_id),
            base_url=self.portal(agency),
            client=agency.client,
            societe=agency.societe,
            agency_name=agency.name,
            secret_key=self._folder.secret(f"{agency.portal_id}-cookies"),
            brand_color=agency.brand_color,
            support_phone=agency.support_phone,
            support_email=agency.support_email,
        )

    def _wait_for_provider(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while not _answers(self._port_base):
            if self._provider is None or self._provider.poll() is not None:
                raise DemoFailed(self._why_it_ended())
            if time.monotonic() > deadline:
                raise DemoFailed(f"the provider does not answer: see {self._folder.provider_log}")
            if self._stopping.wait(0.03):
                return

    def _why_it_ended(self) -> str:
        """The last line that the provider wrote, which says why when it ended on purpose."""
        lines = self._folder.provider_log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
        said = lines[-1].removeprefix("idp: ") if lines else "it said nothing"
        return f"the provider has ended: {said} (all it said: {self._folder.provider_log})"


def quiet_logs() -> None:
    """Keep the terminal for what a person should read: no line a request."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    logging.getLogger("mail.log").setLevel(logging.ERROR)  # aiosmtpd


def _require_free(port: int) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as trial:
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # connections that just ended do not count
        try:
            trial.bind((HOST, port))
        except OSError:
            raise DemoFailed(
                f"port {port} is in use: stop what listens there, or choose others with --port-base"
            ) from None


def _answers(port: int) -> bool:
    connection = http.client.HTTPConnection(HOST, port, timeout=5)
    try:
        connection.request("GET", "/.well-known/openid-configuration")
        return connection.getresponse().status < 500
    except OSError:
        return False
    finally:
        connection.close()
