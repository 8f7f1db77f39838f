"""Steps that the tests of the actors share: a batch into the service, waiting for conditions, killing."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

import pymupdf
import pytest

from cluster import lifecycle
from cluster.records import JobMetadata
from cluster.storage import Storage

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from cluster.jobs import JobStore
    from cluster.records import DocumentRecord, JobRecord
    from cluster.settings import Settings

PATIENCE_SECONDS = 90.0
"""A busy machine starts a replica in ten seconds or more."""

LONG_PAGES = 320


def variant(pdf: bytes, *, number: int) -> bytes:
    """The same pages under another hash."""
    return pdf + f"\n%% {number}\n".encode()


def long_plan(pdf: bytes) -> bytes:
    """A plan of some hundred pages: seconds of work, so that something can happen meanwhile."""
    with pymupdf.open(stream=pdf, filetype="pdf") as source, pymupdf.open() as target:
        while target.page_count < LONG_PAGES:
            target.insert_pdf(source)
        content: bytes = target.tobytes(garbage=3, deflate=True)
    return content


async def submit(
    store: JobStore, settings: Settings, pdfs: Sequence[bytes], *, options: Mapping[str, object] | None = None
) -> str:
    """Send a batch as the HTTP applications do."""
    storage = Storage(settings)
    job_id = await store.create(JobMetadata(municipality="Prueba", options=dict(options or {})))
    for number, pdf in enumerate(pdfs):
        with storage.begin_upload(job_id) as writer:
            writer.write(pdf)
            stored = writer.commit()
        await store.add_document(
            job_id, name=f"{number}.pdf", sha256=stored.sha256, size_bytes=stored.size_bytes
        )
    await store.submit(job_id)
    return job_id


async def until(condition: Callable[[], Awaitable[bool]], *, what: str) -> None:
    """Wait for ``condition``."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        if await condition():
            return
        await asyncio.sleep(0.05)
    pytest.fail(f"waited {PATIENCE_SECONDS:.0f} s for: {what}")


async def ended(store: JobStore, job_id: str) -> JobRecord:
    """Wait until the job is final."""

    async def final() -> bool:
        return (await store.job(job_id)).state.final

    await until(final, what="the end of the job")
    return await store.job(job_id)


async def at_work(store: JobStore, job_id: str) -> DocumentRecord:
    """Wait until an evaluator is in the middle of the first document, or already past a short one."""

    async def past_extraction() -> bool:
        first = (await store.documents(job_id))[0]
        # Progress is reported a few times a second only: a short document may end without a step.
        return first.step >= 1 or first.state.final

    await until(past_extraction, what="an evaluator at work")
    return (await store.documents(job_id))[0]


def replica_pids(settings: Settings, *, deployment: str) -> dict[str, int]:
    """Process ids of the running replicas of a deployment, by replica id, as Serve tells them."""
    return {
        replica.replica_id: replica.pid
        for replica in lifecycle.replicas(settings)
        if replica.deployment == deployment
    }
