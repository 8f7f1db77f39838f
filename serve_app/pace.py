"""How slowly a body may come, and how much of it: a sender that stops, or trickles, holds a place others wait for."""

from __future__ import annotations

import asyncio
import time
from http.client import REQUEST_ENTITY_TOO_LARGE, REQUEST_TIMEOUT
from typing import TYPE_CHECKING

from starlette.exceptions import HTTPException

if TYPE_CHECKING:
    from starlette.types import Message, Receive

    from cluster.settings import Settings


class Pace:
    """Patience with one sender: it is used up by waiting and won back by bytes, never beyond where it began.

    So silence ends after ``body_silence_seconds``, and a sender below ``body_bytes_per_second_min`` a little later,
    however fast it was before. Only waiting counts: the time this side takes is its own.
    ``most_bytes`` is for bodies that are gathered before they are looked at; None for those that are streamed.
    """

    def __init__(self, settings: Settings, *, most_bytes: int | None) -> None:
        self._left_bytes = most_bytes
        self._most_seconds = self._left_seconds = settings.body_silence_seconds
        self._bytes_per_second = settings.body_bytes_per_second_min

    async def next(self, receive: Receive) -> Message:
        """The next message of a body.

        Raises:
            HTTPException: 408 or 413, which ``serve_app.problems`` makes a problem.
        """
        begun = time.monotonic()
        try:
            async with asyncio.timeout(self._left_seconds):
                message = await receive()
        except TimeoutError:
            # Where FastAPI reads the body itself, no other exception gets through.
            raise HTTPException(REQUEST_TIMEOUT) from None
        size = len(message.get("body", b""))
        if self._left_bytes is not None:
            self._left_bytes -= size
            if self._left_bytes < 0:
                raise HTTPException(REQUEST_ENTITY_TOO_LARGE)
        won = size / self._bytes_per_second
        left = self._left_seconds - (time.monotonic() - begun) + won
        self._left_seconds = min(self._most_seconds, max(0.0, left))
        return message
