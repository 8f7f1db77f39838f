"""Waiting for the registry: what must be told is told until it is answered."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from tenacity import AsyncRetrying, retry_if_exception, wait_random_exponential

from cluster.errors import REDIS_UNAVAILABLE, ServiceError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

PAUSE_MAX_SECONDS = 3.0

Answer = TypeVar("Answer")


def is_redis_away(error: BaseException) -> bool:
    """Whether the registry cannot be reached at this moment."""
    return isinstance(error, ServiceError) and error.refusal is REDIS_UNAVAILABLE


async def until_answered(call: Callable[[], Awaitable[Answer]]) -> Answer:
    """Repeat a call of the registry until it is answered: its effect is fenced, a repetition is harmless."""
    async for attempt in AsyncRetrying(
        retry=retry_if_exception(is_redis_away),
        wait=wait_random_exponential(multiplier=0.1, max=PAUSE_MAX_SECONDS),
        reraise=True,
    ):
        with attempt:
            return await call()
    raise AssertionError("unreachable")  # pragma: no cover
