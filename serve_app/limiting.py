"""How much a client may ask for: files and bytes, other calls, documents that have not ended, wrong keys.

Counters stand in Redis under our prefix, each with a TTL of its window. Windows are fixed: around the border of
two a client may get twice the amount. Without Redis uploads are refused, because nothing could be accepted
anyway; other calls are counted in this process alone.
"""

from __future__ import annotations

import asyncio
import math
import time
from typing import TYPE_CHECKING

import structlog
from limits import RateLimitItemPerDay, RateLimitItemPerMinute
from limits.aio.storage import MemoryStorage, RedisStorage
from limits.aio.strategies import FixedWindowRateLimiter

from cluster.errors import (
    TOO_MANY_BYTES,
    TOO_MANY_REQUESTS,
    TOO_MANY_UNFINISHED,
    TOO_MANY_UPLOADS,
    TOO_MANY_WRONG_KEYS,
    Refusal,
    ServiceError,
)
from cluster.redis_access import redis_errors

if TYPE_CHECKING:
    from collections.abc import Callable

    from limits import RateLimitItem

    from cluster.jobs import JobStore
    from cluster.settings import Settings

log = structlog.get_logger()

WRONG_KEYS_PER_MINUTE = 20
"""From one address, counted in each process: enough for somebody who mistypes, little for somebody who guesses."""
REDIS_WAIT_SECONDS = 0.3
"""A call that only asks must not wait for a counter that does not come, and for its answer as well."""
UNFINISHED_RETRY_SECONDS = 60


class Limits:
    """The limits of all clients, as one HTTP application counts them. For one event loop."""

    def __init__(self, settings: Settings, *, store_of: Callable[[], JobStore]) -> None:
        self._settings = settings
        self._store_of = store_of
        self._shared: FixedWindowRateLimiter | None = None
        self._local = FixedWindowRateLimiter(MemoryStorage())
        self._requests = RateLimitItemPerMinute(settings.requests_per_minute, namespace="requests")
        self._uploads = RateLimitItemPerMinute(settings.uploads_per_minute, namespace="uploads")
        self._bytes = RateLimitItemPerDay(settings.upload_bytes_per_day, namespace="bytes")
        self._wrong = RateLimitItemPerMinute(WRONG_KEYS_PER_MINUTE, namespace="wrong")

    async def request(self, client: str) -> None:
        """Count a call that brings no file.

        Raises:
            ServiceError: TOO_MANY_REQUESTS.
        """
        limiter = self._local
        try:
            async with asyncio.timeout(REDIS_WAIT_SECONDS):
                with redis_errors():
                    allowed = await self._in_redis().hit(self._requests, client)
                    limiter = self._in_redis()
        except (ServiceError, TimeoutError):
            log.warning("limits_counted_locally", client=client)
            allowed = await self._local.hit(self._requests, client)
        if not allowed:
            raise await _refused(TOO_MANY_REQUESTS, limiter, item=self._requests, client=client)

    async def upload(self, client: str, *, size_bytes: int) -> None:
        """Count the declared bytes of an upload before any of them is read; its files are counted by ``file``.

        Raises:
            ServiceError: TOO_MANY_BYTES, TOO_MANY_UNFINISHED, REDIS_UNAVAILABLE.
        """
        if await self._store_of().unfinished_documents(client) >= self._settings.unfinished_documents_max:
            raise ServiceError(TOO_MANY_UNFINISHED, retry_after_seconds=UNFINISHED_RETRY_SECONDS)
        await self._take(self._uploads, client, cost=0, refusal=TOO_MANY_UPLOADS)
        await self._take(self._bytes, client, cost=size_bytes, refusal=TOO_MANY_BYTES)

    async def file(self, client: str) -> None:
        """Count one file.

        Raises:
            ServiceError: TOO_MANY_UPLOADS, REDIS_UNAVAILABLE.
        """
        await self._take(self._uploads, client, cost=1, refusal=TOO_MANY_UPLOADS)

    async def wrong_key(self, address: str) -> None:
        """Count a key that is none. Right ones are not asked: nobody locks out a neighbour by guessing.

        Raises:
            ServiceError: TOO_MANY_WRONG_KEYS.
        """
        if not await self._local.hit(self._wrong, address):
            raise await _refused(TOO_MANY_WRONG_KEYS, self._local, item=self._wrong, client=address)

    async def _take(self, item: RateLimitItem, client: str, *, cost: int, refusal: Refusal) -> None:
        limiter = self._in_redis()
        with redis_errors():
            # Asked first: what is refused must not use up what is left for something smaller.
            allowed = await limiter.test(item, client, cost=max(1, cost))
            if allowed and cost:
                await limiter.hit(item, client, cost=cost)
            if not allowed:
                raise await _refused(refusal, limiter, item=item, client=client)

    def _in_redis(self) -> FixedWindowRateLimiter:
        if self._shared is None:
            access = self._store_of().access
            storage = RedisStorage(
                "redis://",
                implementation="redispy",
                key_prefix=access.keys.limit_prefix,
                connection_pool=access.client.connection_pool,
            )
            self._shared = FixedWindowRateLimiter(storage)
        return self._shared


async def _refused(
    refusal: Refusal, limiter: FixedWindowRateLimiter, *, item: RateLimitItem, client: str
) -> ServiceError:
    window = await limiter.get_window_stats(item, client)
    wait = max(1, math.ceil(window.reset_time - time.time()))
    return ServiceError(refusal, retry_after_seconds=wait)
