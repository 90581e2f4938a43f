"""What workers on all hosts share besides the database, where an operator offers it: Valkey or Redis (decision 0027).

Nothing depends on it. It tells every worker at once what would otherwise be seen within seconds, and counts what needs
no durability. A server that fails or does not answer at once is left alone for a while, after which one request tries
it again: so nobody waits for it longer than `redis_wait_milliseconds`, and hardly anybody waits at all.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

from sqlalchemy import event
from sqlalchemy.orm import Session

from idp.settings import Settings, SettingsError

if TYPE_CHECKING:
    from valkey import Valkey
    from valkey.client import PubSub

log = logging.getLogger(__name__)
T = TypeVar("T")
PAUSE_SECONDS = 5.0  # that a server which failed is left alone
QUIET_SECONDS = 5.0  # after which a listener asks whether there is still somebody; twice that, and it listens anew
MAXIMUM_CONNECTIONS = 64  # of a worker; it has fewer threads than that
ALL = "*"  # a change of everything: announcements may have been missed


class Away(Exception):
    """There is no answer; what was asked may have happened."""


class Shared:
    """The server of the setting `redis_url`. Thread-safe; connects when it is first asked. Raises SettingsError."""

    def __init__(self, settings: Settings) -> None:
        # Not before: a library that most installations do without, and that is not small.
        import valkey
        from valkey.backoff import NoBackoff
        from valkey.retry import Retry

        seconds = settings.redis_wait_milliseconds / 1000
        try:
            self._client: Valkey = valkey.Valkey.from_url(
                settings.redis_url.get_secret_value(),
                socket_timeout=seconds,
                socket_connect_timeout=seconds,
                socket_keepalive=True,
                retry=Retry(NoBackoff(), 0),
                max_connections=MAXIMUM_CONNECTIONS,
                # Who is there is nobody's business, and telling it costs a round trip of each connection.
                lib_name=None,
                lib_version=None,
            )
            pool = self._client.connection_pool
            pool.connection_class(**pool.connection_kwargs)  # options of the address that nobody knows are found here
        except (ValueError, TypeError):  # its words repeat the address, which may hold a password
            raise SettingsError("redis_url: an address is expected, such as valkey://127.0.0.1:6379/0") from None
        self._failures = (valkey.ValkeyError, OSError)
        # Channels are not of a numbered database: two installations on one server are told apart by their issuers.
        self._channel = f"idp:changes:{settings.issuer}"
        self._again_at = 0.0  # of the monotonic clock; 0: it answers
        self._lock = threading.Lock()

    def ask(self, work: Callable[[Valkey], T]) -> T:
        """What the server answers. Raises Away: at once while it is left alone, else after its time."""
        self._require_turn()
        try:
            answer = work(self._client)
        except self._failures as error:
            self._leave(error)
            raise Away from None
        if self._again_at:
            self._again_at = 0.0
            log.info("shared memory answers again")
        return answer

    def answers(self) -> bool:
        """Whether the server answers now; False at once while it is left alone."""
        try:
            return bool(self.ask(lambda server: server.ping()))
        except Away:
            return False

    def tell(self, change: str) -> None:
        """Announce a change to all who listen. With the server away nobody hears, and everybody sees it in time."""
        try:
            self.ask(lambda server: server.publish(self._channel, change))
        except Away:
            log.info("change not announced", extra={"change": change.partition(" ")[0]})

    def listen(self, heard: Callable[[str], None], stop: threading.Event) -> None:
        """Pass on every change, until `stop` is set; ALL first, and whenever some may have been missed meanwhile."""
        while not stop.is_set():
            try:
                with self._client.pubsub() as ear:  # type: ignore[no-untyped-call]
                    ear.subscribe(self._channel)
                    _pass_on(ear, heard, stop)
            except self._failures as error:
                log.info("changes not heard", extra={"error": type(error).__name__})
            stop.wait(PAUSE_SECONDS)

    def close(self) -> None:
        """Give the connections back."""
        self._client.close()  # type: ignore[no-untyped-call]

    def _require_turn(self) -> None:
        """Raises Away while the server is left alone; when that is over, for all but one."""
        if not self._again_at:
            return
        with self._lock:
            now = time.monotonic()
            if now < self._again_at:
                raise Away
            if self._again_at:
                self._again_at = now + PAUSE_SECONDS

    def _leave(self, error: BaseException) -> None:
        with self._lock:
            was_there, self._again_at = not self._again_at, time.monotonic() + PAUSE_SECONDS
        if was_there:
            log.warning("shared memory away", extra={"error": type(error).__name__})


def _pass_on(ear: PubSub, heard: Callable[[str], None], stop: threading.Event) -> None:
    """Until the server is silent for too long, or gone. A network may swallow a connection without a word."""
    listening = asked = False
    while not stop.is_set():
        said: dict[str, Any] | None = ear.get_message(timeout=QUIET_SECONDS)
        if said is None:
            if asked:
                raise TimeoutError("no answer to a ping")
            ear.ping()
        elif said["type"] == "subscribe":
            listening = True
            heard(ALL)
        elif said["type"] == "message":
            heard(said["data"].decode())
        elif not listening:
            raise ConnectionError("the server lives, and has not heard that we listen")
        asked = said is None


def after_commit(db: Session, act: Callable[[], None]) -> None:
    """Once what this transaction wrote can be read by everybody; not at all when it is rolled back.

    To forget a cached row before is not enough: another thread may read and keep the old one once more until then.
    """
    event.listen(db, "after_commit", lambda _: act(), once=True)
