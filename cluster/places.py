"""A limited number of places on one node, shared by all its processes that have the same ``data_dir``.

Each place is a lock file that the kernel holds for its process: a process that dies, however it dies, frees it.
"""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

from filelock import FileLock, Timeout

if TYPE_CHECKING:
    from cluster.settings import Settings


class Places:
    """``count`` places of a kind."""

    def __init__(self, settings: Settings, *, kind: str, count: int) -> None:
        # data_dir may be shared between nodes; the places are not.
        self._folder = settings.run_dir / kind / socket.gethostname()
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._count = count

    def take(self) -> tuple[int, FileLock] | None:
        """The number, from 0, of a free place and what has to be released; None when none is free. Never waits."""
        for number in range(self._count):
            # thread_local off: an async task may be finished from another thread than it began in.
            lock = FileLock(
                self._folder / f"{number:03d}.lock",
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
