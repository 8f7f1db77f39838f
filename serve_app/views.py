"""How jobs and documents look to clients: JSON shapes, and nothing that decides."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from pydantic import BaseModel, Field

from cluster.records import DocumentState, JobState, steps_of

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from cluster.records import DocumentRecord, JobRecord

STEPS_PER_DOCUMENT = 13
"""Eleven nodes, the answers, the artifacts; only used until the first attempt says its own number."""


def iso(seconds: float | None) -> str | None:
    """ISO 8601 in UTC."""
    return (
        None if seconds is None else datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")
    )


class Accepted(BaseModel):
    """The answer to a batch that was accepted or opened."""

    job_id: str
    status: str
    document_count: int
    submission_time: str | None
    links: dict[str, str]


class Progress(BaseModel):
    """How far a job is. A step is one node of one document."""

    current_step: str
    completed_steps: int
    total_steps: int
    progress_percentage: float


class DocumentView(BaseModel):
    """One document of a job."""

    document_id: str
    name: str
    sha256: str
    size_bytes: int
    status: str
    attempts: int
    step: int
    total_steps: int
    current_step: str
    queued_at: str | None
    started_at: str | None
    finished_at: str | None
    retry_at: str | None
    seconds: float | None = Field(description="From claim to end, or until now")
    cached: bool
    error_code: str | None
    error_message: str | None
    error_reference: str | None
    overall_score: float | None = Field(description="Of the machine's evaluation, as all that follows")
    overall_band: str | None
    points: dict[str, float | None] = Field(description="0 to 3; null where a point does not apply")
    criteria_met: int | None
    deterministic_hash: str | None
    corrections_revision: int = Field(description="Of the reviewers' corrections; 0 when there are none")


class CallbackView(BaseModel):
    """How telling ``callback_url`` of the end went; of the address only the host is shown."""

    host: str
    status: str = Field(description="waiting (for the end), pending, delivered or failed")
    attempts: int
    error: str | None = Field(
        description="Of the last attempt: http_NNN, no_answer, not_connected, not_resolved, address_refused, "
        "not_configured"
    )
    next_attempt_at: str | None
    ended_at: str | None


class JobView(BaseModel):
    """A job with its documents."""

    job_id: str
    status: str
    progress: Progress
    error_message: str | None
    document_count: int
    documents_by_status: dict[str, int]
    documents: list[DocumentView]
    metadata: dict[str, Any]
    submission_time: str | None
    started_at: str | None
    finished_at: str | None
    expires_at: str | None
    cancel_requested: bool
    queue_position: int | None
    estimated_seconds: float | None = Field(description="Until the end, from the pace of this job so far")
    callback: CallbackView | None
    links: dict[str, str]


class JobLine(BaseModel):
    """A job in the list."""

    job_id: str
    status: str
    document_count: int
    documents_by_status: dict[str, int]
    municipality: str
    department: str
    period: str
    submission_time: str | None
    finished_at: str | None
    expires_at: str | None


class JobList(BaseModel):
    """A part of the list, newest first."""

    jobs: list[JobLine]
    next_cursor: str | None


def links(job_id: str) -> dict[str, str]:
    """Where to go from a job."""
    return {
        "status": f"/status/{job_id}",
        "events": f"/status/{job_id}/events",
        "results": f"/results/{job_id}",
    }


def accepted(job: JobRecord) -> Accepted:
    """The answer to an accepted or opened batch."""
    return Accepted(
        job_id=job.job_id,
        status=job.state.value,
        document_count=job.document_count,
        submission_time=iso(job.submitted_at or job.created_at),
        links=links(job.job_id),
    )


def job_line(job: JobRecord) -> JobLine:
    """A row of the list."""
    return JobLine(
        job_id=job.job_id,
        status=job.state.value,
        document_count=job.document_count,
        documents_by_status=_counts(job),
        municipality=job.metadata.municipality,
        department=job.metadata.department,
        period=job.metadata.period,
        submission_time=iso(job.submitted_at),
        finished_at=iso(job.finished_at),
        expires_at=iso(job.expires_at),
    )


def job_view(
    job: JobRecord, *, documents: Sequence[DocumentRecord], queue_position: int | None, now: float
) -> JobView:
    """The whole state of a job. ``now`` is the time of the request."""
    done, total = steps_of(documents, steps_per_document=STEPS_PER_DOCUMENT)
    if job.state.final:
        done = total
    left_out = job.metadata.options.get("not_applicable_points", ())
    running = next((d for d in documents if d.state is DocumentState.RUNNING), None)
    return JobView(
        job_id=job.job_id,
        status=job.state.value,
        progress=Progress(
            current_step=(running.node or "extraction") if running else job.state.value,
            completed_steps=done,
            total_steps=total,
            progress_percentage=round(100 * done / total, 1) if total else 0.0,
        ),
        error_message=_error_message(job, documents=documents),
        document_count=job.document_count,
        documents_by_status=_counts(job),
        documents=[document_view(document, left_out=left_out, now=now) for document in documents],
        metadata=_metadata(job),
        submission_time=iso(job.submitted_at),
        started_at=iso(job.started_at),
        finished_at=iso(job.finished_at),
        expires_at=iso(job.expires_at),
        cancel_requested=job.cancel_requested,
        queue_position=queue_position,
        estimated_seconds=_estimate(job, done=done, total=total, now=now),
        callback=_callback(job),
        links=links(job.job_id),
    )


def document_view(document: DocumentRecord, *, left_out: Collection[str], now: float) -> DocumentView:
    """One document. Of points that are ``left_out`` because they do not apply, what was found is no score."""
    summary = document.summary
    ended = document.finished_at if document.state.final else now
    return DocumentView(
        document_id=document.document_id,
        name=document.name,
        sha256=document.sha256,
        size_bytes=document.size_bytes,
        status=document.state.value,
        attempts=document.attempt,
        step=document.step,
        total_steps=document.total_steps,
        current_step=document.node,
        queued_at=iso(document.queued_at),
        started_at=iso(document.started_at),
        finished_at=iso(document.finished_at),
        retry_at=iso(document.retry_at),
        seconds=round(max(0.0, ended - document.started_at), 3) if document.started_at and ended else None,
        cached=bool(summary and summary.cached),
        error_code=document.code or None,
        error_message=document.sentence or None,
        error_reference=document.reference or None,
        overall_score=summary.overall_score if summary else None,
        overall_band=summary.overall_band if summary else None,
        points={
            point: None if point in left_out else score
            for point, score in (summary.points if summary else {}).items()
        },
        criteria_met=summary.criteria_met if summary else None,
        deterministic_hash=summary.result_hash if summary else None,
        corrections_revision=document.review.revision if document.review else 0,
    )


def _callback(job: JobRecord) -> CallbackView | None:
    url, found = job.metadata.callback_url, job.callback
    if not url:
        return None
    return CallbackView(
        host=urlsplit(url).hostname or "",
        status=found.state.value if found else "waiting",
        attempts=found.attempt if found else 0,
        error=(found.error or None) if found else None,
        next_attempt_at=iso(found.retry_at) if found else None,
        ended_at=iso(found.ended_at) if found else None,
    )


def _counts(job: JobRecord) -> dict[str, int]:
    return {state.value: count for state, count in job.counts.items() if count}


def _metadata(job: JobRecord) -> dict[str, Any]:
    said = job.metadata
    return {
        "municipality": said.municipality,
        "department": said.department,
        "year": said.year,
        "period": said.period,
        "requester_name": said.requester_name,
        "notes": said.notes,
        "options": said.options,
    }


def _error_message(job: JobRecord, *, documents: Sequence[DocumentRecord]) -> str | None:
    failed = [document for document in documents if document.state is DocumentState.FAILED]
    if job.state is JobState.CANCELLED:
        return "El trabajo fue cancelado."
    if not failed:
        return None
    if len(documents) == 1:
        return failed[0].sentence
    return f"{len(failed)} de {len(documents)} documentos no se pudieron evaluar; cada uno dice por qué."


def _estimate(job: JobRecord, *, done: int, total: int, now: float) -> float | None:
    if job.state.final or job.started_at is None or done == 0:
        return None
    return round((now - job.started_at) * (total - done) / done, 1)
