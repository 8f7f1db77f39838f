"""How many uploads may be under way on one node, whatever the number of replicas."""

from __future__ import annotations

import socket
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from filelock import FileLock, Timeout

from cluster.errors import BUSY, ServiceError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from cluster.settings import Settings

RETRY_AFTER_SECONDS = 2


class UploadGate:
    """``simultaneous_uploads`` places, shared by all processes of this node with the same ``data_dir``.

    Each place is a lock that the kernel holds for its process: a replica that dies frees its places.
    Who finds none free is told to come back; nobody waits here with a body half read.
    """

    def __init__(self, settings: Settings) -> None:
        # data_dir may be shared between nodes; the places are not.
        self._folder = settings.run_dir / "uploads" / socket.gethostname()
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._places = settings.simultaneous_uploads

    @asynccontextmanager
    async def place(self) -> AsyncIterator[None]:
        """Hold a place.

        Raises:
            ServiceError: BUSY.
        """
        lock = self._take()
        try:
            yield
        finally:
            lock.release()

    def _take(self) -> FileLock:
        for number in range(self._places):
            # thread_local off: a request may end in another thread's context than it began in.
            lock = FileLock(
                self._folder / f"place-{number:03d}.lock",
                blocking=False,
                thread_local=False,
                preserve_lock_file=True,
                fallback_to_soft=False,
            )
            try:
                lock.acquire()
            except Timeout:
                continue
            return lock
        raise ServiceError(BUSY, retry_after_seconds=RETRY_AFTER_SECONDS)
