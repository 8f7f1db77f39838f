"""How many documents run at once on one node, whatever the number of evaluators and processes.

Each slot is a lock file held by the kernel for its process: a process that dies, however it dies, frees it.
"""

from __future__ import annotations

import asyncio
import random
import socket
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from filelock import FileLock, Timeout

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from cluster.settings import Settings

FIRST_WAIT_SECONDS = 0.02
LONGEST_WAIT_SECONDS = 0.25
"""Against documents of seconds a quarter of a second is little; 8 waiting evaluators then cost 32 tries a
second."""


class Slots:
    """``running_per_node`` slots shared by all processes of this node that have the same ``data_dir``."""

    def __init__(self, settings: Settings) -> None:
        # data_dir may be shared between nodes; the slots are not.
        self._folder = settings.run_dir / "slots" / socket.gethostname()
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._count = settings.running_per_node

    @asynccontextmanager
    async def acquire(self) -> AsyncIterator[int]:
        """Wait for a free slot and hold it; yields its number from 0. Cancelling the wait holds nothing.

        Waiting costs a few system calls per try, with pauses that grow to a quarter of a second.
        """
        pause = FIRST_WAIT_SECONDS
        while True:
            held = self._try_all()
            if held:
                break
            # Uneven pauses keep waiting processes from trying in step.
            await asyncio.sleep(pause * random.uniform(0.5, 1.0))  # noqa: S311  no secret
            pause = min(pause * 1.5, LONGEST_WAIT_SECONDS)
        number, lock = held
        try:
            yield number
        finally:
            lock.release()

    def _try_all(self) -> tuple[int, FileLock] | None:
        for number in range(self._count):
            # thread_local off: an async task may be finished from another thread than it began in.
            lock = FileLock(
                self._folder / f"slot-{number:02d}.lock",
                blocking=False,
                thread_local=False,
                preserve_lock_file=True,
                fallback_to_soft=False,
            )
            try:
                lock.acquire()
            except Timeout:
                continue
            return number, lock
        return None
