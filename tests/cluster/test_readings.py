"""What clients can read: lists, events, and what is said about jobs that are gone."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from registry_steps import claimed, refused, submitted, summary

from cluster.errors import INVALID_REQUEST, JOB_EXPIRED, JOB_NOT_FOUND
from cluster.identifiers import new_job_id
from cluster.records import DocumentState, JobState, steps_of
from cluster.redis_access import BLOCKING_CONNECTIONS_MAX

if TYPE_CHECKING:
    from cluster.jobs import JobStore


async def test_jobs_are_listed_newest_first_page_by_page(store: JobStore) -> None:
    """Following the cursor shows every job once; a new one in between shifts nothing."""
    made = [await submitted(store) for _ in range(5)]
    page = await store.jobs(limit=2)
    seen = [record.job_id for record in page.jobs]
    await submitted(store)
    while page.next_cursor:
        page = await store.jobs(limit=2, cursor=page.next_cursor)
        seen += [record.job_id for record in page.jobs]
    assert seen == made[::-1]


async def test_the_list_can_be_limited_to_a_state(store: JobStore) -> None:
    """Only jobs of that state, whatever stands between them."""
    first, _, third = [await submitted(store) for _ in range(3)]
    await store.cancel(first)
    await store.cancel(third)
    page = await store.jobs(state=JobState.CANCELLED)
    assert [record.job_id for record in page.jobs] == [third, first]
    await refused(store.jobs(cursor="no cursor"), INVALID_REQUEST)


async def test_an_expired_job_is_gone_from_the_list_and_known_as_expired(store: JobStore) -> None:
    """Until its tombstone goes as well, an expired job is told from one that never was."""
    keys, client = store.access.keys, store.access.client
    job_id, other = await submitted(store), await submitted(store)
    own = (keys.job(job_id), keys.documents(job_id), keys.states(job_id), keys.events(job_id))
    for key in own:
        await client.pexpire(key, 0)
    await refused(store.job(job_id), JOB_EXPIRED)
    await refused(store.documents(job_id), JOB_EXPIRED)
    registry = await store.take_identity()
    assert await store.unknown_jobs([job_id, other], registry=registry) == [job_id]
    assert [record.job_id for record in (await store.jobs()).jobs] == [other]
    assert await store.sweep_index() == 0
    assert await client.zcard(keys.jobs) == 1
    await refused(store.job(new_job_id()), JOB_NOT_FOUND)
    await refused(store.job("../../etc/passwd"), JOB_NOT_FOUND)


async def test_the_sweep_drops_expired_names(store: JobStore) -> None:
    """Names of expired jobs do not stay in the index for ever."""
    job_id, other = await submitted(store), await submitted(store)
    await store.access.client.delete(store.access.keys.job(job_id))
    assert await store.sweep_index() == 1
    assert [record.job_id for record in (await store.jobs()).jobs] == [other]


async def test_events_tell_the_whole_story_and_can_be_resumed(store: JobStore) -> None:
    """A client that comes back with the last id it saw misses nothing and sees nothing twice."""
    job_id = await submitted(store)
    claim = await claimed(store)
    await store.progress(claim, step=2, total=13, node="sanitization")
    before = await store.events(job_id)
    assert [event.kind for event in before][-3:] == ["job", "document", "progress"]
    assert before[-1].data == {
        "document_id": "d0001",
        "attempt": 1,
        "step": 2,
        "total_steps": 13,
        "node": "sanitization",
    }
    await store.finish(claim, summary=summary())
    after = await store.events(job_id, after=before[-1].event_id)
    assert [(event.kind, event.data["state"]) for event in after] == [("document", "succeeded")]
    assert (after[0].data["finished"], after[0].data["total"]) == (1, 1)
    assert await store.events(job_id, after="not an id") == before + after


async def test_waiting_for_an_event_ends_with_the_event(store: JobStore) -> None:
    """A reader that waits is woken by the next change."""
    job_id = await submitted(store)
    last = (await store.events(job_id))[-1].event_id
    waiting = asyncio.create_task(store.events(job_id, after=last, block_ms=5000))
    await claimed(store)
    while not (events := await waiting):
        waiting = asyncio.create_task(store.events(job_id, after=last, block_ms=5000))
    assert events[0].data == {"state": "processing"}


async def test_very_many_watchers_do_not_keep_each_other_from_reading(store: JobStore) -> None:
    """Three times as many waiting readers as connections: none is refused, and work goes on."""
    job_id = await submitted(store)
    last = (await store.events(job_id))[-1].event_id
    watchers = [
        asyncio.create_task(store.events(job_id, after=last, block_ms=300))
        for _ in range(3 * BLOCKING_CONNECTIONS_MAX)
    ]
    await store.finish(await claimed(store), summary=summary())
    assert len(await asyncio.gather(*watchers)) == len(watchers)


async def test_progress_of_a_batch_counts_ended_documents_fully(store: JobStore) -> None:
    """Two documents, one ended after any number of steps, one at its third of ten: 13 of 20."""
    job_id = await submitted(store, documents=2)
    await store.fail(await claimed(store), code="c", sentence="s", retryable=False, reference="r")
    await store.progress(await claimed(store), step=3, total=10, node="n")
    documents = await store.documents(job_id)
    assert documents[0].state is DocumentState.FAILED
    assert steps_of(documents, steps_per_document=10) == (13, 20)
