"""What an evaluator does with a document: claim, renew, report progress, finish or fail."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import msgspec

from cluster.errors import ATTEMPTS_EXHAUSTED
from cluster.failpoints import Failpoint, reach
from cluster.identifiers import new_nonce
from cluster.queueing import PAST_ANY_LEASE
from cluster.records import (
    Claim,
    ClaimRefused,
    DocumentSummary,
    Finish,
    JobMetadata,
    QueueEntry,
    RefusalReason,
)
from cluster.retry_delays import retry_delay_seconds
from cluster.scripts import CLAIM, FAIL, FINISH, PROGRESS, RENEW, STOP, Ended

if TYPE_CHECKING:
    from collections.abc import Callable

    from cluster.redis_access import RedisAccess


class Leases:
    """The life of one attempt. Only the latest attempt of a document may write; anything older is refused.

    All calls may be repeated after REDIS_UNAVAILABLE, ``claim`` (with its nonce), ``finish`` and ``fail`` until
    they are answered: a repetition finds its own change done.
    """

    access: RedisAccess
    chance: Callable[[], float] = staticmethod(random.random)
    """Jitter of retries, 0 to 1; replaced in tests."""

    async def claim(
        self, entry: QueueEntry, *, worker_id: str, nonce: str | None = None
    ) -> Claim | ClaimRefused:
        """Begin the next attempt of a document, with a lease of ``lease_seconds``.

        A refusal needs no further action: the entry has been settled. ``EXHAUSTED`` and ``CANCELLED`` have
        just ended the document and may make the job ready to aggregate (``last``). ``nonce``, from
        ``new_nonce``, names this wish to claim: a repetition with the same one gets the
        attempt that the first call began, if its reply was lost, and burns none.

        Raises:
            ServiceError: REDIS_UNAVAILABLE; the attempt may have begun. Repeat with the same ``nonce``.
        """
        settings = self.access.settings
        reply = await self.access.run(
            CLAIM,
            job_id=entry.job_id,
            arguments={
                "document_id": entry.document_id,
                "entry_id": entry.entry_id,
                "deliveries": entry.deliveries,
                "worker": worker_id,
                "nonce": nonce or new_nonce(),
                "lease_ms": self._lease,
                "max_attempts": settings.max_attempts,
                "exhausted_code": ATTEMPTS_EXHAUSTED.code,
                "exhausted_sentence": ATTEMPTS_EXHAUSTED.sentence,
            },
        )
        reach(Failpoint.DOCUMENT_CLAIMED, settings=settings)
        if reply.refused:
            return ClaimRefused(RefusalReason(reply.refused), last=reply.last)
        return Claim(
            entry=entry,
            attempt=reply.attempt,
            worker_id=worker_id,
            name=reply.name,
            sha256=reply.sha256,
            size_bytes=reply.size,
            metadata=msgspec.json.decode(reply.metadata, type=JobMetadata),
            queued_seconds=max(0.0, (reply.now_ms - reply.queued_ms) / 1000),
        )

    async def renew(self, claim: Claim) -> bool:
        """Extend the lease by ``lease_seconds`` from now; call every ``lease_renewal_seconds``.

        Returns:
            False: stop working on it (lost to a later attempt, cancelled or deleted), then call ``stop``.

        Raises:
            ServiceError: REDIS_UNAVAILABLE; go on working, the lease may still be alive.
        """
        reply = await self.access.run(
            RENEW, job_id=claim.job_id, arguments={**self._of(claim), "lease_ms": self._lease}
        )
        return not reply.refused

    async def progress(self, claim: Claim, *, step: int, total: int, node: str) -> bool:
        """Note that the attempt works on ``step`` of ``total``, named ``node``; clients see it as an event.

        Returns:
            False: stop working on it, as for ``renew``.

        Raises:
            ServiceError: REDIS_UNAVAILABLE; progress may be skipped.
        """
        reply = await self.access.run(
            PROGRESS,
            job_id=claim.job_id,
            arguments={**self._of(claim), "step": step, "total_steps": total, "node": node},
        )
        return not reply.refused

    async def finish(self, claim: Claim, *, summary: DocumentSummary) -> Finish:
        """Hand in the result; the artifacts must be in storage before.

        The first valid result wins. ``DUPLICATE``: another attempt was first (the results are compared and
        counted); ``CANCELLED``: the job was cancelled, the document is now final as such.

        Raises:
            ServiceError: REDIS_UNAVAILABLE; repeat until answered.
        """
        reply = await self.access.run(
            FINISH,
            job_id=claim.job_id,
            arguments={
                **self._of(claim),
                "result_hash": summary.result_hash,
                "summary": msgspec.json.encode(summary).decode(),
                "cached": int(summary.cached),
            },
        )
        reach(Failpoint.RESULT_TAKEN, settings=self.access.settings)
        return _finish(reply)

    async def fail(
        self,
        claim: Claim,
        *,
        code: str,
        sentence: str,
        retryable: bool,
        reference: str,
        attempts_max: int | None = None,
    ) -> Finish:
        """Report that the attempt failed; with attempts left, a retryable failure is retried after a delay.

        A retryable failure of the last attempt also becomes a dead letter. ``attempts_max`` is for failures
        that deserve fewer attempts than the settings allow.

        Raises:
            ServiceError: REDIS_UNAVAILABLE; repeat until answered.
        """
        settings = self.access.settings
        delay = retry_delay_seconds(claim.attempt, settings=settings, chance=self.chance())
        reply = await self.access.run(
            FAIL,
            job_id=claim.job_id,
            arguments={
                **self._of(claim),
                "code": code,
                "sentence": sentence,
                "reference": reference,
                "retryable": int(retryable),
                "delay_ms": int(delay * 1000),
                "max_attempts": min(settings.max_attempts, attempts_max or settings.max_attempts),
            },
        )
        return _finish(reply)

    async def stop(self, claim: Claim) -> Finish:
        """End the attempt without result.

        Call it after ``renew`` or ``progress`` said False, or when the evaluator must leave. A cancelled
        job's document becomes final. Otherwise, if the attempt is still the latest, the document goes back
        to the queue at once and the attempt is not counted (``will_retry``).

        Raises:
            ServiceError: REDIS_UNAVAILABLE; the lease will end by itself.
        """
        reply = await self.access.run(
            STOP, job_id=claim.job_id, arguments={**self._of(claim), "idle_ms": self._lease * PAST_ANY_LEASE}
        )
        return _finish(reply)

    # ------------------------------------------------------------------ parts

    @property
    def _lease(self) -> int:
        return int(self.access.settings.lease_seconds * 1000)

    @staticmethod
    def _of(claim: Claim) -> dict[str, str | int]:
        return {"document_id": claim.document_id, "attempt": claim.attempt}


def _finish(reply: Ended) -> Finish:
    return Finish(
        applied=reply.applied,
        last=reply.last,
        reason=RefusalReason(reply.reason) if reply.reason else None,
        will_retry=reply.will_retry,
        retry_in_seconds=reply.retry_ms / 1000,
    )
