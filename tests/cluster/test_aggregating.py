"""The right to complete a job outlives the aggregators that take it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from registry_steps import claimed, eventually, refused, submitted, summary

from cluster.errors import JOB_NOT_FOUND
from cluster.records import AggregationClaim, JobState

if TYPE_CHECKING:
    from cluster.jobs import JobStore


async def ready(store: JobStore) -> str:
    """A job whose only document has succeeded."""
    job_id = await submitted(store)
    await store.finish(await claimed(store), summary=summary())
    return job_id


async def test_one_of_many_aggregators_gets_the_job(store: JobStore) -> None:
    """Twenty ask at a time, one may go on, and the job is no longer offered."""
    job_id = await ready(store)
    answers = await asyncio.gather(*(store.claim_aggregation(job_id) for _ in range(20)))
    assert [answer for answer in answers if answer] == [AggregationClaim(job_id, 1)]
    assert await store.jobs_to_aggregate() == ()


async def test_a_job_whose_aggregator_died_is_offered_again(store: JobStore) -> None:
    """After the lease another aggregator takes over, and the first one's completion no longer counts."""
    job_id = await ready(store)
    dead = await store.claim_aggregation(job_id)
    assert dead
    await eventually(store.jobs_to_aggregate, "the job is offered again")
    heir = await store.claim_aggregation(job_id)
    assert heir == AggregationClaim(job_id, 2)
    assert not await store.renew_aggregation(dead)
    assert await store.complete(dead, summary={"by": "dead"}) is JobState.PROCESSING
    assert await store.renew_aggregation(heir)
    assert await store.complete(heir, summary={"by": "heir"}) is JobState.COMPLETED
    assert await store.complete(heir, summary={"by": "again"}) is JobState.COMPLETED
    assert (await store.job(job_id)).summary == {"by": "heir"}
    assert (await store.totals())["jobs_completed"] == 1


async def test_a_job_that_kills_its_aggregators_ends(store: JobStore) -> None:
    """Accepted means one final state, the one its documents decide, even when no aggregator survives the job."""
    job_id = await ready(store)
    for _ in range(store.access.settings.max_attempts):
        await eventually(lambda: store.claim_aggregation(job_id), "the job can be taken")

    async def ended() -> bool:
        assert await store.claim_aggregation(job_id) is None
        return (await store.job(job_id)).state is JobState.COMPLETED

    await eventually(ended, "the job ends by itself")
    assert (await store.totals())["aggregations_exhausted"] == 1


async def test_a_job_deleted_during_aggregation_stays_deleted(store: JobStore) -> None:
    """Completing what is gone brings nothing back."""
    job_id = await ready(store)
    right = await store.claim_aggregation(job_id)
    assert right
    await store.delete(job_id)
    await refused(store.complete(right, summary={}), JOB_NOT_FOUND)
    assert await store.claim_aggregation(job_id) is None
    assert not await store.access.client.exists(store.access.keys.job(job_id))
