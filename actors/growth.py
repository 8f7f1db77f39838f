"""An evaluator whose memory has grown leaves the pool between two documents; Serve puts a new one in its place."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

import psutil
import ray
import structlog

from cluster import metrics

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

log = structlog.get_logger("evaluator")

KEPT_BYTES = 96 * 2**20
"""So much more than at the start an evaluator keeps from one document to the next."""


class Growth:
    """Knows how large this process was when it was made, who is with it, and when it is time to leave."""

    def __init__(self, most_bytes: int) -> None:
        self._most_bytes = most_bytes
        self._process = psutil.Process()
        self._first_bytes = self._process.memory_info().rss
        self._calls = 0
        self._alone = asyncio.Event()
        self._leave: asyncio.Task[None] | None = None

    @property
    def leaving(self) -> bool:
        """Nothing new may be begun here."""
        return self._leave is not None

    @contextlib.contextmanager
    def inside(self) -> Iterator[None]:
        """Around each call: while one is there, the process stays."""
        self._calls += 1
        self._alone.clear()
        try:
            yield
        finally:
            self._calls -= 1
            if not self._calls:
                self._alone.set()

    def look(self, *, give_back: Callable[[], None]) -> None:
        """After a document: leave once nobody is here any more, if the process has grown too much.

        Args:
            give_back: returns to the system what is free; not asked for while it is little, since the next document
                needs as much.
        """
        grown = self._grown()
        if grown > KEPT_BYTES:
            give_back()
            grown = self._grown()
        if grown > self._most_bytes and not self.leaving:
            log.warning("evaluator_outgrown", grown_bytes=grown, most_bytes=self._most_bytes)
            metrics.add(metrics.EVALUATORS_OUTGROWN)
            self._leave = asyncio.get_running_loop().create_task(self._leave_when_alone())

    def _grown(self) -> int:
        return self._process.memory_info().rss - self._first_bytes

    async def _leave_when_alone(self) -> None:
        await self._alone.wait()
        # As Serve itself ends a replica that has nothing to do; what is under way (nothing) would be waited for.
        ray.get_runtime_context().current_actor.__ray_terminate__.remote()
