"""What is accepted without the sender's hearing of it is whole, and the repetition finds it."""

from __future__ import annotations

import asyncio
import os
import signal
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from http_steps import FIELDS, files_of, pdf, roomy

from cluster import embedded_redis
from cluster.api_keys import Scope
from cluster.errors import REDIS_UNAVAILABLE, ServiceError
from cluster.jobs import JobStore
from cluster.records import JobMetadata, JobState
from cluster.scripts import SUBMIT
from cluster.storage import Storage
from serve_app.access import Caller
from serve_app.asgi import Backend
from serve_app.batches import MultipartBatch, submit_once
from serve_app.limiting import Limits

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable
    from pathlib import Path

    from cluster.records import JobRecord
    from cluster.settings import Settings

KEY = "lote-1"


@pytest.fixture
async def backend(tmp_path: Path) -> AsyncIterator[Backend]:
    """Registry and storage of this test alone; its Valkey may be made to stand still."""
    settings = roomy(data_dir=tmp_path, redis_timeout_seconds=0.3)
    embedded_redis.start(settings)
    store = await JobStore.connect(settings)
    yield Backend(settings, Storage(settings), store)
    await store.close()
    embedded_redis.stop(settings)


async def send(backend: Backend, *, key: str | None = KEY) -> JobRecord:
    """One batch of one file, as ``POST /upload`` takes it."""
    request = httpx.Request("POST", "http://here/", data=FIELDS, files=[("files", ("a.pdf", pdf()))])
    content = request.read()

    async def body() -> AsyncIterator[bytes]:
        yield content

    caller = Caller("", Scope.SUBMIT, Limits(backend.settings, store_of=lambda: backend.store))
    kind = request.headers["content-type"]
    return await MultipartBatch(backend, caller=caller).receive(
        body(), content_type=kind, idempotency_key=key
    )


async def whole(backend: Backend, job: JobRecord) -> bool:
    """Whether every document of an accepted batch has its file."""
    documents = await backend.store.documents(job.job_id)
    return bool(documents) and all(
        backend.storage.has_upload(job.job_id, document.sha256) for document in documents
    )


def at_submit(monkeypatch: pytest.MonkeyPatch, happens: Callable[[], Awaitable[None]]) -> None:
    """Once, as the batch is about to be accepted, this happens."""
    real, left = SUBMIT.run, [happens]

    async def run(*arguments: Any, **named: Any) -> Any:
        if left:
            await left.pop()()
        return await real(*arguments, **named)

    monkeypatch.setattr(SUBMIT, "run", run)


def stalled(settings: Settings, *, seconds: float) -> Callable[[], Awaitable[None]]:
    """Make the Valkey stand still for a while, as one whose disk is slow."""
    address = embedded_redis.running(settings)
    assert address

    async def stall() -> None:
        os.kill(address.pid, signal.SIGSTOP)
        asyncio.get_running_loop().call_later(seconds, os.kill, address.pid, signal.SIGCONT)

    return stall


@pytest.mark.parametrize("stall_seconds", [0.45, 1.5], ids=["back at once", "back later"])
async def test_a_batch_whose_acceptance_was_answered_late_keeps_its_files(
    backend: Backend, monkeypatch: pytest.MonkeyPatch, stall_seconds: float
) -> None:
    """The sender is told 503, the batch is accepted: the same key finds it, with every file there."""
    # As on any day but the first, the script is known: what was sent is carried out when Redis goes on.
    first = await send(backend, key=None)
    at_submit(monkeypatch, stalled(backend.settings, seconds=stall_seconds))
    with pytest.raises(ServiceError) as caught:
        await send(backend)
    assert caught.value.refusal is REDIS_UNAVAILABLE
    await asyncio.sleep(stall_seconds + 0.5)

    again = await send(backend)
    assert again.state is JobState.QUEUED
    assert await whole(backend, again)
    accepted = [job for job in (await backend.store.jobs()).jobs if job.state is not JobState.OPEN]
    assert {job.job_id for job in accepted} == {first.job_id, again.job_id}


async def test_a_batch_that_was_not_accepted_leaves_nothing(
    backend: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The registry fails before it accepts and is well again at once: neither job nor file stays."""

    async def fail() -> None:
        raise ConnectionError

    at_submit(monkeypatch, fail)
    with pytest.raises(ServiceError):
        await send(backend)
    assert (await backend.store.jobs()).jobs == ()
    assert files_of(backend.settings) == set()
    assert await whole(backend, await send(backend))


async def test_a_sender_that_leaves_as_the_batch_is_accepted_does_not_take_it_from_the_next(
    backend: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first sender goes while its batch is accepted; who repeats it with the key gets the whole job."""
    accepted = asyncio.Event()
    real = SUBMIT.run

    async def run(*arguments: Any, **named: Any) -> Any:
        reply = await real(*arguments, **named)
        if not accepted.is_set():
            accepted.set()
            await asyncio.sleep(60)  # the answer is on its way
        return reply

    monkeypatch.setattr(SUBMIT, "run", run)
    leaving = asyncio.create_task(send(backend))
    await accepted.wait()
    again = await send(backend)
    leaving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await leaving
    assert (await backend.store.job(again.job_id)).state is JobState.QUEUED
    assert await whole(backend, again)


async def test_an_accepted_batch_is_not_given_up_for_another_one_of_its_key(backend: Backend) -> None:
    """Accepted without a key, then submitted again under one that another batch has: it stays what it is."""
    other = await send(backend)
    job = await send(backend, key=None)
    assert (await submit_once(backend, job.job_id, idempotency_key=KEY)).job_id == job.job_id
    assert (await backend.store.job(job.job_id)).state is JobState.QUEUED
    assert await whole(backend, job)
    assert (await backend.store.job(other.job_id)).state is JobState.QUEUED

    # One that is still open gives way, as before.
    document = (await backend.store.documents(job.job_id))[0]
    job_id = await backend.store.create(job.metadata)
    await backend.store.add_document(
        job_id, name=document.name, sha256=document.sha256, size_bytes=document.size_bytes
    )
    assert (await submit_once(backend, job_id, idempotency_key=KEY)).job_id == other.job_id
    with pytest.raises(ServiceError):
        await backend.store.job(job_id)


async def test_only_what_was_not_accepted_can_be_discarded(backend: Backend) -> None:
    """The registry decides in one step; discarding again is harmless."""
    store, job = backend.store, await send(backend)
    assert not await store.discard(job.job_id)
    job_id = await store.create(JobMetadata())
    assert await store.discard(job_id)
    assert await store.discard(job_id)
    assert (await store.job(job.job_id)).state is JobState.QUEUED
    with pytest.raises(ServiceError):
        await store.job(job_id)
