"""A TCP link on loopback that can be made slow, lossy or dead while connections go through it."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

CHUNK_BYTES = 65536
LINGER_OFF = b"\x01\x00\x00\x00\x00\x00\x00\x00"
"""struct linger with a wait of 0: closing sends a reset, as a link that breaks does."""


@dataclass(frozen=True)
class _Mode:
    delay_seconds: float = 0.0
    """Before each piece is passed on, in either direction."""
    cut_after_bytes: int | None = None
    """Of both directions of one connection together; then it is reset."""
    half_closed: bool = False
    """The client reads an end; what it still sends is swallowed."""


class TcpProxy:
    """Listens on ``port`` and passes bytes to and from the target; safe to steer from any thread.

    A new mode holds for connections that exist as well. Each mode replaces the one before it.
    """

    def __init__(self, target_host: str, target_port: int) -> None:
        self._target = (target_host, target_port)
        self._mode = _Mode()
        # Stays bound without listening: while connections are refused nobody else takes the port.
        self._reservation = _bound(0)
        self.port: int = self._reservation.getsockname()[1]
        self.accepted = 0
        """Connections so far."""
        self._server: asyncio.Server | None = None
        self._connections: set[_Connection] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self.pass_through()

    def pass_through(self) -> None:
        """Let everything through at once."""
        self._switch(_Mode(), listening=True)

    def refuse(self) -> None:
        """Reset what is connected and refuse what wants to connect."""
        self._switch(_Mode(), listening=False)

    def delay(self, seconds: float) -> None:
        """Let each piece wait for ``seconds``."""
        self._switch(_Mode(delay_seconds=seconds), listening=True)

    def cut_after(self, size_bytes: int) -> None:
        """Reset each connection once ``size_bytes`` more have gone through it."""
        self._switch(_Mode(cut_after_bytes=size_bytes), listening=True)

    def half_close(self) -> None:
        """Close the way back and swallow what is sent; new connections fare alike."""
        self._switch(_Mode(half_closed=True), listening=True)

    def cut(self) -> None:
        """Reset what is connected now; the mode stays."""
        self._call(self._reset_all)

    def close(self) -> None:
        """Reset everything and stop listening for good."""
        if self._thread.is_alive():
            self.refuse()
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
            self._loop.close()
        self._reservation.close()

    # ------------------------------------------------------------------ in the thread

    def _call(self, action: Callable[[], None]) -> None:
        async def act() -> None:
            action()

        asyncio.run_coroutine_threadsafe(act(), self._loop).result()

    def _switch(self, mode: _Mode, *, listening: bool) -> None:
        asyncio.run_coroutine_threadsafe(self._switched(mode, listening=listening), self._loop).result()

    async def _switched(self, mode: _Mode, *, listening: bool) -> None:
        self._mode = mode
        if not listening:
            if self._server:
                self._server.close()
                self._server = None
            self._reset_all()
        elif self._server is None:
            self._server = await asyncio.start_server(self._serve, sock=_bound(self.port), backlog=256)
        for connection in self._connections:
            connection.passed_bytes = 0
            if mode.half_closed:
                connection.half_close()

    def _reset_all(self) -> None:
        for connection in list(self._connections):
            connection.reset()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.accepted += 1
        try:
            upstream, to_target = await asyncio.open_connection(*self._target)
        except OSError:
            _reset(writer)
            return
        connection = _Connection(client=writer, target=to_target)
        self._connections.add(connection)
        if self._mode.half_closed:
            connection.half_close()
        ways = (self._pass(reader, to_target, connection), self._pass(upstream, writer, connection))
        try:
            with contextlib.suppress(OSError):
                await asyncio.gather(*ways)
        finally:
            self._connections.discard(connection)
            connection.reset()

    async def _pass(
        self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, connection: _Connection
    ) -> None:
        while data := await source.read(CHUNK_BYTES):
            if self._mode.delay_seconds:
                await asyncio.sleep(self._mode.delay_seconds)
            limit = self._mode.cut_after_bytes
            room = len(data) if limit is None else max(0, limit - connection.passed_bytes)
            connection.passed_bytes += len(data)
            if not connection.half_closed:
                sink.write(data[:room])
                await sink.drain()
            if room < len(data):
                break
        # An end on one side is an end of both: no client of ours closes only half.
        if not connection.half_closed:
            connection.reset()


@dataclass(eq=False)
class _Connection:
    client: asyncio.StreamWriter
    target: asyncio.StreamWriter
    passed_bytes: int = 0
    half_closed: bool = False

    def half_close(self) -> None:
        self.half_closed = True
        with contextlib.suppress(OSError):
            self.client.write_eof()

    def reset(self) -> None:
        for writer in (self.client, self.target):
            _reset(writer)


def _reset(writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_OFF)
    writer.transport.abort()


def _bound(port: int) -> socket.socket:
    made = socket.socket()
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    made.bind(("127.0.0.1", port))
    return made
