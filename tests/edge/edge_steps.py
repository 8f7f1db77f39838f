"""Steps of the tests at the edge: crowds of badly behaved connections, and waiting."""

from __future__ import annotations

import contextlib
import selectors
import socket
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

import psutil
import pytest

from cluster import lifecycle

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from cluster.settings import Settings

PATIENCE_SECONDS = 90.0
"""A busy machine starts a replica in ten seconds or more."""
FIELDS = {"municipality": "Pasto", "department": "Nariño", "year": "2024", "period": "2024-2027"}
SMALL_BUFFER_BYTES = 4096


def until(condition: Callable[[], object], message: str) -> None:
    """Wait until ``condition`` holds."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        if time.monotonic() > deadline:
            pytest.fail(f"waited {PATIENCE_SECONDS:.0f} s for: {message}")
        time.sleep(0.05)


def pdf(size: int = 2048, *, mark: str = "") -> bytes:
    """Bytes that pass for a PDF at the door; ``mark`` makes them differ."""
    head = b"%PDF-1.7\n% " + mark.encode() + b"\n"
    return head + b"x" * (size - len(head))


def uploads_in(settings: Settings) -> set[Path]:
    """Every file of uploads, finished or not, that the storage holds."""
    root = settings.data_dir / "storage"
    return {path for kind in ("uploads", "temporary") for path in (root / kind).rglob("*") if path.is_file()}


@dataclass(slots=True)
class Guest:
    """One connection: what it got, and when it was closed by the other side (seconds since it was opened)."""

    socket: socket.socket
    opened: float
    got: bytearray = field(default_factory=bytearray)
    closed_after_seconds: float | None = None


def held_by_proxy(keeper_pid: int, crowd: Crowd) -> int:
    """How many connections of a crowd HAProxy still has.

    What the kernel has taken from a program goes on to a slow reader after the program has closed.
    """
    ours = {guest.socket.getsockname()[1] for guest in crowd.guests}
    held = 0
    for process in psutil.Process(keeper_pid).children(recursive=True):
        with contextlib.suppress(psutil.Error):
            if process.name() == "haproxy":
                there = [found.raddr.port for found in process.net_connections("tcp") if found.raddr]
                held += len(ours.intersection(there))
    return held


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
                    if guest.closed_after_seconds is None and self._drip:
                        self._attempt(guest, lambda guest=guest: guest.socket.send(self._drip))
                for key, _ in selector.select(0):
                    guest = key.data
                    if guest.closed_after_seconds is None:
                        self._attempt(guest, lambda guest=guest: self._sip(guest))
                    if guest.closed_after_seconds is not None:
                        selector.unregister(guest.socket)

    def _sip(self, guest: Guest) -> None:
        data = guest.socket.recv(self._sip_bytes)
        if not data:
            raise ConnectionResetError
        guest.got += data

    @staticmethod
    def _attempt(guest: Guest, act: Callable[[], object]) -> None:
        try:
            act()
        except BlockingIOError:
            return
        except OSError:
            guest.closed_after_seconds = time.monotonic() - guest.opened


class Watched:
    """The most memory that the upload replica and HAProxy take beyond the beginning, in bytes."""

    def __init__(self, settings: Settings, keeper_pid: int) -> None:
        (replica,) = (found for found in lifecycle.replicas(settings) if found.application == "upload")
        below = psutil.Process(keeper_pid).children(recursive=True)
        self._processes = [psutil.Process(replica.pid), *(one for one in below if one.name() == "haproxy")]
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch)
        self._first = self._most = self._now()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    @property
    def growth_bytes(self) -> int:
        return self._most - self._first

    def _watch(self) -> None:
        while not self._over.wait(0.05):
            self._most = max(self._most, self._now())

    def _now(self) -> int:
        total = 0
        for process in self._processes:
            try:
                total += process.memory_info().rss
            except psutil.NoSuchProcess:
                continue
        return total
