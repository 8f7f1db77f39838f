"""Completing a job after its last document: a right taken for one lease, so that it outlives aggregators."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from cluster.errors import JOB_NOT_FOUND, ServiceError
from cluster.failpoints import Failpoint, reach
from cluster.identifiers import new_nonce
from cluster.records import AggregationClaim, JobState
from cluster.redis_access import RedisAccess, redis_errors
from cluster.scripts import CLAIM_AGGREGATION, COMPLETE, RENEW_AGGREGATION

if TYPE_CHECKING:
    from collections.abc import Mapping


class Aggregation:
    """A job whose documents are all final waits in ``pdm:aggregation`` until somebody has completed it."""

    access: RedisAccess

    async def jobs_to_aggregate(self, *, limit: int = 20) -> tuple[str, ...]:
        """Jobs that an aggregator may take now, the longest waiting first; none that are under way.

        Raises:
            ServiceError: REDIS_UNAVAILABLE.
        """
        with redis_errors():
            seconds, micros = await self.access.client.time()
            now_ms = int(seconds) * 1000 + int(micros) // 1000
            due = await self.access.client.zrangebyscore(
                self.access.keys.aggregation, "-inf", now_ms, start=0, num=limit
            )
        return tuple(due)

    async def claim_aggregation(self, job_id: str, *, nonce: str | None = None) -> AggregationClaim | None:
        """Take the right to complete a job for ``lease_seconds``; None: somebody else has it, or it is done.

        A job whose aggregators died ``max_attempts`` times is ended here, without a summary. ``nonce`` is as for
        ``claim``: a repetition gets what the first call took.

        Raises:
            ServiceError: REDIS_UNAVAILABLE; the right may have been taken. Repeat with the same ``nonce``.
        """
        reply = await self.access.run(
            CLAIM_AGGREGATION,
            job_id=job_id,
            arguments={
                "lease_ms": int(self.access.settings.lease_seconds * 1000),
                "max_attempts": self.access.settings.max_attempts,
                "nonce": nonce or new_nonce(),
            },
        )
        return AggregationClaim(job_id, reply.attempt) if reply.attempt else None

    async def renew_aggregation(self, claim: AggregationClaim) -> bool:
        """Extend the right by ``lease_seconds``; False: it was lost, stop.

        Raises:
            ServiceError: REDIS_UNAVAILABLE.
        """
        reply = await self.access.run(
            RENEW_AGGREGATION,
            job_id=claim.job_id,
            arguments={"attempt": claim.attempt, "lease_ms": int(self.access.settings.lease_seconds * 1000)},
        )
        return reply.renewed

    async def complete(self, claim: AggregationClaim, *, summary: Mapping[str, Any]) -> JobState:
        """End the job: ``completed`` when every document succeeded, else ``failed``.

        It expires ``ttl_seconds`` later. ``summary`` must be JSON. A job that is already final, or that a
        later aggregator has taken, stays as
        it is.

        Returns:
            The state of the job now.

        Raises:
            ServiceError: JOB_NOT_FOUND when it was deleted meanwhile, REDIS_UNAVAILABLE (repeat).
        """
        reach(Failpoint.SUMMARY_MADE, settings=self.access.settings)
        reply = await self.access.run(
            COMPLETE,
            job_id=claim.job_id,
            arguments={"attempt": claim.attempt, "summary": msgspec.json.encode(summary).decode()},
        )
        if reply.state is None:
            raise ServiceError(JOB_NOT_FOUND)
        return JobState(reply.state)
