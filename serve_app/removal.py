"""Deleting a job: what runs is stopped, what is stored is removed; and forgetting a batch that came to nothing."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING

from cluster.errors import ServiceError

if TYPE_CHECKING:
    from serve_app.asgi import Backend


async def discard_batch(backend: Backend, job_id: str) -> bool:
    """Forget a batch and its files, unless it was accepted; whether it is gone. Repeating it is harmless.

    Raises:
        ServiceError: REDIS_UNAVAILABLE; its files stay, for nobody knows whether it was accepted.
    """
    if not await backend.store.discard(job_id):
        return False
    await _remove_files(backend, job_id)
    return True


async def remove_job(backend: Backend, job_id: str) -> None:
    """Cancel the job, forget it, and delete its files. Deleting again is harmless.

    Raises:
        ServiceError: JOB_NOT_FOUND, JOB_EXPIRED, JOB_DELETED, REDIS_UNAVAILABLE.
    """
    await backend.store.cancel(job_id)
    await backend.store.delete(job_id)
    await _remove_files(backend, job_id)


async def _remove_files(backend: Backend, job_id: str) -> None:
    # The registry no longer knows the job: what cannot be removed now is swept later.
    with suppress(ServiceError):
        await asyncio.to_thread(backend.storage.delete_job, job_id)
