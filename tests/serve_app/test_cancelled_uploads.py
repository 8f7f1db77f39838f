"""A sender may leave at any moment: wherever the cancellation falls, nothing of the batch stays behind."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import httpx
import pytest
from http_steps import FIELDS, files_of, pdf

from cluster.api_keys import Scope
from serve_app.access import Caller
from serve_app.asgi import Backend
from serve_app.batches import MultipartBatch
from serve_app.limiting import Limits
from serve_app.receiving import whole

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from cluster.jobs import JobStore
    from cluster.settings import Settings
    from cluster.storage import Storage

TURNS = 60
"""Turns of the event loop after which a cancellation is tried: more than a batch of one file needs to be stored."""


@pytest.mark.parametrize("times", [1, 2, 5], ids=["once", "twice", "again and again"])
async def test_wherever_a_cancellation_falls_nothing_stays(
    store: JobStore, storage: Storage, settings: Settings, times: int
) -> None:
    """Cancelled after every number of turns of the loop, during the cleaning up as well: no job and no file."""
    backend = Backend(settings, storage, store)
    request = httpx.Request("POST", "http://here/", data=FIELDS, files=[("files", ("a.pdf", pdf(200_000)))])
    body, kind = request.read(), request.headers["content-type"]
    files_before, jobs_before = files_of(settings), await _jobs(store)

    async def arriving() -> AsyncIterator[bytes]:
        yield body[:-100]
        # The rest never comes.
        await asyncio.Event().wait()

    for turns in range(TURNS):
        caller = Caller("", Scope.SUBMIT, Limits(settings, store_of=lambda: store))
        batch = MultipartBatch(backend, caller=caller)
        receiving = asyncio.ensure_future(batch.receive(arriving(), content_type=kind, idempotency_key=None))
        for _ in range(turns):
            await asyncio.sleep(0)
        for _ in range(times):
            receiving.cancel()
            await asyncio.sleep(0)
        with pytest.raises(asyncio.CancelledError):
            await receiving

        assert await _jobs(store) == jobs_before, f"a job after {turns} turns"
        assert files_of(settings) == files_before, f"a file after {turns} turns"


async def test_what_is_awaited_whole_ends_before_the_cancellation_goes_on() -> None:
    """However often it is cancelled; and an error is the work's own."""
    done: list[str] = []

    async def work() -> None:
        await asyncio.sleep(0.05)
        done.append("whole")

    waiting = asyncio.ensure_future(whole(work()))
    for _ in range(3):
        await asyncio.sleep(0.01)
        waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert done == ["whole"]

    async def fail() -> None:
        raise LookupError

    with pytest.raises(LookupError):
        await whole(fail())


async def _jobs(store: JobStore) -> set[str]:
    return {job.job_id for job in (await store.jobs(limit=200)).jobs}
