"""Connections that behave badly together: for ``benchmarks.uploads`` and for the tests at the edge."""

from __future__ import annotations

import selectors
import socket
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Callable

SMALL_BUFFER_BYTES = 4096


@dataclass(slots=True)
class Guest:
    """One connection: what it got, and when it was closed by the other side (seconds since it was opened)."""

    socket: socket.socket
    opened: float
    got: bytearray = field(default_factory=bytearray)
    closed_after_seconds: float | None = None


class Crowd:
    """Many connections that behave badly together, in a thread of their own until the block ends.

    Each sends ``head`` at once, then ``drip`` every ``drip_seconds``, and reads up to ``sip_bytes`` as often.
    """

    def __init__(
        self,
        port: int,
        *,
        count: int,
        head: bytes,
        drip: bytes = b"",
        sip_bytes: int = 65536,
        drip_seconds: float = 1,
    ) -> None:
        self._port, self._count, self._head = port, count, head
        self._drip, self._sip_bytes, self._drip_seconds = drip, sip_bytes, drip_seconds
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._behave, daemon=True)
        self.guests: list[Guest] = []

    def __enter__(self) -> Self:
        for _ in range(self._count):
            guest = socket.socket()
            # What the kernel takes for us would look like reading.
            guest.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SMALL_BUFFER_BYTES)
            guest.connect(("127.0.0.1", self._port))
            guest.sendall(self._head)
            guest.settimeout(0)
            self.guests.append(Guest(guest, time.monotonic()))
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()
        for guest in self.guests:
            guest.socket.close()

    @property
    def living(self) -> int:
        """How many have not been closed by the other side."""
        return sum(guest.closed_after_seconds is None for guest in self.guests)

    @property
    def last_closed_after_seconds(self) -> float:
        """How long the most patient one was kept."""
        return max(guest.closed_after_seconds or float("inf") for guest in self.guests)

    def _behave(self) -> None:
        with selectors.DefaultSelector() as selector:
            for guest in self.guests:
                selector.register(guest.socket, selectors.EVENT_READ, guest)
            while not self._over.wait(self._drip_seconds):
                for guest in self.guests:
                    if self._drip:
                        self._attempt(guest, self._send)
                for key, _ in selector.select(0):
                    self._attempt(key.data, self._sip)
                    if key.data.closed_after_seconds is not None:
                        selector.unregister(key.data.socket)

    def _send(self, guest: Guest) -> None:
        guest.socket.send(self._drip)

    def _sip(self, guest: Guest) -> None:
        data = guest.socket.recv(self._sip_bytes)
        if not data:
            raise ConnectionResetError
        guest.got += data

    @staticmethod
    def _attempt(guest: Guest, act: Callable[[Guest], None]) -> None:
        if guest.closed_after_seconds is not None:
            return
        try:
            act(guest)
        except BlockingIOError:
            return
        except OSError:
            guest.closed_after_seconds = time.monotonic() - guest.opened
