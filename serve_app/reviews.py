"""Reading and saving what reviewers correct in an evaluation: for the routes of ``corrections`` and for pages."""

from __future__ import annotations

import asyncio
from collections import Counter
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import msgspec

from cluster.errors import INVALID_CORRECTIONS, REVIEW_CONFLICT, REVIEW_FULL, ServiceError
from pipeline.review import (
    Review,
    TooManyChanges,
    corrected,
    criterion_of,
    faults_of,
    read_review,
    revised,
    write_review,
)
from serve_app.delivery import Evaluated, Evaluations
from serve_app.documents import succeeded
from serve_app.problems import FieldProblem, FieldsInvalid

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cluster.records import DocumentRecord
    from pipeline.review import Correction
    from serve_app.asgi import Backend


class Reviewed(msgspec.Struct, frozen=True):
    """An evaluation as the machine gave it, and what reviewers say of it."""

    result: dict[str, Any]
    review: Review
    sha256: str | None


async def read_reviewed(backend: Backend, *, job_id: str, document_id: str) -> Reviewed:
    """The evaluation of a document and its review; revision 0 where nobody corrected anything.

    Raises:
        ServiceError: DOCUMENT_WITHOUT_RESULT, RESULTS_NOT_READY, ARTIFACT_ALTERED, STORAGE_UNAVAILABLE and what the
            registry gives reason for.
    """
    document = await succeeded(backend, job_id=job_id, document_id=document_id)
    return await asyncio.to_thread(_read, backend, job_id=job_id, document=document)


def read_corrected(backend: Backend, *, job_id: str, document: DocumentRecord) -> dict[str, Any]:
    """``evaluation_results`` with the corrections applied, also where there are none. Blocks.

    Raises:
        ServiceError: DOCUMENT_WITHOUT_RESULT, ARTIFACT_ALTERED, STORAGE_UNAVAILABLE.
    """
    reviewed = _read(backend, job_id=job_id, document=document)
    return corrected(reviewed.result, reviewed.review)


class CorrectedScores(msgspec.Struct, frozen=True):
    """Scores of a plan with its corrections; of points that do not apply there are none."""

    overall_score: float | None
    overall_band: str
    criteria_met: int
    points: dict[str, float | None]


async def corrected_scores(backend: Backend, *, job_id: str) -> dict[str, CorrectedScores | None]:
    """The scores of each document of a job that somebody corrected; None where they cannot be read now.

    Raises:
        ServiceError: what the registry gives reason for.
    """
    documents = [one for one in await backend.store.documents(job_id) if one.review is not None]

    def read() -> dict[str, CorrectedScores | None]:
        return {one.document_id: _scores_of(backend, job_id=job_id, document=one) for one in documents}

    return await asyncio.to_thread(read)


def _scores_of(backend: Backend, *, job_id: str, document: DocumentRecord) -> CorrectedScores | None:
    try:
        result = read_corrected(backend, job_id=job_id, document=document)
    except ServiceError:
        # One record that is spoiled or out of reach keeps nobody from the page of the job.
        return None
    overall = result["overall"]
    return CorrectedScores(
        overall_score=overall["score"],
        overall_band=overall["band"],
        criteria_met=overall["criteria_met"],
        points={point["id"]: point["score"] if point["applicable"] else None for point in result["points"]},
    )


def _read(backend: Backend, *, job_id: str, document: DocumentRecord) -> Reviewed:
    (evaluated,) = Evaluated.of([document])
    evaluations = Evaluations(backend.storage, job_id=job_id, documents=[evaluated])
    result = msgspec.json.decode(evaluations.artifact(evaluated))
    if evaluated.review is None:
        review = Review(document.sha256, result["deterministic_hash"])
    else:
        review = read_review(evaluations.review(evaluated))
    return Reviewed(result, review, evaluated.review)


async def save_corrections(
    backend: Backend,
    *,
    job_id: str,
    document_id: str,
    corrections: Sequence[Correction],
    base: int,
    reviewer: str,
    client: str,
) -> Reviewed:
    """Make ``corrections`` all that is corrected in an evaluation, begun when revision ``base`` held.

    What nobody changed keeps its author and time; what is missing is withdrawn and stays in the history. Saving
    the same again changes nothing. Nothing of it touches the machine's artifacts.

    Raises:
        FieldsInvalid: INVALID_CORRECTIONS, with every one that is not valid; nothing is saved.
        ServiceError: REVIEW_CONFLICT, REVIEW_FULL, STORAGE_FULL and what ``read_reviewed`` raises.
    """
    before = await read_reviewed(backend, job_id=job_id, document_id=document_id)
    faults = faults_of(corrections, result=before.result)
    if faults:
        names = _field_names(corrections)
        problems = [FieldProblem(field=names[n], message=text) for n, text in faults.items()]
        raise FieldsInvalid(INVALID_CORRECTIONS, problems)
    at = datetime.fromtimestamp(await backend.store.now(), UTC).isoformat(timespec="milliseconds")
    try:
        review = revised(
            before.review,
            corrections,
            reviewer=reviewer,
            client=client,
            at=at,
        )
    except TooManyChanges:
        raise ServiceError(REVIEW_FULL) from None
    if review is before.review:
        # Also for who sends again what was saved and whose answer was lost.
        return before
    if before.review.revision != base:
        raise ServiceError(REVIEW_CONFLICT, f"La revisión vigente es la {before.review.revision}.")
    sha256 = await _store(backend, review, job_id=job_id, document_id=document_id, base=base)
    with suppress(ServiceError):
        # It is saved, whatever becomes of the older ones: they go with the next one, or with the job.
        await asyncio.to_thread(backend.storage.prune_reviews, job_id, document_id, keep=sha256)
    return Reviewed(before.result, review, sha256)


def _field_names(corrections: Sequence[Correction]) -> list[str]:
    """Where each correction stands in the body of a request: ``points.0``, ``criteria.0``, ``criteria.1``."""
    seen: Counter[str] = Counter()
    names = []
    for one in corrections:
        kind = "points" if criterion_of(one.target) is None else "criteria"
        names.append(f"{kind}.{seen[kind]}")
        seen[kind] += 1
    return names


async def _store(backend: Backend, review: Review, *, job_id: str, document_id: str, base: int) -> str:
    """The file first, then the registry: what the registry names is always there."""
    storage = backend.storage
    await asyncio.to_thread(storage.require_space)
    sha256 = await asyncio.to_thread(storage.write_review, job_id, document_id, write_review(review))
    try:
        await backend.store.review(job_id, document_id, base=base, sha256=sha256)
    except ServiceError as error:
        # While the registry cannot be asked, the file may be the one that holds: the sweep takes it with its job.
        if not error.refusal.retryable:
            await asyncio.to_thread(storage.delete_review, job_id, document_id, sha256)
        raise
    return sha256
