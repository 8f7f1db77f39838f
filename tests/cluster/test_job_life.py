"""The life of a job in the registry, from the first file to the last key."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from registry_steps import claimed, eventually, failed, next_entry, refused, submitted, summary

from cluster.errors import (
    DOCUMENT_NOT_FOUND,
    IDEMPOTENCY_CONFLICT,
    JOB_NOT_FOUND,
    JOB_NOT_OPEN,
    NO_FILES,
    TOO_MANY_FILES,
)
from cluster.identifiers import digest, new_job_id
from cluster.keys import OPEN_SECONDS, TOMBSTONE_SECONDS
from cluster.records import DocumentState, JobMetadata, JobState

if TYPE_CHECKING:
    from cluster.jobs import JobStore


async def test_a_batch_goes_from_open_to_completed(store: JobStore) -> None:
    """Two documents are added, submitted, evaluated and aggregated; the job says so at every step."""
    job_id = await store.create(JobMetadata(municipality="Bogotá", options={"enable_causal_analysis": False}))
    assert (await store.job(job_id)).state is JobState.OPEN
    first = await store.add_document(job_id, name="a.pdf", sha256=digest("a"), size_bytes=1)
    second = await store.add_document(job_id, name="b.pdf", sha256=digest("b"), size_bytes=2)
    assert (first.document_id, second.document_id) == ("d0001", "d0002")

    record = await store.submit(job_id)
    assert (record.state, record.document_count) == (JobState.QUEUED, 2)

    claim = await claimed(store)
    assert (claim.name, claim.attempt) == ("a.pdf", 1)
    assert claim.metadata.options == {"enable_causal_analysis": False}
    assert (await store.job(job_id)).state is JobState.PROCESSING
    assert await store.progress(claim, step=4, total=13, node="embedding")
    assert (await store.documents(job_id))[0].node == "embedding"
    assert await store.finish(claim, summary=summary(overall_score=1.5)) == await store.finish(
        claim, summary=summary(overall_score=1.5)
    )

    ended = await store.finish(await claimed(store), summary=summary())
    assert ended.applied
    assert ended.last
    assert await store.jobs_to_aggregate() == (job_id,)
    right = await store.claim_aggregation(job_id)
    assert right
    assert await store.complete(right, summary={"mean": 1.5}) is JobState.COMPLETED

    record = await store.job(job_id)
    assert record.summary == {"mean": 1.5}
    assert record.counts[DocumentState.SUCCEEDED] == 2
    assert record.expires_at == pytest.approx(record.finished_at + store.access.settings.ttl_seconds)
    documents = await store.documents(job_id)
    assert await store.document(job_id, "d0001") == documents[0]
    await refused(store.document(job_id, "d0003"), DOCUMENT_NOT_FOUND)
    await refused(store.document(new_job_id(), "d0001"), JOB_NOT_FOUND)
    assert documents[0].summary
    assert documents[0].summary.overall_score == 1.5
    figures = await store.queue_figures()
    assert (figures.depth, figures.delayed, figures.pending) == (0, 0, 0)
    assert await store.access.client.xlen(store.access.keys.queue) == 0


async def test_a_job_with_one_failed_document_fails_and_keeps_the_good_ones(store: JobStore) -> None:
    """A final failure of one document leaves the other's result where it is and makes the job failed."""
    job_id = await submitted(store, documents=2)
    ended = await store.fail(
        await claimed(store), code="encrypted", sentence="Protegido.", retryable=False, reference="r1"
    )
    assert not ended.will_retry
    await store.finish(await claimed(store), summary=summary())
    right = await store.claim_aggregation(job_id)
    assert right
    assert await store.complete(right, summary={}) is JobState.FAILED
    bad, good = await store.documents(job_id)
    assert (bad.state, bad.code, bad.sentence, bad.reference) == (
        DocumentState.FAILED,
        "encrypted",
        "Protegido.",
        "r1",
    )
    assert good.summary
    assert await store.dead_letters() == ()


async def test_a_retryable_failure_is_tried_again_and_then_buried(store: JobStore) -> None:
    """Three attempts, two delays, then the document fails with its code and leaves a dead letter."""
    job_id = await submitted(store)
    for attempt in (1, 2):
        claim = await claimed(store)
        assert claim.attempt == attempt
        ended = await failed(store, claim)
        assert ended.will_retry
        assert 0 < ended.retry_in_seconds <= store.access.settings.retry_cap_seconds
        (document,) = await store.documents(job_id)
        assert document.state is DocumentState.RETRYING
        assert document.retry_at
        await eventually(store.promote_delayed, "the delayed document is due")
    ended = await failed(store, await claimed(store))
    assert ended.applied
    assert ended.last
    assert not ended.will_retry
    (letter,) = await store.dead_letters()
    assert (letter.job_id, letter.code, letter.attempt) == (job_id, "internal", 3)
    totals = await store.totals()
    assert (totals["retries"], totals["dead_letters"], totals["documents_failed"]) == (2, 1, 1)


async def test_a_later_success_hides_the_earlier_failure(store: JobStore) -> None:
    """A document that succeeds on the second attempt shows no error."""
    job_id = await submitted(store)
    await failed(store, await claimed(store))
    await eventually(store.promote_delayed, "the delayed document is due")
    await store.finish(await claimed(store), summary=summary())
    (document,) = await store.documents(job_id)
    assert (document.state, document.attempt, document.code) == (DocumentState.SUCCEEDED, 2, "")


async def test_equal_names_with_equal_bytes_are_one_document(store: JobStore) -> None:
    """Sending a file again changes nothing; other bytes under its name replace it."""
    job_id = await store.create(JobMetadata())
    first = await store.add_document(job_id, name="a.pdf", sha256=digest("a"), size_bytes=1)
    assert await store.add_document(job_id, name="a.pdf", sha256=digest("a"), size_bytes=1) == first
    replaced = await store.add_document(job_id, name="a.pdf", sha256=digest("b"), size_bytes=2)
    assert (replaced.document_id, replaced.sha256) == ("d0001", digest("b"))
    await store.submit(job_id)
    assert (
        await store.add_document(job_id, name="a.pdf", sha256=digest("b"), size_bytes=2)
    ).document_id == "d0001"
    await refused(store.add_document(job_id, name="a.pdf", sha256=digest("c"), size_bytes=2), JOB_NOT_OPEN)


async def test_what_cannot_be_submitted_is_refused(store: JobStore) -> None:
    """An empty batch, an unknown one and one file too many have their own refusals."""
    job_id = await store.create(JobMetadata())
    await refused(store.submit(job_id), NO_FILES)
    await refused(store.submit(new_job_id()), JOB_NOT_FOUND)
    await refused(store.add_document(new_job_id(), name="a", sha256=digest("a"), size_bytes=1), JOB_NOT_FOUND)
    for number in range(store.access.settings.max_files):
        await store.add_document(job_id, name=str(number), sha256=digest("a"), size_bytes=1)
    await refused(store.add_document(job_id, name="more", sha256=digest("a"), size_bytes=1), TOO_MANY_FILES)


async def test_submitting_twice_queues_once(store: JobStore) -> None:
    """A repeated submission finds the job as it is."""
    job_id = await submitted(store, documents=3)
    assert (await store.submit(job_id)).job_id == job_id
    assert (await store.queue_figures()).depth == 3
    assert (await store.totals())["documents_submitted"] == 3


async def test_twenty_parallel_submissions_with_one_key_make_one_job(store: JobStore) -> None:
    """Whoever comes second gets the first one's job, and leaves nothing behind."""

    async def upload() -> str:
        await store.reserve_idempotency("clave", fingerprint="f")
        job_id = await store.create(JobMetadata())
        await store.add_document(job_id, name="a.pdf", sha256=digest("a"), size_bytes=1)
        return (await store.submit(job_id, idempotency_key="clave")).job_id

    winners = set(await asyncio.gather(*(upload() for _ in range(20))))
    assert len(winners) == 1
    assert {record.job_id for record in (await store.jobs()).jobs} == winners
    assert (await store.queue_figures()).depth == 1
    assert await store.reserve_idempotency("clave", fingerprint="f") == winners.pop()
    await refused(store.reserve_idempotency("clave", fingerprint="other"), IDEMPOTENCY_CONFLICT)


async def test_all_keys_of_a_job_expire_together(store: JobStore) -> None:
    """24 h while open, far longer than any result while not final, ``ttl_seconds`` once final."""
    keys, client, ttl = store.access.keys, store.access.client, store.access.settings.ttl_seconds

    async def lifetimes(job_id: str) -> set[int]:
        own = (keys.job(job_id), keys.documents(job_id), keys.states(job_id), keys.events(job_id))
        return {round((await client.pttl(key)) / 10_000) * 10 for key in own}

    job_id = await store.create(JobMetadata())
    await store.add_document(job_id, name="a.pdf", sha256=digest("a"), size_bytes=1)
    assert await lifetimes(job_id) == {OPEN_SECONDS}
    await store.submit(job_id, idempotency_key="k")
    (alive,) = await lifetimes(job_id)
    assert alive > 10 * ttl
    await store.finish(await claimed(store), summary=summary())
    right = await store.claim_aggregation(job_id)
    assert right
    await store.complete(right, summary={})
    assert await lifetimes(job_id) == {ttl}
    assert await client.ttl(keys.idempotency(digest("k"))) <= ttl
    assert ttl + TOMBSTONE_SECONDS - 5 <= await client.ttl(keys.tombstone(job_id)) <= ttl + TOMBSTONE_SECONDS


async def test_the_queue_says_how_long_it_is(store: JobStore) -> None:
    """Depth, age and position count what waits for a claim, in order of arrival."""
    first = await submitted(store, documents=2)
    second = await submitted(store, documents=2)
    assert await store.queue_position(first) == 1
    assert await store.queue_position(second) == 3
    await claimed(store)
    assert await store.queue_position(second) == 2
    figures = await store.queue_figures()
    assert (figures.depth, figures.pending) == (3, 1)
    assert figures.oldest_age_seconds >= 0
    await claimed(store)
    assert await store.queue_position(first) is None


async def test_documents_are_given_out_in_order_of_arrival(store: JobStore) -> None:
    """The queue is first come, first served."""
    jobs = [await submitted(store, documents=2) for _ in range(3)]
    seen = [(await next_entry(store)).job_id for _ in range(6)]
    assert seen == [jobs[0]] * 2 + [jobs[1]] * 2 + [jobs[2]] * 2
