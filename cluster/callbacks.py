"""Telling senders that a job has ended: what is due, who may try, how it went. The job itself holds it all."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cluster.identifiers import new_nonce
from cluster.records import CallbackClaim, CallbackState
from cluster.redis_access import RedisAccess, redis_errors
from cluster.scripts import CLAIM_CALLBACK, END_CALLBACK

if TYPE_CHECKING:
    from datetime import timedelta

LEASE_MS = 30_000
"""Longer than an attempt may take with all its time-outs; a sender that died is followed by another one then."""


class Callbacks:
    """A job that asked for a callback and has ended waits in ``pdm:callbacks`` until that was delivered or given up."""

    access: RedisAccess

    async def callbacks_due(self, *, limit: int = 20) -> tuple[str, ...]:
        """Jobs whose callback may be tried now, the longest waiting first.

        Raises:
            ServiceError: REDIS_UNAVAILABLE.
        """
        with redis_errors():
            seconds, micros = await self.access.client.time()
            now_ms = int(seconds) * 1000 + int(micros) // 1000
            due = await self.access.client.zrangebyscore(
                self.access.keys.callbacks, "-inf", now_ms, start=0, num=limit
            )
        return tuple(due)

    async def claim_callback(self, job_id: str, *, nonce: str | None = None) -> CallbackClaim | None:
        """Take the right to the next attempt; None: somebody else has it, or there is nothing to do.

        ``nonce`` is as for ``claim``: a repetition gets the attempt that the first call began.

        Raises:
            ServiceError: REDIS_UNAVAILABLE; the attempt may have begun. Repeat with the same ``nonce``.
        """
        reply = await self.access.run(
            CLAIM_CALLBACK, job_id=job_id, arguments={"lease_ms": LEASE_MS, "nonce": nonce or new_nonce()}
        )
        return CallbackClaim(job_id, reply.attempt) if reply.attempt else None

    async def end_callback(
        self, claim: CallbackClaim, *, error: str = "", retry_in: timedelta | None = None
    ) -> bool:
        """Note how the attempt went: delivered without ``error``, else failed for good, or tried again ``retry_in``.

        Returns:
            Whether it counts: a later attempt may have been given out meanwhile.

        Raises:
            ServiceError: REDIS_UNAVAILABLE (repeat).
        """
        ended = (CallbackState.FAILED if error else CallbackState.DELIVERED).value
        reply = await self.access.run(
            END_CALLBACK,
            job_id=claim.job_id,
            arguments={
                "attempt": claim.attempt,
                "outcome": ended if retry_in is None else "retry",
                "error": error,
                "delay_ms": 0 if retry_in is None else int(retry_in.total_seconds() * 1000),
            },
        )
        return reply.ok
