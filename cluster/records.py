"""The values that pass between the job registry and its users. Frozen; times in seconds since 1970, UTC."""

from __future__ import annotations

from collections.abc import Iterable, Mapping  # noqa: TC003  msgspec reads the types at run time
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class JobState(StrEnum):
    """``open`` while files arrive; the last three are final and never change again."""

    OPEN = "open"
    QUEUED = "queued"
    PROCESSING = "processing"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def final(self) -> bool:
        """Whether the job has ended."""
        return self in FINAL_JOB_STATES


class DocumentState(StrEnum):
    """``retrying``: an attempt failed, the next one is due at ``retry_at``. The last three are final."""

    QUEUED = "queued"
    RUNNING = "running"
    RETRYING = "retrying"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def final(self) -> bool:
        """Whether the document has ended."""
        return self in FINAL_DOCUMENT_STATES


FINAL_JOB_STATES = frozenset({JobState.COMPLETED, JobState.FAILED, JobState.CANCELLED})
FINAL_DOCUMENT_STATES = frozenset({DocumentState.SUCCEEDED, DocumentState.FAILED, DocumentState.CANCELLED})

STATE_CODES: Mapping[int, DocumentState] = dict(enumerate(DocumentState))
"""Score in ``pdm:job:{id}:states`` → state; ``scripts/prelude.lua`` has the same table."""


class RefusalReason(StrEnum):
    """Why a claim, or the end of an attempt, was not accepted."""

    LEASED = "leased"
    """Another evaluator works on it and its lease is alive."""
    FINAL = "final"
    """The document has ended already."""
    SUPERSEDED = "superseded"
    """A later attempt, or a later queue entry, has taken over."""
    CANCELLED = "cancelled"
    """The job was cancelled; the document is now final."""
    EXHAUSTED = "exhausted"
    """All attempts are used up; the document is now final with ``attempts_exhausted``."""
    ORPHANED = "orphaned"
    """The job is gone: deleted, expired or lost."""
    DUPLICATE = "duplicate"
    """A second result of a document that has one; compared and counted, not stored."""


@dataclass(frozen=True, slots=True)
class JobMetadata:
    """What the sender said about the batch. ``options`` are the fields of the pipeline's options, by name."""

    municipality: str = ""
    department: str = ""
    year: int | None = None
    period: str = ""
    requester_name: str = ""
    requester_email: str = ""
    notes: str = ""
    options: dict[str, Any] = field(default_factory=dict)
    callback_url: str = ""


@dataclass(frozen=True, slots=True)
class DocumentSummary:
    """What a finished document leaves in the registry; the artifacts themselves are in storage.

    ``result_hash`` is the deterministic hash of the evaluation: a late duplicate is compared by it.
    ``points`` maps ``P1``… to the score, ``None`` where the point does not apply. ``seconds`` is the
    time from claim to finish. ``artifacts`` maps the name of each artifact to the SHA-256 of its bytes: what
    storage gives back later is checked against it. ``details`` is free: timings per node, warnings, whatever
    readers agree on.
    """

    result_hash: str
    result_key: str = ""
    freeze_hash: str = ""
    evidence_registry_hash: str = ""
    title: str = ""
    municipality: str = ""
    department: str = ""
    pages: int = 0
    answers: int = 0
    overall_score: float | None = None
    overall_band: str = ""
    points: dict[str, float | None] = field(default_factory=dict)
    criteria_met: int = 0
    criteria_total: int = 0
    seconds: float = 0.0
    cached: bool = False
    artifacts: dict[str, str] = field(default_factory=dict)
    details: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ReviewPointer:
    """Which review of a document holds: the number of its revision, from 1, and the SHA-256 of its file."""

    revision: int
    sha256: str


@dataclass(frozen=True, slots=True)
class DocumentRecord:
    """A document as the registry knows it. ``step`` of ``total_steps`` counts the work of this attempt."""

    document_id: str
    name: str
    sha256: str
    size_bytes: int
    state: DocumentState
    attempt: int = 0
    step: int = 0
    total_steps: int = 0
    node: str = ""
    worker_id: str = ""
    queued_at: float | None = None
    started_at: float | None = None
    finished_at: float | None = None
    retry_at: float | None = None
    code: str = ""
    sentence: str = ""
    reference: str = ""
    summary: DocumentSummary | None = None
    review: ReviewPointer | None = None


class CallbackState(StrEnum):
    """``pending`` until somebody was told, or nobody will be any more."""

    PENDING = "pending"
    DELIVERED = "delivered"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class CallbackRecord:
    """How telling the sender that a job has ended went. ``error`` is that of the last attempt, empty for none."""

    state: CallbackState
    attempt: int = 0
    error: str = ""
    retry_at: float | None = None
    ended_at: float | None = None


@dataclass(frozen=True, slots=True)
class JobRecord:
    """A job as the registry knows it. ``counts`` has every document state, zero included.

    While ``cancel_requested`` is set and the state is not final, running documents are being stopped.
    ``summary`` is what the aggregator said at the end. ``owner`` is the client that sent it, empty for none.
    """

    job_id: str
    state: JobState
    metadata: JobMetadata
    document_count: int
    counts: Mapping[DocumentState, int]
    created_at: float
    submitted_at: float | None = None
    started_at: float | None = None
    finished_at: float | None = None
    expires_at: float | None = None
    cancel_requested: bool = False
    summary: dict[str, Any] | None = None
    owner: str = ""
    callback: CallbackRecord | None = None

    @property
    def finished_documents(self) -> int:
        """Documents in a final state."""
        return sum(self.counts[state] for state in FINAL_DOCUMENT_STATES)


@dataclass(frozen=True, slots=True)
class JobPage:
    """A part of the list of jobs, newest first. ``next_cursor`` is None at the end."""

    jobs: tuple[JobRecord, ...]
    next_cursor: str | None


@dataclass(frozen=True, slots=True)
class JobEvent:
    """Something that happened to a job. ``event_id`` can be sent back as ``Last-Event-ID``.

    ``kind``: ``job`` (data: state), ``document`` (data: document_id, state, attempt, finished, total, …) or
    ``progress`` (data: document_id, attempt, step, total_steps, node).
    """

    event_id: str
    kind: str
    data: dict[str, Any]


@dataclass(frozen=True, slots=True)
class QueueEntry:
    """A document given to a dispatcher. ``deliveries`` tells apart the times this entry was given out.

    Plain strings and a number: it passes through a Serve handle as it is.
    """

    entry_id: str
    job_id: str
    document_id: str
    deliveries: int = 1


@dataclass(frozen=True, slots=True)
class QueueFigures:
    """How much waits.

    ``depth`` documents wait for a claim (the oldest for ``oldest_age_seconds``), ``delayed`` for a retry.
    ``pending`` entries are with a dispatcher or an evaluator, ``dead`` letters are kept (at most the last
    1,000). ``unfinished_jobs`` counts those that are still being uploaded as well.
    """

    depth: int
    oldest_age_seconds: float
    delayed: int
    pending: int
    dead: int
    unfinished_jobs: int = 0

    @property
    def work_present(self) -> bool:
        """Whether any document waits or runs."""
        return self.depth + self.delayed + self.pending > 0


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to evaluate one document, until the lease ends or a later attempt begins.

    ``attempt`` is the fencing token: everything written under this claim is refused once it is not the
    latest.
    """

    entry: QueueEntry
    attempt: int
    worker_id: str
    name: str
    sha256: str
    size_bytes: int
    metadata: JobMetadata
    queued_seconds: float

    @property
    def job_id(self) -> str:
        """The job."""
        return self.entry.job_id

    @property
    def document_id(self) -> str:
        """The document."""
        return self.entry.document_id


@dataclass(frozen=True, slots=True)
class ClaimRefused:
    """No claim; the entry has been settled. ``last``: this made the job ready to aggregate."""

    reason: RefusalReason
    last: bool = False


@dataclass(frozen=True, slots=True)
class Finish:
    """How the end of an attempt was taken.

    ``applied``: it counts (also when a repetition of the same call finds it done). Otherwise ``reason`` says
    why not; nothing is left to do for the caller in either case. ``last``: every document of the job is now
    final and its aggregation is due. ``will_retry``: another attempt comes in ``retry_in_seconds``.
    """

    applied: bool
    last: bool = False
    reason: RefusalReason | None = None
    will_retry: bool = False
    retry_in_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class AggregationClaim:
    """The right to complete a job, for one lease. ``attempt`` is its fencing token, from 1."""

    job_id: str
    attempt: int


@dataclass(frozen=True, slots=True)
class CallbackClaim:
    """The right to make one attempt at the callback of a job. ``attempt`` is its fencing token, from 1."""

    job_id: str
    attempt: int


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A document that failed after its last attempt, or that no attempt could end."""

    job_id: str
    document_id: str
    code: str
    reference: str
    attempt: int
    at: float


def steps_of(documents: Iterable[DocumentRecord], *, steps_per_document: int) -> tuple[int, int]:
    """Completed and total steps of a batch; a final document counts with all its steps, whatever its end."""
    done = total = 0
    for document in documents:
        steps = document.total_steps or steps_per_document
        total += steps
        done += steps if document.state.final else min(document.step, steps)
    return done, total
