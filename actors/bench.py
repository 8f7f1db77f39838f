"""The blocking part of an attempt: upload in, artifacts in storage, summary out. Runs in one thread."""

from __future__ import annotations

import gc
import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from cluster.errors import UPLOAD_LOST, ServiceError
from cluster.records import DocumentSummary
from pipeline.artifacts import EVALUATION_RESULTS, artifacts
from pipeline.evaluation import Engine, evaluate
from pipeline.flow import TOTAL_STEPS
from pipeline.model import EvaluationOptions

if TYPE_CHECKING:
    from actors.watch import Watch
    from cluster.records import Claim
    from cluster.storage import Storage
    from pipeline.extraction import ExtractionWorker

EXTRACTION = "extraction"
WRITING = "writing"


class _Document(msgspec.Struct):
    title: str = ""
    municipality: str | None = None
    department: str | None = None
    pages: int = 0


class _Score(msgspec.Struct):
    score: float | None = None
    band: str | None = None
    criteria_met: int = 0
    criteria_total: int = 0


class _Point(msgspec.Struct):
    id: str
    score: float | None = None


class _Results(msgspec.Struct):
    """The part of ``evaluation_results.json`` that the registry keeps; the rest is skipped while decoding."""

    document: _Document
    answers: list[msgspec.Raw]
    points: list[_Point]
    overall: _Score
    warnings: list[str]
    freeze_hash: str
    deterministic_hash: str
    evidence_registry_hash: str


def options_of(claim: Claim) -> EvaluationOptions:
    """The options of the claim's batch; unknown names are ignored, missing ones have their default.

    Raises:
        msgspec.ValidationError: a value of the wrong type, which the upload should have refused.
    """
    return msgspec.convert(claim.metadata.options, EvaluationOptions)


def result_key(sha256: str, *, freeze_hash: str) -> str:
    """Name of the result of this content under this freeze."""
    return hashlib.sha256(f"{sha256}:{freeze_hash}".encode()).hexdigest()


def summarize(results: bytes, *, key: str) -> DocumentSummary:
    """What the registry keeps of a finished evaluation.

    Args:
        results: The bytes of ``evaluation_results.json``.
        key: The result key.
    """
    found = msgspec.json.decode(results, type=_Results)
    return DocumentSummary(
        result_hash=found.deterministic_hash,
        result_key=key,
        freeze_hash=found.freeze_hash,
        evidence_registry_hash=found.evidence_registry_hash,
        title=found.document.title,
        municipality=found.document.municipality or "",
        department=found.document.department or "",
        pages=found.document.pages,
        answers=len(found.answers),
        overall_score=found.overall.score,
        overall_band=found.overall.band or "",
        points={point.id: point.score for point in found.points},
        criteria_met=found.overall.criteria_met,
        criteria_total=found.overall.criteria_total,
        details={"warnings": found.warnings},
    )


@dataclass(frozen=True, slots=True)
class Bench:
    """What an evaluator works with. One document at a time: neither engine nor child can do two."""

    engine: Engine
    extraction: ExtractionWorker
    storage: Storage

    def evaluate(
        self, claim: Claim, *, options: EvaluationOptions, key: str, watch: Watch
    ) -> DocumentSummary:
        """Evaluate the claimed document and write its artifacts.

        Raises:
            Stopped: ``watch`` said so; nothing was written.
            PipelineError: what is wrong with the document, or with the extraction child.
            ServiceError: UPLOAD_LOST, STORAGE_FULL, STORAGE_UNAVAILABLE.
        """
        files = self._artifacts(claim, options=options, watch=watch)
        # The evaluation of a large plan is hundreds of megabytes of small objects in cycles.
        gc.collect()
        watch.observe(WRITING, TOTAL_STEPS, TOTAL_STEPS)
        self.storage.write_artifacts(claim.job_id, claim.document_id, files)
        return summarize(files[EVALUATION_RESULTS], key=key)

    def result_hash(self, pdf: bytes, *, options: EvaluationOptions, watch: Watch) -> str:
        """Evaluate again without writing anything: the deterministic hash, to be compared."""
        document = self.extraction.extract(pdf, wall_seconds=watch.left_seconds)
        evaluation = evaluate(document, options=options, engine=self.engine, observe=watch.observe)
        return summarize(artifacts(evaluation)[EVALUATION_RESULTS], key="").result_hash

    def _artifacts(self, claim: Claim, *, options: EvaluationOptions, watch: Watch) -> dict[str, bytes]:
        watch.observe(EXTRACTION, 0, TOTAL_STEPS)
        pdf = self._upload(claim)
        document = self.extraction.extract(pdf, wall_seconds=watch.left_seconds)
        del pdf
        evaluation = evaluate(document, options=options, engine=self.engine, observe=watch.observe)
        return artifacts(evaluation)

    def _upload(self, claim: Claim) -> bytes:
        try:
            pdf = self.storage.read_upload(claim.job_id, claim.sha256)
        except FileNotFoundError as error:
            raise ServiceError(UPLOAD_LOST) from error
        if hashlib.sha256(pdf).hexdigest() != claim.sha256:
            raise ServiceError(UPLOAD_LOST)
        return pdf
