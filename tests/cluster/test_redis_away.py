"""Redis killed, hung, refused, full or emptied: clear refusals, and nothing accepted is lost."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

import psutil
import pytest
from registry_steps import claimed, eventually, next_entry, operator, recovered, refused, submitted, summary

from cluster import embedded_redis
from cluster.errors import JOB_NOT_FOUND, REDIS_UNAVAILABLE, ServiceError
from cluster.jobs import JobStore
from cluster.records import (
    AggregationClaim,
    Claim,
    ClaimRefused,
    DocumentState,
    JobMetadata,
    JobState,
    QueueEntry,
    RefusalReason,
)
from cluster.settings import Settings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable
    from pathlib import Path

    from cluster.embedded_redis import Address


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """A Valkey of this test alone, which it may kill."""
    return Settings.load(
        data_dir=tmp_path,
        lease_seconds=0.3,
        lease_renewal_seconds=0.1,
        redis_timeout_seconds=0.5,
        retry_base_seconds=0.05,
        retry_cap_seconds=0.1,
    )


@pytest.fixture
async def own(settings: Settings) -> AsyncIterator[JobStore]:
    """A registry on the Valkey of this test."""
    embedded_redis.start(settings)
    store = await JobStore.connect(settings)
    yield store
    await store.close()
    embedded_redis.stop(settings)


def address(settings: Settings) -> Address:
    """Where the Valkey of this test runs."""
    found = embedded_redis.running(settings)
    assert found
    return found


def kill(settings: Settings) -> None:
    """End it without a chance to write anything."""
    process = psutil.Process(address(settings).pid)
    process.kill()
    process.wait()


async def test_accepted_jobs_survive_a_killed_redis(own: JobStore, settings: Settings) -> None:
    """After kill -9 and a restart every accepted document is there, and the work goes on."""
    job_id = await submitted(own, documents=3)
    running = await claimed(own)
    delivered = await next_entry(own)
    before = await own.job(job_id)

    kill(settings)
    await refused(own.submit(job_id), REDIS_UNAVAILABLE)
    await refused(own.next_entries(consumer="dispatcher", count=1, block_ms=10), REDIS_UNAVAILABLE)
    assert embedded_redis.running(settings) is None
    embedded_redis.start(settings)

    assert await own.job(job_id) == before
    assert (await own.finish(running, summary=summary())).applied
    third = await claimed(own)
    second = await claimed(own, await recovered(own))
    assert second.entry.entry_id == delivered.entry_id
    assert (await own.finish(third, summary=summary())).applied
    assert (await own.finish(second, summary=summary())).last
    assert (await own.totals())["documents_succeeded"] == 3


async def test_a_late_reply_to_a_claim_burns_no_attempt(own: JobStore, settings: Settings) -> None:
    """A Redis that stands still for longer than a time-out at each claim: asked again, it gives the same right."""
    # As on any day but the first, the scripts are known: what was sent is carried out when Redis goes on.
    await own.claim(await submitted_entry(own), worker_id="evaluator")
    job_id = await submitted(own)
    entry, pid = await next_entry(own), address(settings).pid

    async def late(call: Callable[[], Awaitable[object]]) -> object:
        os.kill(pid, signal.SIGSTOP)
        try:
            await refused(call(), REDIS_UNAVAILABLE)
        finally:
            os.kill(pid, signal.SIGCONT)
        return await call()

    claim = await late(lambda: own.claim(entry, worker_id="evaluator", nonce="n"))
    assert isinstance(claim, Claim)
    assert claim.attempt == 1
    assert (await own.totals())["claims"] == 2
    assert (await own.claim(entry, worker_id="other")) == ClaimRefused(RefusalReason.LEASED)
    assert (await own.finish(claim, summary=summary())).last

    await own.claim_aggregation(await submitted(own))
    right = await late(lambda: own.claim_aggregation(job_id, nonce="n"))
    assert isinstance(right, AggregationClaim)
    assert right.attempt == 1
    assert await own.claim_aggregation(job_id, nonce="of another") is None
    assert await own.complete(right, summary={}) is JobState.COMPLETED


async def submitted_entry(store: JobStore) -> QueueEntry:
    """The entry of a new job of one document."""
    await submitted(store)
    return await next_entry(store)


async def test_a_torn_last_write_does_not_keep_redis_from_starting(own: JobStore, settings: Settings) -> None:
    """Ten bytes cut off the append-only file lose at most the last change."""
    job_id = await submitted(own)
    await own.reserve_idempotency("last write", fingerprint="f")
    kill(settings)
    newest = max(settings.redis_dir.glob("appendonlydir/*.incr.aof"), key=lambda path: path.stat().st_mtime)
    os.truncate(newest, newest.stat().st_size - 10)
    embedded_redis.start(settings)
    assert (await own.job(job_id)).state is JobState.QUEUED


async def test_a_redis_that_lost_everything_gets_its_group_again(own: JobStore) -> None:
    """Jobs are unknown then, evaluators are told, and new jobs run."""
    old = await submitted(own)
    claim = await claimed(own)
    async with operator(own) as client:
        await client.flushall()
    await refused(own.job(old), JOB_NOT_FOUND)
    assert not await own.renew(claim)
    assert (await own.finish(claim, summary=summary())).applied is False
    assert await own.next_entries(consumer="dispatcher", count=1, block_ms=10) == ()
    assert await own.recover_expired(consumer="dispatcher") == ()
    job_id = await submitted(own)
    assert (await own.finish(await claimed(own), summary=summary())).last
    assert (await own.job(job_id)).counts[DocumentState.SUCCEEDED] == 1


async def test_a_claim_survives_the_loss_of_the_group(own: JobStore) -> None:
    """Renewal and finish work without the group; what is then delivered twice is refused."""
    await submitted(own)
    claim = await claimed(own)
    async with operator(own) as client:
        await client.xgroup_destroy(own.access.keys.queue, "evaluators")
    assert await own.renew(claim)
    assert (await own.queue_figures()).pending == 0
    assert await own.next_entries(consumer="dispatcher", count=1, block_ms=10) == ()
    again = await next_entry(own)
    assert again.entry_id == claim.entry.entry_id
    assert (await own.finish(claim, summary=summary())).applied
    assert (await own.queue_figures()).pending == 0


async def test_a_hung_redis_is_a_refusal_and_then_the_work_ends_once(
    own: JobStore, settings: Settings
) -> None:
    """While Redis hangs calls are refused; afterwards the repeated finish is applied exactly once."""
    job_id = await submitted(own)
    claim = await claimed(own)
    process = psutil.Process(address(settings).pid)
    process.send_signal(signal.SIGSTOP)
    try:
        await refused(own.finish(claim, summary=summary()), REDIS_UNAVAILABLE)
        await refused(own.create(JobMetadata()), REDIS_UNAVAILABLE)
        await refused(own.ping(), REDIS_UNAVAILABLE)
    finally:
        process.send_signal(signal.SIGCONT)

    async def finished() -> bool:
        try:
            return (await own.finish(claim, summary=summary())).applied
        except ServiceError:
            return False

    await eventually(finished, "Redis answers again")
    assert (await own.totals())["documents_succeeded"] == 1
    assert (await own.job(job_id)).counts[DocumentState.SUCCEEDED] == 1


async def test_a_full_redis_refuses_new_jobs_and_ends_running_ones(own: JobStore) -> None:
    """Without memory nothing is accepted; what was accepted still runs, retries and is completed."""
    job_id = await submitted(own, documents=2)
    open_job = await own.create(JobMetadata())
    running = await claimed(own)
    async with operator(own) as client:
        await client.config_set("maxmemory", "1")
    await refused(own.create(JobMetadata()), REDIS_UNAVAILABLE)
    await refused(own.add_document(open_job, name="a", sha256="0" * 64, size_bytes=1), REDIS_UNAVAILABLE)

    assert await own.renew(running)
    assert await own.progress(running, step=1, total=2, node="n")
    await own.fail(running, code="c", sentence="s", retryable=True, reference="r")
    await own.finish(await claimed(own), summary=summary())
    await eventually(own.promote_delayed, "the retry is due")
    assert (await own.finish(await claimed(own), summary=summary())).last
    right = await own.claim_aggregation(job_id)
    assert right
    assert await own.complete(right, summary={}) is JobState.COMPLETED
    await own.cancel(open_job)
    await own.delete(job_id)


async def test_a_wrong_password_or_address_is_a_refusal(own: JobStore, settings: Settings) -> None:
    """Neither says more than that the registry is not available."""
    right = address(settings)
    await refused(JobStore.connect(settings.with_redis(url=right.url, password="falsa")), REDIS_UNAVAILABLE)
    nobody = settings.with_redis(url="redis://127.0.0.1:1/0", password=None)
    await refused(JobStore.connect(nobody), REDIS_UNAVAILABLE)
    await own.ping()


async def test_without_any_redis_the_refusal_is_the_same(tmp_path: Path) -> None:
    """No address and no embedded Valkey started: unavailable, not a crash."""
    await refused(JobStore.connect(Settings.load(data_dir=tmp_path)), REDIS_UNAVAILABLE)
