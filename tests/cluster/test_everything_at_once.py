"""A whole crowd at work, with deaths, delays, cancellations and a forgetful server: the promises hold."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from typing import TYPE_CHECKING

import pytest
from registry_steps import PATIENCE_SECONDS, failed, keys_without_ttl, operator, submitted, summary

from cluster.errors import ServiceError
from cluster.records import Claim, DocumentState, JobState, QueueEntry

if TYPE_CHECKING:
    from cluster.jobs import JobStore

JOBS, DOCUMENTS, EVALUATORS = 6, 8, 8


class Crowd:
    """A dispatcher, evaluators and an aggregator as tasks; evaluators misbehave by chance."""

    def __init__(self, store: JobStore, *, seed: int) -> None:
        self.store = store
        self.chance = random.Random(seed)
        self.applied: Counter[tuple[str, str]] = Counter()
        self.handed_out: asyncio.Queue[QueueEntry] = asyncio.Queue()

    async def dispatch(self) -> None:
        """Route entries for ever; now and then forget what was read, as after a death."""
        while True:
            await self.store.promote_delayed()
            entries = list(await self.store.recover_expired(consumer="dispatcher"))
            entries += await self.store.next_entries(consumer="dispatcher", count=4, block_ms=10)
            for entry in entries:
                if self.chance.random() > 0.1:
                    self.handed_out.put_nowait(entry)

    async def evaluate(self, number: int) -> None:
        """Take entries for ever; succeed, fail, die silently, come too late, or leave."""
        while True:
            entry = await self.handed_out.get()
            claim = await self.store.claim(entry, worker_id=f"evaluator-{number}")
            if isinstance(claim, Claim):
                await self.work(claim)

    async def work(self, claim: Claim) -> None:
        """One attempt."""
        end = self.chance.choices(("finish", "fail", "die", "late", "leave"), weights=(60, 10, 10, 10, 10))[0]
        await self.store.progress(claim, step=1, total=2, node="n")
        if end == "late":
            await asyncio.sleep(self.store.access.settings.lease_seconds * 1.5)
        if end in {"finish", "late"}:
            ended = await self.store.finish(claim, summary=summary())
            if ended.applied:
                self.applied[claim.job_id, claim.document_id] += 1
        elif end == "fail":
            await failed(self.store, claim)
        elif end == "leave":
            await self.store.stop(claim)

    async def aggregate(self) -> None:
        """Complete jobs for ever; now and then the first aggregator of a job dies with the right in hand."""
        while True:
            for job_id in await self.store.jobs_to_aggregate():
                right = await self.store.claim_aggregation(job_id)
                if right and (right.attempt > 1 or self.chance.random() > 0.3):
                    await self.store.complete(right, summary={})
            await asyncio.sleep(0.01)

    async def disturb(self) -> None:
        """Forget the scripts for ever."""
        async with operator(self.store) as client:
            while True:
                await client.script_flush()
                await asyncio.sleep(0.05)


@pytest.mark.parametrize("seed", [1, 2])
async def test_every_accepted_document_ends_exactly_once(store: JobStore, seed: int) -> None:
    """One job is cancelled and one deleted meanwhile; all others end, and nothing is left over."""
    crowd = Crowd(store, seed=seed)
    jobs = [await submitted(store, documents=DOCUMENTS) for _ in range(JOBS)]
    tasks = [asyncio.create_task(crowd.evaluate(number)) for number in range(EVALUATORS)]
    tasks += [asyncio.create_task(work()) for work in (crowd.dispatch, crowd.aggregate, crowd.disturb)]
    try:
        async with asyncio.timeout(3 * PATIENCE_SECONDS):
            await store.cancel(jobs[1])
            await store.delete(jobs[2])
            states = await final_states(store, jobs, tasks=tasks)
            await nothing_pending(store)
    finally:
        for task in tasks:
            task.cancel()
        _, deaf = await asyncio.wait(tasks, timeout=PATIENCE_SECONDS)

    assert deaf == set()
    assert states[jobs[1]] is JobState.CANCELLED
    assert jobs[2] not in states
    totals = await store.totals()
    ends = totals["documents_succeeded"] + totals["documents_failed"] + totals["documents_cancelled"]
    assert ends == totals["documents_submitted"] == JOBS * DOCUMENTS
    assert set(crowd.applied.values()) == {1}
    assert totals["documents_succeeded"] == len(crowd.applied)
    assert totals["duplicates_different"] == 0
    for job_id, state in states.items():
        documents = await store.documents(job_id)
        assert all(document.state.final for document in documents)
        good = all(document.state is DocumentState.SUCCEEDED for document in documents)
        if job_id != jobs[1]:
            assert state is (JobState.COMPLETED if good else JobState.FAILED)
    assert await keys_without_ttl(store) <= store.access.keys.without_ttl


async def final_states(
    store: JobStore, jobs: list[str], *, tasks: list[asyncio.Task[None]]
) -> dict[str, JobState]:
    """The states of all jobs that are not deleted, once they are final; a task that broke breaks the test."""
    while True:
        states = {}
        for job_id in jobs:
            try:
                states[job_id] = (await store.job(job_id)).state
            except ServiceError as error:
                assert error.refusal.code == "job_deleted"  # noqa: PT017  one of several jobs
        if all(state.final for state in states.values()):
            return states
        for task in tasks:
            if task.done():
                task.result()
        await asyncio.sleep(0.02)


async def nothing_pending(store: JobStore) -> None:
    """Wait until late attempts have gone and the queue is as empty as it can be."""
    while True:
        figures = await store.queue_figures()
        length = await store.access.client.xlen(store.access.keys.queue)
        if (figures.depth, figures.delayed, figures.pending, length) == (0, 0, 0, 0):
            assert await store.jobs_to_aggregate() == ()
            return
        await asyncio.sleep(0.02)
