"""A document that was evaluated, and its artifacts, as results and pages ask for them."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from cluster.errors import DOCUMENT_WITHOUT_RESULT, RESULTS_NOT_READY, ServiceError
from cluster.records import DocumentState
from serve_app.delivery import Evaluated, Evaluations

if TYPE_CHECKING:
    from cluster.records import DocumentRecord
    from serve_app.asgi import Backend

RETRY_AFTER_SECONDS = 5


async def succeeded(backend: Backend, *, job_id: str, document_id: str) -> DocumentRecord:
    """The document, when it has a result.

    Raises:
        ServiceError: DOCUMENT_WITHOUT_RESULT, RESULTS_NOT_READY, and what the registry gives reason for.
    """
    document = await backend.store.document(job_id, document_id)
    if document.state is DocumentState.SUCCEEDED:
        return document
    if document.state.final:
        raise ServiceError(DOCUMENT_WITHOUT_RESULT, document.sentence)
    raise ServiceError(RESULTS_NOT_READY, retry_after_seconds=RETRY_AFTER_SECONDS)


async def artifact(backend: Backend, *, job_id: str, document: DocumentRecord, name: str) -> bytes:
    """The bytes of an artifact, as the evaluator handed them in.

    Raises:
        ServiceError: DOCUMENT_WITHOUT_RESULT, ARTIFACT_ALTERED, STORAGE_UNAVAILABLE.
    """
    (evaluated,) = Evaluated.of([document])
    evaluations = Evaluations(backend.storage, job_id=job_id, documents=[evaluated])
    return await asyncio.to_thread(evaluations.artifact, evaluated, name=name)
