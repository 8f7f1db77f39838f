"""Which results are known already, and the counters that outlive jobs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from cluster.records import DeadLetter
from cluster.redis_access import RedisAccess, redis_errors
from cluster.scripts import REMEMBER

if TYPE_CHECKING:
    from collections.abc import Mapping

TOTALS = (
    "aggregations_exhausted",
    "cache_hits",
    "callbacks_delivered",
    "callbacks_failed",
    "claims",
    "dead_letters",
    "documents_cancelled",
    "documents_failed",
    "documents_submitted",
    "documents_succeeded",
    "duplicates_different",
    "duplicates_equal",
    "jobs_cancelled",
    "jobs_completed",
    "jobs_deleted",
    "jobs_failed",
    "jobs_submitted",
    "leases_expired",
    "orphaned",
    "retries",
    "superseded",
)
"""Fields of ``pdm:totals``. ``duplicates_different`` above 0 means that the pipeline was not
deterministic."""

SWEEP_BATCH = 500


class Bookkeeping:
    """The result cache, totals, dead letters, and the sweep of the index of jobs."""

    access: RedisAccess

    async def cached(self, result_key: str) -> str | None:
        """What ``remember`` stored for this key, or None. The caller checks that the files are still there.

        Raises:
            ServiceError: REDIS_UNAVAILABLE.
        """
        with redis_errors():
            value: str | None = await self.access.client.get(self.access.keys.result(result_key))
        return value

    async def remember(self, result_key: str, *, value: str, job_id: str) -> bool:
        """Keep ``value`` (e.g. the summary as JSON) for ``ttl_seconds``, or until a job with this result is deleted.

        To be called when the document it comes from has its result, else the deletion does not know of it.

        Returns:
            False: the job it comes from is gone, nothing is kept.

        Raises:
            ServiceError: REDIS_UNAVAILABLE.
        """
        reply = await self.access.run(
            REMEMBER,
            job_id=job_id,
            arguments={"value": value},
            extra_keys=(self.access.keys.result(result_key),),
        )
        return reply.ok

    async def totals(self) -> Mapping[str, int]:
        """Counters since this Redis was first used, true across restarts; every name of ``TOTALS`` is there.

        Raises:
            ServiceError: REDIS_UNAVAILABLE.
        """
        with redis_errors():
            fields = await self.access.client.hgetall(self.access.keys.totals)
        return {name: int(fields.get(name, 0)) for name in TOTALS}

    async def dead_letters(self, *, limit: int = 50) -> tuple[DeadLetter, ...]:
        """The last documents that failed for good after retries, newest first.

        Raises:
            ServiceError: REDIS_UNAVAILABLE.
        """
        with redis_errors():
            letters = await self.access.client.lrange(self.access.keys.dead, 0, limit - 1)
        return tuple(msgspec.json.decode(letter, type=DeadLetter) for letter in letters)

    async def sweep_index(self) -> int:
        """Drop the names of expired jobs from the index and from those that are unfinished; call every few minutes.

        Returns:
            How many were dropped from the index.

        Raises:
            ServiceError: REDIS_UNAVAILABLE.
        """
        await self._drop_expired(self.access.keys.unfinished)
        return await self._drop_expired(self.access.keys.jobs)

    async def _drop_expired(self, index: str) -> int:
        """Drop the names, with or without their owner in front, of jobs that are gone."""
        client, start, dropped = self.access.client, 0, 0
        with redis_errors():
            while names := await client.zrange(index, start, start + SWEEP_BATCH - 1):
                async with client.pipeline(transaction=False) as pipeline:
                    for name in names:
                        pipeline.exists(self.access.keys.job(name.rpartition("/")[2]))
                    found = await pipeline.execute()
                gone = [name for name, there in zip(names, found, strict=True) if not there]
                if gone:
                    # A name never comes back, and a job is there before its name is.
                    await client.zrem(index, *gone)
                start += len(names) - len(gone)
                dropped += len(gone)
        return dropped
