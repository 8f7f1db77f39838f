"""How many uploads may be under way on one node, whatever the number of replicas."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from cluster.errors import BUSY, ServiceError
from cluster.places import Places

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from cluster.settings import Settings

RETRY_AFTER_SECONDS = 2


class UploadGate:
    """``simultaneous_uploads`` places. Who finds none free is told to come back: nobody waits with a body half read."""

    def __init__(self, settings: Settings) -> None:
        self._places = Places(settings, kind="uploads", count=settings.simultaneous_uploads)

    @asynccontextmanager
    async def place(self) -> AsyncIterator[None]:
        """Hold a place.

        Raises:
            ServiceError: BUSY.
        """
        held = self._places.take()
        if held is None:
            raise ServiceError(BUSY, retry_after_seconds=RETRY_AFTER_SECONDS)
        _, lock = held
        try:
            yield
        finally:
            lock.release()
