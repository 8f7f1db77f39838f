"""Steps of the tests at the edge: crowds of badly behaved connections, and waiting."""

from __future__ import annotations

import contextlib
import threading
import time
from typing import TYPE_CHECKING, Self

import psutil
import pytest

from benchmarks.stored_files import stored_uploads
from cluster import lifecycle

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from benchmarks.crowds import Crowd
    from cluster.settings import Settings

PATIENCE_SECONDS = 90.0
"""A busy machine starts a replica in ten seconds or more."""
FIELDS = {"municipality": "Pasto", "department": "Nariño", "year": "2024", "period": "2024-2027"}


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
    return stored_uploads(settings.data_dir / "storage")


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
