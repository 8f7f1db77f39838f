"""Cancelling and deleting at every stage: final once, and never resurrected."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from registry_steps import all_keys, claimed, failed, next_entry, recovered, refused, submitted, summary

from cluster.errors import JOB_DELETED, JOB_NOT_FOUND
from cluster.identifiers import digest, new_job_id
from cluster.records import Claim, ClaimRefused, DocumentState, JobMetadata, JobState, RefusalReason

if TYPE_CHECKING:
    from cluster.jobs import JobStore


async def assert_nothing_left_to_do(store: JobStore) -> None:
    """Neither the queue, nor the delays, nor the aggregation hold anything."""
    figures = await store.queue_figures()
    assert (figures.depth, figures.delayed, figures.pending) == (0, 0, 0)
    assert await store.access.client.xlen(store.access.keys.queue) == 0
    assert await store.jobs_to_aggregate() == ()


async def test_a_waiting_job_is_cancelled_at_once(store: JobStore) -> None:
    """Nothing runs, so the job is final with the call, and its entries are gone."""
    job_id = await submitted(store, documents=3)
    entry = await next_entry(store)
    record = await store.cancel(job_id)
    assert record.state is JobState.CANCELLED
    assert record.counts[DocumentState.CANCELLED] == 3
    assert await store.claim(entry, worker_id="late") == ClaimRefused(RefusalReason.FINAL)
    await assert_nothing_left_to_do(store)
    totals = await store.totals()
    assert (totals["documents_submitted"], totals["documents_cancelled"], totals["jobs_cancelled"]) == (
        3,
        3,
        1,
    )


async def test_an_open_job_is_cancelled_at_once(store: JobStore) -> None:
    """A batch that was never submitted ends without appearing in the totals."""
    job_id = await store.create(JobMetadata())
    await store.add_document(job_id, name="a.pdf", sha256=digest("a"), size_bytes=1)
    assert (await store.cancel(job_id)).state is JobState.CANCELLED
    assert not any((await store.totals()).values())


async def test_a_running_document_is_told_and_then_the_job_is_final(store: JobStore) -> None:
    """Renewal and progress say stop; the evaluator's goodbye ends the job."""
    job_id = await submitted(store, documents=2)
    claim = await claimed(store)
    record = await store.cancel(job_id)
    assert record.cancel_requested
    assert record.state is JobState.PROCESSING
    assert record.counts[DocumentState.CANCELLED] == 1
    assert not await store.renew(claim)
    assert not await store.progress(claim, step=3, total=13, node="n")
    assert (await store.stop(claim)).applied
    assert (await store.job(job_id)).state is JobState.CANCELLED
    await assert_nothing_left_to_do(store)


@pytest.mark.parametrize("end", ["finish", "fail"])
async def test_an_evaluator_that_did_not_notice_ends_its_document_as_cancelled(
    store: JobStore, end: str
) -> None:
    """A result or failure that comes after the cancellation is not applied; the document is cancelled."""
    job_id = await submitted(store)
    claim = await claimed(store)
    await store.cancel(job_id)
    ended = await (store.finish(claim, summary=summary()) if end == "finish" else failed(store, claim))
    assert (ended.applied, ended.reason, ended.will_retry) == (False, RefusalReason.CANCELLED, False)
    record = await store.job(job_id)
    assert (record.state, record.counts[DocumentState.CANCELLED]) == (JobState.CANCELLED, 1)
    await assert_nothing_left_to_do(store)


async def test_a_cancelled_document_whose_evaluator_died_ends_with_its_lease(store: JobStore) -> None:
    """Nobody is there to say goodbye: the next claim ends the document."""
    job_id = await submitted(store)
    await claimed(store)
    await store.cancel(job_id)
    refusal = await store.claim(await recovered(store), worker_id="heir")
    assert isinstance(refusal, ClaimRefused)
    assert refusal.reason is RefusalReason.CANCELLED
    assert (await store.job(job_id)).state is JobState.CANCELLED
    await assert_nothing_left_to_do(store)


async def test_a_document_that_waits_for_its_retry_is_cancelled_at_once(store: JobStore) -> None:
    """The delayed attempt never comes."""
    job_id = await submitted(store)
    await failed(store, await claimed(store))
    assert (await store.cancel(job_id)).state is JobState.CANCELLED
    assert await store.promote_delayed() == 0
    await assert_nothing_left_to_do(store)


async def test_a_final_job_stays_as_it_is(store: JobStore) -> None:
    """Cancelling what has ended changes nothing, nor does cancelling twice."""
    job_id = await submitted(store)
    await store.finish(await claimed(store), summary=summary())
    right = await store.claim_aggregation(job_id)
    assert right
    await store.complete(right, summary={})
    before = await store.job(job_id)
    assert await store.cancel(job_id) == before
    other = await submitted(store)
    assert await store.cancel(other) == await store.cancel(other)
    await refused(store.cancel(new_job_id()), JOB_NOT_FOUND)


@pytest.mark.parametrize("stage", ["open", "queued", "running", "retrying", "aggregating", "final"])
async def test_a_deleted_job_is_gone_at_every_stage(store: JobStore, stage: str) -> None:
    """Only the tombstone stays; evaluators and aggregators at work find nothing to write to."""
    job_id = await store.create(JobMetadata())
    await store.add_document(job_id, name="a.pdf", sha256=digest("a"), size_bytes=1)
    claim = await advance(store, job_id, stage=stage)
    await store.delete(job_id)
    await store.delete(job_id)
    await refused(store.job(job_id), JOB_DELETED)
    await refused(store.documents(job_id), JOB_DELETED)
    if claim:
        assert not await store.renew(claim)
        assert (await store.finish(claim, summary=summary())).applied is False
        assert (await failed(store, claim)).applied is False
    await assert_nothing_left_to_do(store)
    assert (await store.jobs()).jobs == ()
    assert await all_keys(store, containing=job_id) == {store.access.keys.tombstone(job_id)}


async def advance(store: JobStore, job_id: str, *, stage: str) -> Claim | None:
    """Bring the job to ``stage``."""
    if stage == "open":
        return None
    await store.submit(job_id, idempotency_key="k")
    if stage == "queued":
        return None
    claim = await claimed(store)
    if stage == "retrying":
        await failed(store, claim)
    if stage in {"aggregating", "final"}:
        await store.finish(claim, summary=summary())
    if stage == "final":
        right = await store.claim_aggregation(job_id)
        assert right
        await store.complete(right, summary={})
    return claim


async def test_deleting_a_job_forgets_its_cached_results(store: JobStore) -> None:
    """What the sender deletes does not answer the next sender."""
    job_id = await submitted(store)
    key = digest("result")
    await store.finish(await claimed(store), summary=summary(result_key=key))
    assert await store.remember(key, value="{}", job_id=job_id)
    assert await store.cached(key) == "{}"
    await store.delete(job_id)
    assert await store.cached(key) is None
    assert not await store.remember(key, value="{}", job_id=job_id)
    assert await store.cached(key) is None


async def test_the_key_of_a_deleted_job_can_be_used_again(store: JobStore) -> None:
    """An idempotency key lives as long as its job."""
    first = await submitted(store, idempotency_key="k")
    await store.delete(first)
    second = await submitted(store, idempotency_key="k")
    assert second != first
    assert (await store.job(second)).state is JobState.QUEUED


async def test_nothing_deletes_a_job_that_never_was(store: JobStore) -> None:
    """An unknown identifier is an error, not a silent success."""
    await refused(store.delete(new_job_id()), JOB_NOT_FOUND)
