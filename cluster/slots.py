"""How many documents run at once on one node, whatever the number of evaluators and processes."""

from __future__ import annotations

import asyncio
import random
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from cluster.places import Places

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from cluster.settings import Settings

FIRST_WAIT_SECONDS = 0.02
LONGEST_WAIT_SECONDS = 0.25
"""Against documents of seconds a quarter of a second is little; 8 waiting evaluators then cost 32 tries a
second."""


class Slots:
    """``running_per_node`` places, for which is waited."""

    def __init__(self, settings: Settings) -> None:
        self.places = Places(settings, kind="slots", count=settings.running_per_node)

    @asynccontextmanager
    async def acquire(self) -> AsyncIterator[int]:
        """Wait for a free slot and hold it; yields its number from 0. Cancelling the wait holds nothing.

        Waiting costs a few system calls per try, with pauses that grow to a quarter of a second.
        """
        pause = FIRST_WAIT_SECONDS
        while True:
            held = self.places.take()
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
