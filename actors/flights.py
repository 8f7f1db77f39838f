"""Equal documents of one batch are evaluated once: the others wait, and are answered from the cache.

A flight is a file lock of this node: a process that dies, however it dies, frees it. Equal documents on two
nodes may both be evaluated; their results are equal, so that costs time only.
"""

from __future__ import annotations

import asyncio
import socket
import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from filelock import FileLock, Timeout

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from actors.watch import Watch
    from cluster.settings import Settings

BUCKET_DIGITS = 3
"""4,096 lock files at most; two different documents in one bucket only wait for each other."""
POLL_SECONDS = 0.05


class Flights:
    """Locks by result key, shared by all processes of this node that have the same ``data_dir``."""

    def __init__(self, settings: Settings) -> None:
        self._folder = settings.run_dir / "flights" / socket.gethostname()
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._patience_seconds = settings.lease_seconds

    @asynccontextmanager
    async def alone(self, result_key: str, *, watch: Watch) -> AsyncIterator[None]:
        """Wait until nobody on this node evaluates ``result_key``, and hold it; at most for one lease.

        A process that is paused keeps its locks: whoever waited for it to the end of its own time would fail,
        although the document has nothing to do with it. After a lease it is evaluated all the same.

        Raises:
            Stopped, LimitExceeded: from ``watch``, while waiting.
        """
        lock = FileLock(
            self._folder / f"{result_key[:BUCKET_DIGITS]}.lock",
            blocking=False,
            thread_local=False,
            preserve_lock_file=True,
            fallback_to_soft=False,
        )
        deadline = time.monotonic() + self._patience_seconds
        while not lock.is_locked and time.monotonic() < deadline:
            watch.check()
            try:
                lock.acquire()
            except Timeout:
                await asyncio.sleep(POLL_SECONDS)
        try:
            yield
        finally:
            lock.release()
