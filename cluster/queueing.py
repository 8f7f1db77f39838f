"""The queue as dispatchers see it: reading, giving back, recovering, promoting."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from redis.exceptions import ResponseError

from cluster.keys import GROUP, split_member
from cluster.records import QueueEntry, QueueFigures
from cluster.redis_access import RedisAccess, redis_errors
from cluster.retry_delays import retry_delay_seconds
from cluster.scripts import HOLD, PROMOTE, RELEASE

if TYPE_CHECKING:
    from collections.abc import Sequence

PROMOTED_PER_CALL = 100
PAST_ANY_LEASE = 2


class Queue:
    """The stream ``pdm_evaluation_queue`` and its consumer group.

    An entry that was read stays with the group until its document is final or retried. It comes back through
    ``recover_expired`` once nobody has renewed it for ``lease_seconds``: neither an evaluator its lease, nor
    the dispatcher (by ``hold``) an entry that still waits for an evaluator. One mechanism covers a dispatcher
    that died with entries in its hands and an evaluator that died with a claim.
    """

    access: RedisAccess

    async def next_entries(self, *, consumer: str, count: int, block_ms: int) -> tuple[QueueEntry, ...]:
        """New entries in order of arrival, at most ``count``, waiting up to ``block_ms`` for the first.

        ``consumer`` should be a stable name of the dispatcher. The wait is cut below the Redis time-out: call
        in a loop. A lost reply loses no entry: it comes back by ``recover_expired``.

        Raises:
            ServiceError: REDIS_UNAVAILABLE.
        """
        wait_ms = self.access.wait_ms(block_ms)
        with redis_errors():
            try:
                answer = await self.access.blocking.xreadgroup(
                    GROUP,
                    consumer,
                    {self.access.keys.queue: ">"},
                    count=count,
                    block=wait_ms if wait_ms > 0 else None,
                )
            except ResponseError as error:
                if "NOGROUP" not in str(error):
                    raise
                # Redis lost its data, or was replaced by an empty one.
                await self.ensure_group()
                return ()
        entries = answer[0][1] if answer else []
        return tuple(_entry(entry_id, fields, deliveries=1) for entry_id, fields in entries)

    async def recover_expired(self, *, consumer: str, count: int = 100) -> tuple[QueueEntry, ...]:
        """Take over entries that nobody has renewed for ``lease_seconds``, or that were released.

        Dispatch them again. Call about every second, before ``next_entries``. Never waits.

        Raises:
            ServiceError: REDIS_UNAVAILABLE.
        """
        queue, start = self.access.keys.queue, "0-0"
        claimed: list[str] = []
        fields: dict[str, dict[str, str]] = {}
        with redis_errors():
            while len(claimed) < count:
                try:
                    start, entries, *_ = await self.access.client.xautoclaim(
                        queue, GROUP, consumer, self._lease_ms, start_id=start, count=count - len(claimed)
                    )
                except ResponseError as error:
                    if "NOGROUP" not in str(error):
                        raise
                    await self.ensure_group()
                    break
                claimed += [entry_id for entry_id, _ in entries]
                fields.update(dict(entries))
                # One call looks at a limited part of the pending list; 0-0 says it has seen the end.
                if start == "0-0":
                    break
        deliveries = await self._deliveries(claimed, consumer=consumer)
        return tuple(
            _entry(entry_id, fields[entry_id], deliveries=deliveries.get(entry_id, 2)) for entry_id in claimed
        )

    async def take_over(self, *, consumer: str, count: int) -> tuple[QueueEntry, ...]:
        """Entries that an earlier bearer of this name has read and no evaluator has claimed, at most ``count``.

        For a dispatcher that begins: what its predecessor had in its hands need not wait for the end of a
        lease. What the predecessor may still have given to an evaluator is claimed once, whoever is first.

        Raises:
            ServiceError: REDIS_UNAVAILABLE.
        """
        queue, client = self.access.keys.queue, self.access.client
        with redis_errors():
            try:
                rows = await client.xpending_range(
                    queue, GROUP, min="-", max="+", count=count, consumername=consumer
                )
            except ResponseError as error:
                if "NOGROUP" not in str(error):
                    raise
                return ()
            ids = [row["message_id"] for row in rows]
            if not ids:
                return ()
            # By claiming, so that this delivery is told apart from the one before.
            entries = await client.xclaim(queue, GROUP, consumer, 0, ids)
        deliveries = await self._deliveries(ids, consumer=consumer)
        return tuple(
            _entry(entry_id, fields, deliveries=deliveries.get(entry_id, 2)) for entry_id, fields in entries
        )

    async def hold(self, entries: Sequence[QueueEntry], *, consumer: str) -> None:
        """Keep entries that still wait for a free evaluator from being recovered.

        Call it at every renewal interval. Entries that an evaluator has claimed are left
        alone: their own lease decides.
        """
        for entry in entries:
            await self.access.run(
                HOLD,
                job_id=entry.job_id,
                arguments={
                    "document_id": entry.document_id,
                    "entry_id": entry.entry_id,
                    "consumer": consumer,
                },
            )

    async def release(self, entry: QueueEntry, *, evaluator_died: bool = False) -> bool:
        """Return an entry to the queue at once; the next ``recover_expired`` of any dispatcher gets it.

        Without effect once an evaluator has claimed it, unless ``evaluator_died`` says that the call of this
        very delivery ended with the death of its evaluator: then the lease is broken, and the entry waits as
        any failed attempt does, so that a document that kills evaluators does not kill all of them at once.

        Returns:
            Whether the entry was given back.

        Raises:
            ServiceError: REDIS_UNAVAILABLE.
        """
        chance = random.random()  # noqa: S311  no secret
        delay = retry_delay_seconds(entry.deliveries, settings=self.access.settings, chance=chance)
        reply = await self.access.run(
            RELEASE,
            job_id=entry.job_id,
            arguments={
                "document_id": entry.document_id,
                "entry_id": entry.entry_id,
                "deliveries": entry.deliveries,
                "evaluator_died": int(evaluator_died),
                "idle_ms": self._lease_ms * PAST_ANY_LEASE,
                "broken_idle_ms": max(0, self._lease_ms - int(delay * 1000)),
            },
        )
        return reply.released

    async def promote_delayed(self) -> int:
        """Queue the documents whose next attempt is due, oldest first, at most 100; call about every second.

        Returns:
            How many were queued.

        Raises:
            ServiceError: REDIS_UNAVAILABLE.
        """
        with redis_errors():
            seconds, micros = await self.access.client.time()
            now_ms = int(seconds) * 1000 + int(micros) // 1000
            due = await self.access.client.zrangebyscore(
                self.access.keys.delayed, "-inf", now_ms, start=0, num=PROMOTED_PER_CALL
            )
        promoted = 0
        for name in due:
            job_id, document_id = split_member(name)
            reply = await self.access.run(PROMOTE, job_id=job_id, arguments={"document_id": document_id})
            promoted += reply.promoted
        return promoted

    async def queue_figures(self) -> QueueFigures:
        """How much waits, for how long, and how much is under way. Constant time, whatever the length.

        Raises:
            ServiceError: REDIS_UNAVAILABLE.
        """
        keys = self.access.keys
        with redis_errors():
            async with self.access.client.pipeline(transaction=True) as pipeline:
                pipeline.time()
                pipeline.zcard(keys.waiting)
                pipeline.zrange(keys.waiting, 0, 0, withscores=True)
                pipeline.zcard(keys.delayed)
                pipeline.llen(keys.dead)
                pipeline.zcard(keys.unfinished)
                (seconds, micros), depth, oldest, delayed, dead, jobs = await pipeline.execute()
            pending = await self._pending()
        age = int(seconds) + int(micros) / 1e6 - oldest[0][1] / 1e6 if oldest else 0.0
        return QueueFigures(depth, max(0.0, age), delayed, pending, dead, jobs)

    async def ensure_group(self) -> None:
        """Create the stream and its consumer group where they are missing. Harmless to repeat."""
        with redis_errors():
            try:
                await self.access.client.xgroup_create(self.access.keys.queue, GROUP, id="0", mkstream=True)
            except ResponseError as error:
                if "BUSYGROUP" not in str(error):
                    raise

    # ------------------------------------------------------------------ parts

    @property
    def _lease_ms(self) -> int:
        return int(self.access.settings.lease_seconds * 1000)

    async def _pending(self) -> int:
        try:
            summary = await self.access.client.xpending(self.access.keys.queue, GROUP)
        except ResponseError as error:
            if "NOGROUP" not in str(error):
                raise
            return 0
        return int(summary["pending"])

    async def _deliveries(self, entry_ids: Sequence[str], *, consumer: str) -> dict[str, int]:
        if not entry_ids:
            return {}
        with redis_errors():
            rows = await self.access.client.xpending_range(
                self.access.keys.queue,
                GROUP,
                min=entry_ids[0],
                max=entry_ids[-1],
                count=len(entry_ids) * 2 + 100,
                consumername=consumer,
            )
        return {row["message_id"]: int(row["times_delivered"]) for row in rows}


def _entry(entry_id: str, fields: dict[str, str], *, deliveries: int) -> QueueEntry:
    return QueueEntry(entry_id, fields.get("job", ""), fields.get("document", ""), deliveries)
