"""Connections to Redis, and the one place where its errors become refusals of the service."""

from __future__ import annotations

import asyncio
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urlsplit

from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.connection import parse_url
from redis.asyncio.retry import Retry
from redis.backoff import ExponentialBackoff
from redis.exceptions import AuthenticationError, NoPermissionError, RedisError, ResponseError
from redis.exceptions import ConnectionError as RedisConnectionError

from cluster.cancellable_connections import CONNECTION_CLASSES
from cluster.embedded_redis import connection_of
from cluster.errors import REDIS_UNAVAILABLE, ServiceError
from cluster.keys import (
    ALIVE_SECONDS,
    DEAD_LETTER_SECONDS,
    DEAD_LETTERS_MAX,
    EVENTS_MAX,
    GROUP,
    OPEN_SECONDS,
    TOMBSTONE_SECONDS,
    Keys,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from cluster.scripts import Argument, Reply, Script
    from cluster.settings import Settings

RETRY_AFTER_SECONDS = 5
COMMAND_CONNECTIONS_MAX = 32
BLOCKING_CONNECTIONS_MAX = 64
RECONNECTIONS = 2

_UNAVAILABLE_REPLIES = (
    "MISCONF",
    "OOM",
    "READONLY",
    "LOADING",
    "BUSY",
    "MASTERDOWN",
    "NOREPLICAS",
    "CLUSTERDOWN",
)
"""Replies of a server that cannot do its work now. Any other error reply is a mistake of ours and is not
disguised."""


@contextmanager
def redis_errors() -> Iterator[None]:
    """Translate "Redis cannot be used now" into ``ServiceError(REDIS_UNAVAILABLE)``.

    Covered: no connection, no answer in time, wrong password, a full disk (MISCONF) or memory (OOM),
    loading. Mistakes of ours go through as they are.
    """
    try:
        yield
    except (AuthenticationError, NoPermissionError) as error:
        raise ServiceError(REDIS_UNAVAILABLE, retry_after_seconds=RETRY_AFTER_SECONDS) from error
    except ResponseError as error:
        # Inside a script the original code may stand further back in the text.
        if not any(code in str(error) for code in _UNAVAILABLE_REPLIES) and type(error) is ResponseError:
            raise
        raise ServiceError(REDIS_UNAVAILABLE, retry_after_seconds=RETRY_AFTER_SECONDS) from error
    except (RedisError, OSError) as error:
        raise ServiceError(REDIS_UNAVAILABLE, retry_after_seconds=RETRY_AFTER_SECONDS) from error


def _client(settings: Settings, *, connections: int, retries: int) -> Redis:
    if settings.redis_url is None:
        address = connection_of(settings)
        if address is None:
            raise ServiceError(REDIS_UNAVAILABLE, retry_after_seconds=RETRY_AFTER_SECONDS)
        settings = settings.with_redis(url=address.url, password=address.password)
    url = settings.redis_url or ""
    secret = settings.redis_password
    # The address decides on host, database and user; the connection class it names is replaced by ours.
    options: dict[str, Any] = {**parse_url(url), "connection_class": CONNECTION_CLASSES[urlsplit(url).scheme]}
    if secret:
        options["password"] = secret.get_secret_value()
    pool = BlockingConnectionPool(
        **options,
        max_connections=connections,
        timeout=settings.redis_timeout_seconds,
        socket_timeout=settings.redis_timeout_seconds,
        socket_connect_timeout=settings.redis_timeout_seconds,
        decode_responses=True,
        protocol=2,
        # Who the client library is, is no business of the server's, and older ones have no permission for it.
        driver_info=None,
        # A connection that broke is made anew and its command sent again, which every script bears. A server
        # that does not answer is not asked again: whoever waits is better told at once.
        retry=Retry(
            ExponentialBackoff(cap=0.2, base=0.02), retries, supported_errors=(RedisConnectionError,)
        ),
    )
    return Redis.from_pool(pool)


@dataclass(frozen=True)
class RedisAccess:
    """Two clients, the keys and the settings: what all parts of the job registry stand on.

    ``blocking`` is for reads that wait: a waiting read must never hold a connection that a finish needs.
    """

    client: Any
    blocking: Any
    keys: Keys
    settings: Settings
    free_waits: asyncio.Semaphore
    """Waiting reads that may still begin without exhausting the connections of ``blocking``."""

    @classmethod
    def open(cls, settings: Settings, *, keys: Keys) -> Self:
        """Make the clients; connects on first use. Without ``redis_url`` the embedded Valkey is looked up.

        Raises:
            ServiceError: REDIS_UNAVAILABLE, no address given and no embedded Valkey started.
        """
        return cls(
            client=_client(settings, connections=COMMAND_CONNECTIONS_MAX, retries=RECONNECTIONS),
            # A read that was sent may have been carried out: it is not sent again, its entries are recovered.
            blocking=_client(settings, connections=BLOCKING_CONNECTIONS_MAX, retries=0),
            keys=keys,
            settings=settings,
            free_waits=asyncio.Semaphore(BLOCKING_CONNECTIONS_MAX // 2),
        )

    def wait_ms(self, wanted_ms: int) -> int:
        """How long a read may wait for ``wanted_ms``: it must end before the socket's own time-out does."""
        return min(wanted_ms, int(self.settings.redis_timeout_seconds * 1000 / 2))

    async def run(
        self,
        script: Script[Reply],
        *,
        job_id: str,
        arguments: Mapping[str, Argument] | None = None,
        extra_keys: tuple[str, ...] = (),
    ) -> Reply:
        """Run ``script`` on the keys of one job, with the arguments that all scripts share.

        Raises:
            ServiceError: REDIS_UNAVAILABLE.
        """
        every: dict[str, Argument] = {
            "job_id": job_id,
            "group": GROUP,
            "ttl_ms": self.settings.ttl_seconds * 1000,
            "alive_ms": ALIVE_SECONDS * 1000,
            "open_ms": OPEN_SECONDS * 1000,
            "tombstone_ms": TOMBSTONE_SECONDS * 1000,
            "events_max": EVENTS_MAX,
            "dead_letters_max": DEAD_LETTERS_MAX,
            "dead_letter_ms": DEAD_LETTER_SECONDS * 1000,
        }
        with redis_errors():
            return await script.run(
                self.client,
                keys=[*self.keys.of_job(job_id), *extra_keys],
                arguments={**every, **(arguments or {})},
            )

    async def close(self) -> None:
        """Close all connections. Harmless to repeat."""
        await self.client.aclose()
        await self.blocking.aclose()
        await self.client.connection_pool.disconnect()
        await self.blocking.connection_pool.disconnect()
