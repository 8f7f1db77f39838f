"""One attempt against a real registry; only the pipeline is replaced by work the test controls."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import pytest
from service_steps import until

from actors.attempt import Attempt, Ended, Workshop
from actors.attempt import claimed as claimed_by_an_evaluator
from actors.bench import result_key
from actors.flights import Flights
from actors.watch import Stopped
from cluster import embedded_redis
from cluster.jobs import JobStore
from cluster.records import Claim, DocumentState, DocumentSummary, JobMetadata, JobState
from cluster.settings import Settings
from cluster.storage import Storage
from cluster.sweeping import sweep
from pipeline.errors import ENCRYPTED, DocumentFault

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator
    from pathlib import Path

    from actors.watch import Watch

SHA256 = "0" * 64
KEY = result_key(SHA256, freeze_hash="frozen")
ARTIFACTS = {"evaluation_results.json": b"{}"}


@pytest.fixture(scope="module")
def valkey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """A Valkey for the tests of this file."""
    settings = Settings.load(data_dir=tmp_path_factory.mktemp("attempts"))
    embedded_redis.start(settings)
    yield settings
    embedded_redis.stop(settings)


@pytest.fixture
def settings(valkey: Settings) -> Settings:
    """Short leases and limits."""
    return Settings.load(
        data_dir=valkey.data_dir,
        lease_seconds=0.6,
        lease_renewal_seconds=0.2,
        retry_base_seconds=60,
        soft_limit_seconds=0.5,
        hard_limit_seconds=1.0,
        cache_enabled=False,
    )


@pytest.fixture
async def store(settings: Settings) -> AsyncIterator[JobStore]:
    """The registry."""
    connected = await JobStore.connect(settings)
    yield connected
    await connected.close()


class _Engine:
    def freeze_hash(self, _options: object) -> str:
        return "frozen"


class _Child:
    def __init__(self) -> None:
        self.killed = threading.Event()

    def cancel(self) -> None:
        self.killed.set()


@dataclass
class Work:
    """Stands for the pipeline: what it does with a document is said by the test."""

    does: Callable[[Watch], DocumentSummary]
    storage: Storage | None = None
    engine: _Engine = field(default_factory=_Engine)
    extraction: _Child = field(default_factory=_Child)

    def evaluate(self, claim: Claim, *, options: object, key: str, watch: Watch) -> DocumentSummary:
        """As ``Bench.evaluate``."""
        del options
        found = replace(self.does(watch), result_key=key)
        if self.storage:
            self.storage.write_artifacts(claim.job_id, claim.document_id, ARTIFACTS)
        return found

    def reuse(self, claim: Claim, *, summary: DocumentSummary) -> bool:
        """As ``Bench.reuse``."""
        assert self.storage
        return self.storage.reuse_result(
            summary.result_key, job_id=claim.job_id, document_id=claim.document_id
        )


def succeed(_watch: Watch) -> DocumentSummary:
    """A result at once."""
    return DocumentSummary(result_hash="hash", answers=300)


def obey(watch: Watch) -> DocumentSummary:
    """Step after step until told to stop."""
    while True:
        watch.observe("embedding", 4, 13)
        threading.Event().wait(0.02)


async def submitted(store: JobStore) -> str:
    """A new job of one document."""
    job_id = await store.create(JobMetadata())
    await store.add_document(job_id, name="plan.pdf", sha256=SHA256, size_bytes=1)
    await store.submit(job_id)
    return job_id


async def claimed(store: JobStore) -> Claim:
    """A document of a new job, claimed."""
    await submitted(store)
    (entry,) = await store.next_entries(consumer="test", count=1, block_ms=500)
    claim = await store.claim(entry, worker_id="worker")
    assert isinstance(claim, Claim)
    return claim


async def attempt(store: JobStore, settings: Settings, claim: Claim, *, work: Any) -> Ended:
    """Run one attempt to its end."""
    with ThreadPoolExecutor(1) as thread:
        return await Attempt(claim, workshop=Workshop(store, work, Flights(settings), thread, settings)).run()


async def test_a_fault_of_the_document_is_final(store: JobStore, settings: Settings) -> None:
    """An encrypted PDF fails with its own code on the first attempt, and the job is ready to aggregate."""

    def refuse(_watch: Watch) -> DocumentSummary:
        raise DocumentFault(ENCRYPTED)

    claim = await claimed(store)
    ended = await attempt(store, settings, claim, work=Work(refuse))
    (document,) = await store.documents(claim.job_id)
    assert (ended.status, ended.finish.last) == ("failed", True)
    assert (document.state, document.code) == (DocumentState.FAILED, "encrypted")


async def test_the_unexpected_is_retried_and_tells_nothing(store: JobStore, settings: Settings) -> None:
    """A mistake of ours is retried with a reference; what the error said is neither stored nor shown."""

    def stumble(_watch: Watch) -> DocumentSummary:
        raise ValueError("words of the plan")

    claim = await claimed(store)
    ended = await attempt(store, settings, claim, work=Work(stumble))
    (document,) = await store.documents(claim.job_id)
    assert ended.status == "retrying"
    assert (document.state, document.code) == (DocumentState.RETRYING, "internal")
    assert document.reference
    assert "words" not in document.sentence


async def test_a_cancelled_job_stops_its_document(store: JobStore, settings: Settings) -> None:
    """The child is killed and the thread stopped; the document ends as cancelled, without a result."""
    claim, work = await claimed(store), Work(obey)
    settings = settings.model_copy(update={"soft_limit_seconds": 60.0, "hard_limit_seconds": 61.0})
    running = asyncio.create_task(attempt(store, settings, claim, work=work))

    async def begun() -> bool:
        return (await store.documents(claim.job_id))[0].step == 4

    await until(begun, what="the first report")
    await store.cancel(claim.job_id)
    assert (await running).status == "stopped"
    assert work.extraction.killed.is_set()
    assert (await store.job(claim.job_id)).state is JobState.CANCELLED


async def test_a_registry_that_stands_still_costs_no_attempt(settings: Settings) -> None:
    """Its reply to the claim comes too late, four times: the evaluator goes on with the one attempt that began."""
    patient = settings.model_copy(
        update={"redis_timeout_seconds": 0.2, "lease_seconds": 60.0, "max_attempts": 2}
    )
    address = embedded_redis.running(settings)
    assert address
    store = await JobStore.connect(patient)
    job_id = await submitted(store)
    (entry,) = await store.next_entries(consumer="test", count=1, block_ms=100)

    async def stand_still() -> None:
        for _ in range(4):
            os.kill(address.pid, signal.SIGSTOP)
            await asyncio.sleep(0.3)
            os.kill(address.pid, signal.SIGCONT)
            await asyncio.sleep(0.02)

    standing = asyncio.create_task(stand_still())
    await asyncio.sleep(0)  # it stands
    claim = await claimed_by_an_evaluator(entry, worker_id="worker", store=store)
    await standing

    assert isinstance(claim, Claim)
    (document,) = await store.documents(job_id)
    assert (claim.attempt, document.attempt, document.state) == (1, 1, DocumentState.RUNNING)
    assert (await attempt(store, patient, claim, work=Work(succeed))).finish.applied
    await store.close()


async def test_a_lost_lease_hands_in_nothing(store: JobStore, settings: Settings) -> None:
    """When a later attempt has taken the document, the earlier one stops and its end changes nothing."""
    claim = await claimed(store)
    slow = settings.model_copy(update={"lease_renewal_seconds": 2.0, "soft_limit_seconds": 60.0})
    slow = slow.model_copy(update={"hard_limit_seconds": 61.0})
    running = asyncio.create_task(attempt(store, slow, claim, work=Work(obey)))

    async def taken() -> bool:
        for entry in await store.recover_expired(consumer="test"):
            return isinstance(await store.claim(entry, worker_id="later"), Claim)
        return False

    await until(taken, what="the end of the lease")
    assert (await running).status == "stopped"
    (document,) = await store.documents(claim.job_id)
    assert (document.state, document.attempt, document.worker_id) == (DocumentState.RUNNING, 2, "later")


async def test_the_soft_limit_is_final(store: JobStore, settings: Settings) -> None:
    """A document that takes too long ends with ``timeout`` and is not tried again."""
    claim = await claimed(store)
    ended = await attempt(store, settings, claim, work=Work(obey))
    (document,) = await store.documents(claim.job_id)
    assert (ended.status, ended.stuck) == ("failed", False)
    assert (document.state, document.code) == (DocumentState.FAILED, "timeout")


async def test_the_hard_limit_is_final_also_for_a_thread_that_obeys(
    store: JobStore, settings: Settings
) -> None:
    """One step lasts beyond the hard limit and then stops: the document has failed, it does not begin anew."""
    claim = await claimed(store)
    hard = settings.model_copy(update={"soft_limit_seconds": 60.0, "hard_limit_seconds": 0.3})

    def one_long_step(watch: Watch) -> DocumentSummary:
        while not watch.stopped:
            threading.Event().wait(0.02)
        raise Stopped

    ended = await attempt(store, hard, claim, work=Work(one_long_step))
    (document,) = await store.documents(claim.job_id)
    assert (ended.status, ended.stuck) == ("failed", False)
    assert (document.state, document.code) == (DocumentState.FAILED, "timeout")


async def test_a_thread_that_does_not_stop_is_reported(
    store: JobStore, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Work that ignores the hard limit: the document fails with ``timeout``, the process is called stuck."""
    monkeypatch.setattr("actors.attempt.STOP_SECONDS", 0.2)
    released = threading.Event()

    def hang(_watch: Watch) -> DocumentSummary:
        released.wait(30)
        return DocumentSummary(result_hash="late")

    claim, work = await claimed(store), Work(hang)
    thread = ThreadPoolExecutor(1)
    ended = await Attempt(claim, workshop=Workshop(store, work, Flights(settings), thread, settings)).run()  # type: ignore[arg-type]
    released.set()
    thread.shutdown()
    (document,) = await store.documents(claim.job_id)
    assert ended.stuck
    assert work.extraction.killed.is_set()
    assert (document.state, document.code) == (DocumentState.FAILED, "timeout")


async def test_the_lease_outlives_long_work(store: JobStore, settings: Settings) -> None:
    """Work three times as long as the lease ends as the first attempt."""
    claim = await claimed(store)
    settings = settings.model_copy(update={"soft_limit_seconds": 60.0, "hard_limit_seconds": 61.0})

    def work_long(watch: Watch) -> DocumentSummary:
        threading.Event().wait(settings.lease_seconds * 3)
        return succeed(watch)

    ended = await attempt(store, settings, claim, work=Work(work_long))
    (document,) = await store.documents(claim.job_id)
    assert ended.finish.applied
    assert (document.state, document.attempt) == (DocumentState.SUCCEEDED, 1)


async def test_a_cancelled_call_gives_the_document_back(store: JobStore, settings: Settings) -> None:
    """An evaluator that is told to leave returns its document to the queue, and no attempt is counted."""
    claim = await claimed(store)
    settings = settings.model_copy(update={"soft_limit_seconds": 60.0, "hard_limit_seconds": 61.0})
    running = asyncio.create_task(attempt(store, settings, claim, work=Work(obey)))

    async def begun() -> bool:
        return (await store.documents(claim.job_id))[0].step == 4

    await until(begun, what="the first report")
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert (await store.documents(claim.job_id))[0].state is DocumentState.QUEUED


# --------------------------------------------------------------------------- the cache of results


@pytest.fixture
async def cached(store: JobStore, settings: Settings, tmp_path: Path) -> Settings:
    """With a cache, still empty, in a storage of this test alone, and time enough."""
    await store.access.client.delete(store.access.keys.result(KEY))
    times = {"soft_limit_seconds": 60.0, "hard_limit_seconds": 61.0, "lease_seconds": 3.0}
    own = {"cache_enabled": True, "storage_url": str(tmp_path / "storage"), "storage_floor_bytes": 0}
    return settings.model_copy(update={**times, **own})


async def test_an_equal_document_is_answered_from_the_cache(store: JobStore, cached: Settings) -> None:
    """What one attempt has handed in, the next one with equal bytes has without work."""
    work = Work(succeed, Storage(cached))
    first = await attempt(store, cached, await claimed(store), work=work)
    claim = await claimed(store)
    second = await attempt(store, cached, claim, work=Work(obey, work.storage))
    assert first.summary
    assert second.summary
    assert (first.summary.cached, second.summary.cached) == (False, True)
    assert Storage(cached).artifact_names(claim.job_id, claim.document_id) == tuple(ARTIFACTS)


@pytest.mark.parametrize("end", ["delete", "cancel"])
async def test_a_job_that_is_given_up_in_the_last_step_leaves_no_result(
    store: JobStore, cached: Settings, end: str
) -> None:
    """Deleted or cancelled while the artifacts are being written: nobody is answered from them."""
    # The attempt hears of it when it hands in, not before.
    slow = cached.model_copy(update={"lease_renewal_seconds": 30.0})
    writing, going_on = threading.Event(), threading.Event()

    def write_slowly(watch: Watch) -> DocumentSummary:
        writing.set()
        going_on.wait(10)
        return succeed(watch)

    storage = Storage(cached)
    claim = await claimed(store)
    running = asyncio.create_task(attempt(store, slow, claim, work=Work(write_slowly, storage)))
    await asyncio.to_thread(writing.wait)
    await store.cancel(claim.job_id)
    if end == "delete":
        await store.delete(claim.job_id)
    going_on.set()

    assert (await running).status == "refused"
    assert await store.cached(KEY) is None
    await sweep(store, storage=storage)
    assert storage.stored_results() == ()


async def test_a_job_that_is_deleted_while_its_result_is_kept_leaves_none(
    store: JobStore, cached: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The deletion comes between the end of the document and the entry in the cache: the registry takes it no more."""
    storage, claim = Storage(cached), await claimed(store)
    keep = storage.keep_result
    loop = asyncio.get_running_loop()

    def keep_and_be_deleted(*arguments: Any, **named: Any) -> bool:
        kept = keep(*arguments, **named)
        asyncio.run_coroutine_threadsafe(store.delete(claim.job_id), loop).result(10)
        return kept

    monkeypatch.setattr(storage, "keep_result", keep_and_be_deleted)
    assert (await attempt(store, cached, claim, work=Work(succeed, storage))).status == "succeeded"
    assert await store.cached(KEY) is None


async def test_a_cache_that_hangs_costs_a_while_and_the_process(
    store: JobStore, cached: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The document is evaluated without it; as a thread cannot be ended, the process is called stuck."""
    monkeypatch.setattr("actors.attempt.CACHE_SECONDS", 0.3)
    monkeypatch.setattr("actors.attempt.STOP_SECONDS", 0.3)
    work = Work(succeed, Storage(cached))
    await attempt(store, cached, await claimed(store), work=work)
    released = threading.Event()
    monkeypatch.setattr(work, "reuse", lambda *_, **__: released.wait(30))

    claim = await claimed(store)
    ended = await attempt_with_a_hanging_thread(store, cached, claim, work=work)
    released.set()

    assert (ended.status, ended.stuck) == ("succeeded", True)
    (document,) = await store.documents(claim.job_id)
    assert (document.state, document.attempt) == (DocumentState.SUCCEEDED, 1)


async def test_a_job_can_be_cancelled_while_the_cache_hangs(
    store: JobStore, cached: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The attempt listens: it ends at the next renewal, and what it waited for is left alone."""
    monkeypatch.setattr("actors.attempt.STOP_SECONDS", 0.1)
    work = Work(succeed, Storage(cached))
    await attempt(store, cached, await claimed(store), work=work)
    reading, released = threading.Event(), threading.Event()

    def hang(*_: Any, **__: Any) -> bool:
        reading.set()
        return released.wait(30)

    monkeypatch.setattr(work, "reuse", hang)
    claim = await claimed(store)
    running = asyncio.create_task(attempt_with_a_hanging_thread(store, cached, claim, work=work))
    await asyncio.to_thread(reading.wait)
    await store.cancel(claim.job_id)
    ended = await asyncio.wait_for(running, 10)
    released.set()
    assert (ended.status, ended.stuck) == ("stopped", True)
    assert (await store.job(claim.job_id)).state is JobState.CANCELLED


async def test_a_slow_cache_is_no_reason_to_end_the_process(
    store: JobStore, cached: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was not waited for ends by itself a little later: nobody is called stuck."""
    monkeypatch.setattr("actors.attempt.CACHE_SECONDS", 0.1)
    work = Work(succeed, Storage(cached))
    storage = work.storage
    assert storage
    keep = storage.keep_result

    def keep_slowly(*arguments: Any, **named: Any) -> bool:
        threading.Event().wait(0.5)
        return keep(*arguments, **named)

    monkeypatch.setattr(storage, "keep_result", keep_slowly)
    ended = await attempt(store, cached, await claimed(store), work=work)
    assert (ended.status, ended.stuck) == ("succeeded", False)


async def attempt_with_a_hanging_thread(
    store: JobStore, settings: Settings, claim: Claim, *, work: Any
) -> Ended:
    """As ``attempt``; nothing here waits for threads."""
    return await Attempt(
        claim, workshop=Workshop(store, work, Flights(settings), ThreadPoolExecutor(1), settings)
    ).run()
