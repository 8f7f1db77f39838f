"""Ends a job whose documents are all final: collect, validate, complete, once; then tells who asked to be told."""

from __future__ import annotations

import asyncio
import contextlib
import time
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import structlog

from actors.callbacks import CallbackSender
from actors.patience import until_answered
from actors.summaries import holds, summarize
from cluster import tracing
from cluster.errors import ServiceError
from cluster.identifiers import new_nonce
from cluster.jobs import JobStore
from cluster.logs import configure, describe
from cluster.records import Claim, DocumentState, QueueEntry
from cluster.settings import Settings
from cluster.storage import Storage
from cluster.validators import BatchReport, Problem, after_batch

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from ray.serve.handle import DeploymentHandle

    from cluster.records import AggregationClaim, DocumentRecord, DocumentSummary, JobMetadata

log = structlog.get_logger("aggregator")

EVALUATION_RESULTS = "evaluation_results.json"
SECOND_EVALUATION_FROM = 2
"""Documents of a batch; twice the time for a single one is too dear."""
ASKED_AT_MOST = 50
ASKED_OF_A_LONE_ONE = 5
ASKED_AGAIN_SECONDS = 0.2
"""Serve asks whoever is free: while all others are busy, often the one that evaluated a document first. Where it may
be the only one there is, a second is not waited for long. Ray does not tell a replica how many there are: its
``world_size`` is what was configured, whatever the autoscaler has made of it."""
ARTIFACTS = frozenset({EVALUATION_RESULTS, "evidence_registry.json", "coverage_report.json"})
"""As in ``pipeline.artifacts`` (a test compares): importing that would load the whole pipeline here."""


@dataclass(frozen=True, slots=True)
class SecondEvaluation:
    """What evaluating one document of the batch again gave."""

    document_id: str
    deterministic_hash: str
    equal: bool
    another_evaluator: bool
    """False where there was only one evaluator, or the others were busy for long."""

    @property
    def hashes(self) -> dict[str, str]:
        """As ``after_batch`` takes it."""
        return {self.document_id: self.deterministic_hash}


class Aggregator:
    """The one replica. Deployed by ``actors.application``, called by the Dispatcher.

    Any number of calls for one job is harmless: the registry gives the right to complete it to one at a time.
    """

    def __init__(self, evaluators: DeploymentHandle[Any]) -> None:
        self._settings = Settings.load()
        configure(self._settings)
        tracing.configure(self._settings, component="aggregator")
        self._evaluators = evaluators
        self._store = JobStore.lazily(self._settings)
        self._storage = Storage(self._settings)
        self._callbacks = CallbackSender(self._store, self._settings)

    async def send_callback(self, job_id: str) -> None:
        """Make the next attempt at the callback of a job, if it is due.

        A registry that does not answer is waited for.
        """
        await self._callbacks.send_next(job_id)

    async def aggregate(self, job_id: str) -> str | None:
        """Complete the job; returns its final state, or None when there was nothing to do.

        Raises:
            ServiceError: STORAGE_UNAVAILABLE; it is tried again. A registry that does not answer is waited for.
        """
        nonce = new_nonce()
        claim = await until_answered(lambda: self._store.claim_aggregation(job_id, nonce=nonce))
        if claim is None:
            return None
        began = time.time()
        async with self._renewed(claim):
            job = await until_answered(lambda: self._store.job(job_id))
            documents = await until_answered(lambda: self._store.documents(job_id))
            problems = await self._broken(job_id, documents)
            second = await self._second_evaluation(job_id, documents, metadata=job.metadata)
            report = after_batch(documents, second_hashes=second.hashes if second else {})
            summary = _summary(documents, report=report, problems=problems, second=second)
            state = await until_answered(lambda: self._store.complete(claim, summary=summary))
        log.info("job_ended", job_id=job_id, state=state.value, documents=len(documents))
        attributes = {"decalogo.state": state.value, "decalogo.documents": len(documents)}
        now = time.time()
        tracing.emit(
            job_id,
            tracing.Span("job", job.created_at, now, tracing.ROOT, parent=None, attributes=attributes),
            tracing.Span("aggregate", began, now, "aggregate"),
        )
        return state.value

    # ------------------------------------------------------------------ checks

    async def _broken(self, job_id: str, documents: Sequence[DocumentRecord]) -> tuple[Problem, ...]:
        """Documents whose stored artifacts are not what the registry says of them."""
        bad = [
            document.document_id
            for document in documents
            if document.state is DocumentState.SUCCEEDED
            and not await asyncio.to_thread(self._holds, job_id, document)
        ]
        sentence = (
            "Hay documentos cuyos artefactos guardados faltan o no corresponden al resultado registrado."
        )
        return (Problem("artifacts", sentence, tuple(bad)),) if bad else ()

    def _holds(self, job_id: str, document: DocumentRecord) -> bool:
        try:
            names = self._storage.artifact_names(job_id, document.document_id)
            if not ARTIFACTS.issubset(names) or document.summary is None:
                return False
            content = self._storage.read_artifact(job_id, document.document_id, EVALUATION_RESULTS)
            found = summarize(content, key=document.summary.result_key)
        except (FileNotFoundError, ValueError):
            return False
        whole = holds(
            self._storage, summary=document.summary, job_id=job_id, document_id=document.document_id
        )
        return whole and _essence(found) == _essence(document.summary)

    async def _second_evaluation(
        self, job_id: str, documents: Sequence[DocumentRecord], *, metadata: JobMetadata
    ) -> SecondEvaluation | None:
        """The smallest evaluated document once more, on another evaluator wherever there is one.

        During a rolling upgrade some of a batch were evaluated by another version than this pool has: those cannot
        be reproduced here, and the smallest of this version is taken.
        """
        evaluated = [
            document
            for document in documents
            if document.state is DocumentState.SUCCEEDED and document.summary and not document.summary.cached
        ]
        if len(evaluated) < SECOND_EVALUATION_FROM:
            return None
        others = self._settings.evaluators_min > 1 or len({document.worker_id for document in evaluated}) > 1
        tries = ASKED_AT_MOST if others else ASKED_OF_A_LONE_ONE
        smallest: dict[str, DocumentRecord] = {}
        for document in sorted(evaluated, key=lambda document: (document.size_bytes, document.document_id)):
            smallest.setdefault(document.summary.freeze_hash if document.summary else "", document)
        for freeze_hash, chosen in smallest.items():
            claim = _second_claim(job_id, chosen, metadata=metadata)
            try:
                found = await self._reproduced(
                    claim, other_than=chosen.worker_id, freeze_hash=freeze_hash, tries=tries
                )
            except Exception as error:  # noqa: BLE001  a check that cannot be made must not keep the batch
                log.warning("second_evaluation_failed", job_id=job_id, **describe(error))
                return None
            if found["hash"] is not None:
                return SecondEvaluation(
                    document_id=chosen.document_id,
                    deterministic_hash=found["hash"],
                    equal=bool(chosen.summary and found["hash"] == chosen.summary.result_hash),
                    another_evaluator=found["evaluator"] != chosen.worker_id,
                )
        return None

    async def _reproduced(
        self, claim: Claim, *, other_than: str, freeze_hash: str, tries: int
    ) -> dict[str, Any]:
        # Serve sends a call to whoever is free; the one that must not declines at once.
        for _ in range(tries):
            found: dict[str, Any] = await self._evaluators.reproduce.remote(
                claim, freeze_hash=freeze_hash, other_than=other_than
            )
            if found["hash"] is not None or found["another_version"]:
                return found
            await asyncio.sleep(ASKED_AGAIN_SECONDS)
        # Better on the same one than not at all; the outcome says so.
        on_any: dict[str, Any] = await self._evaluators.reproduce.remote(claim, freeze_hash=freeze_hash)
        return on_any

    @contextlib.asynccontextmanager
    async def _renewed(self, claim: AggregationClaim) -> AsyncIterator[None]:
        async def renew() -> None:
            kept = True
            while kept:
                await asyncio.sleep(self._settings.lease_renewal_seconds)
                with contextlib.suppress(ServiceError):
                    kept = await self._store.renew_aggregation(claim)

        renewal = asyncio.create_task(renew())
        try:
            yield
        finally:
            renewal.cancel()


def _second_claim(job_id: str, document: DocumentRecord, *, metadata: JobMetadata) -> Claim:
    return Claim(
        entry=QueueEntry("", job_id, document.document_id),
        attempt=0,
        worker_id="",
        name="",
        sha256=document.sha256,
        size_bytes=document.size_bytes,
        metadata=metadata,
        queued_seconds=0.0,
    )


def _essence(summary: DocumentSummary) -> tuple[object, ...]:
    return (
        summary.result_hash,
        summary.freeze_hash,
        summary.evidence_registry_hash,
        summary.answers,
        summary.overall_score,
        summary.points,
    )


def _summary(
    documents: Sequence[DocumentRecord],
    *,
    report: BatchReport,
    problems: tuple[Problem, ...],
    second: SecondEvaluation | None,
) -> dict[str, Any]:
    """What the job keeps; the HTTP contract shows it as it is."""
    figures = asdict(report)
    found = [*problems, *report.problems]
    for name in ("problems", "hashes"):
        figures.pop(name)
    return {
        "valid": not found,
        "problems": [asdict(problem) for problem in found],
        "figures": {name: _round(value) for name, value in figures.items()},
        "documents": [_row(document) for document in documents],
        "second_evaluation": asdict(second) if second else None,
    }


def _row(document: DocumentRecord) -> dict[str, Any]:
    summary = document.summary if document.state is DocumentState.SUCCEEDED else None
    row: dict[str, Any] = {
        "document_id": document.document_id,
        "sha256": document.sha256,
        "status": document.state.value,
        "attempts": document.attempt,
    }
    if summary is None:
        return row | {"code": document.code, "sentence": document.sentence}
    return row | {
        "overall_score": summary.overall_score,
        "overall_band": summary.overall_band,
        "points": summary.points,
        "criteria_met": summary.criteria_met,
        "criteria_total": summary.criteria_total,
        "pages": summary.pages,
        "seconds": summary.seconds,
        "cached": summary.cached,
        "deterministic_hash": summary.result_hash,
    }


def _round(value: Any) -> Any:
    return round(value, 3) if isinstance(value, float) else value
