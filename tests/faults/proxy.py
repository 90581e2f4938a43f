"""A network that can be told to fail: a TCP proxy on loopback, between the service and its database or mail server."""

from __future__ import annotations

import asyncio
import threading
from enum import StrEnum

from tests.support.ports import free_port


class Network(StrEnum):
    PASS = "pass"
    SLOW = "slow"  # every answer comes `delay` seconds late
    SILENT = "silent"  # a black hole: what is sent arrives nowhere, and nothing is said about it
    RESET = "reset"  # connections are cut, and new ones are cut at once
    HALF = "half"  # the far end has stopped sending, and still listens
    CUT = "cut"  # what is asked arrives; the answer is lost, and the connection with it


class Proxy:
    """Started on construction. `network` may be set at any time and holds for connections that are open, too."""

    # The delay is longer than a request waits for the database in all, so that one answer is enough of it.
    def __init__(self, target_port: int, *, delay: float = 3.5) -> None:
        self.port = free_port()
        self.delay = delay
        self._target_port = target_port
        self._network = Network.PASS
        self._open: set[asyncio.StreamWriter] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._server = asyncio.run_coroutine_threadsafe(self._listen(), self._loop).result()

    @property
    def network(self) -> Network:
        return self._network

    @network.setter
    def network(self, network: Network) -> None:
        self._network = network
        if network is Network.RESET:
            self._loop.call_soon_threadsafe(self._abort)

    def lead_to(self, port: int) -> None:
        """New connections go there; those that are open are cut."""
        self._target_port = port
        self._loop.call_soon_threadsafe(self._abort)

    def stop(self) -> None:
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    async def _listen(self) -> asyncio.Server:
        return await asyncio.start_server(self._accept, "127.0.0.1", self.port)

    async def _end(self) -> None:
        self._server.close()
        self._abort()
        connections = asyncio.all_tasks() - {asyncio.current_task()}
        for one in connections:
            one.cancel()
        await asyncio.gather(*connections, return_exceptions=True)

    def _abort(self) -> None:
        for writer in list(self._open):
            writer.transport.abort()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.add(writer)
        far: asyncio.StreamWriter | None = None
        try:
            if self._network is Network.RESET:
                writer.transport.abort()
                return
            far_reader, far = await asyncio.open_connection("127.0.0.1", self._target_port)
            self._open.add(far)
            await asyncio.gather(self._asked(reader, far), self._answered(far_reader, writer))
        except OSError:
            pass
        finally:
            for one in (writer, far):
                if one is not None:
                    one.transport.abort()
                    self._open.discard(one)

    async def _asked(self, reader: asyncio.StreamReader, far: asyncio.StreamWriter) -> None:
        while data := await reader.read(65536):
            if self._network is not Network.SILENT:
                far.write(data)
                await far.drain()
        far.transport.abort()

    async def _answered(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65536):
            if self._network is Network.SLOW:
                await asyncio.sleep(self.delay)
            if self._network is Network.CUT:
                writer.transport.abort()
            elif self._network is Network.HALF:
                writer.write_eof()
                return
            elif self._network is not Network.SILENT:
                writer.write(data)
                await writer.drain()
        writer.transport.abort()
