"""A batch into the registry and the storage, as the HTTP applications do it, and waiting for its end."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from machines import PATIENCE_SECONDS

from cluster.records import JobMetadata
from cluster.storage import Storage

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cluster.jobs import JobStore
    from cluster.records import JobRecord
    from cluster.settings import Settings


async def submit(store: JobStore, settings: Settings, pdfs: Sequence[bytes]) -> str:
    """Send a batch."""
    storage = Storage(settings)
    job_id = await store.create(JobMetadata(municipality="Prueba"))
    for number, pdf in enumerate(pdfs):
        with storage.begin_upload(job_id) as writer:
            writer.write(pdf)
            stored = writer.commit()
        await store.add_document(
            job_id, name=f"{number}.pdf", sha256=stored.sha256, size_bytes=stored.size_bytes
        )
    await store.submit(job_id)
    return job_id


async def ended(store: JobStore, job_id: str) -> JobRecord:
    """Wait until the job is final."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not (job := await store.job(job_id)).state.final:
        assert time.monotonic() < deadline, "the batch does not end"
        await asyncio.sleep(0.1)
    return job
