"""Removing the files of jobs that the registry no longer knows: expired, deleted or lost."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cluster.registry_identity import pair
from cluster.storage import TEMPORARY_SECONDS, Storage

if TYPE_CHECKING:
    from cluster.jobs import JobStore


@dataclass(frozen=True, slots=True)
class Swept:
    """How much a sweep removed."""

    jobs: int
    results: int
    temporary_files: int
    index_names: int


async def sweep(store: JobStore, *, storage: Storage, temporary_seconds: float = TEMPORARY_SECONDS) -> Swept:
    """Remove what belongs to no job; run it every few minutes from one process (several do no harm).

    A job is created in the registry before its first file is written, so a folder that was listed first and
    whose job is then missing can belong to no living job. Cached results are judged the same way, except that
    their files come first: see ``Storage.keep_result`` and ``JobStore.remember`` (a lost race costs a cache
    hit).

    Raises:
        RegistryMismatchError: the files belong to another registry; nothing more is removed.
        ServiceError: REDIS_UNAVAILABLE, STORAGE_UNAVAILABLE; nothing is removed on doubt.
    """
    registry = await pair(store, storage=storage)
    stored = await asyncio.to_thread(storage.stored_jobs)
    gone = await store.unknown_jobs(stored, registry=registry)
    for job_id in gone:
        await asyncio.to_thread(storage.delete_job, job_id)

    results = await asyncio.to_thread(storage.stored_results)
    forgotten = await store.unknown_results(results, registry=registry)
    for key in forgotten:
        await asyncio.to_thread(storage.delete_result, key)

    temporary = await asyncio.to_thread(storage.sweep_temporary, older_than_seconds=temporary_seconds)
    return Swept(len(gone), len(forgotten), temporary, await store.sweep_index())
