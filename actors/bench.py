"""The blocking part of an attempt: upload in, artifacts in storage, summary out. Runs in one thread."""

from __future__ import annotations

import ctypes
import gc
import hashlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import msgspec

from actors.fault_documents import harming
from actors.summaries import holds, summarize
from cluster.errors import UPLOAD_LOST, ServiceError
from pipeline.artifacts import EVALUATION_RESULTS, artifacts
from pipeline.evaluation import Engine, evaluate
from pipeline.flow import TOTAL_STEPS
from pipeline.model import EvaluationOptions

if TYPE_CHECKING:
    from actors.watch import Watch
    from cluster.records import Claim, DocumentSummary
    from cluster.storage import Storage
    from pipeline.extraction import ExtractionWorker

EXTRACTION = "extraction"
WRITING = "writing"

_trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
"""Of glibc; other C libraries give memory back by themselves."""


def options_of(claim: Claim) -> EvaluationOptions:
    """The options of the claim's batch; unknown names are ignored, missing ones have their default.

    Raises:
        msgspec.ValidationError: a value of the wrong type, which the upload should have refused.
    """
    return msgspec.convert(claim.metadata.options, EvaluationOptions)


def result_key(sha256: str, *, freeze_hash: str) -> str:
    """Name of the result of this content under this freeze."""
    return hashlib.sha256(f"{sha256}:{freeze_hash}".encode()).hexdigest()


def give_back_memory() -> None:
    """Return to the system what the last documents needed: a pool of eight would keep eight peaks.

    For quiet moments: looking for cycles, of which a document leaves none, takes 10 to 25 ms.
    """
    gc.collect()
    give_back_what_is_free()


def give_back_what_is_free() -> None:
    """The quick part of it, 3 ms; the next document pays with page faults."""
    if _trim is not None:
        _trim(0)


@dataclass(frozen=True, slots=True)
class Bench:
    """What an evaluator works with. One document at a time: neither engine nor child can do two."""

    engine: Engine
    extraction: ExtractionWorker
    storage: Storage
    fault_documents: bool = False
    """Whether a PDF may name the fault it causes: only for fault tests."""

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
        self.storage.write_artifacts(claim.job_id, claim.document_id, files)
        hashes = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
        return replace(summarize(files[EVALUATION_RESULTS], key=key), artifacts=hashes)

    def reuse(self, claim: Claim, *, summary: DocumentSummary) -> bool:
        """Give the claimed document the artifacts of the cache; False when they are gone or no longer what they were.

        Raises:
            ServiceError: STORAGE_FULL, STORAGE_UNAVAILABLE.
        """
        key, storage = summary.result_key, self.storage
        if not storage.reuse_result(key, job_id=claim.job_id, document_id=claim.document_id):
            return False
        if holds(storage, summary=summary, job_id=claim.job_id, document_id=claim.document_id):
            return True
        # The next evaluation replaces what was spoiled, here and in the cache.
        storage.delete_result(key)
        return False

    def artifacts_of(self, pdf: bytes, *, options: EvaluationOptions, watch: Watch) -> dict[str, bytes]:
        """Evaluate without writing anything: the artifacts by name.

        Raises:
            PipelineError: it could not be evaluated.
        """
        document = self.extraction.extract(pdf, wall_seconds=watch.left_seconds)
        return artifacts(evaluate(document, options=options, engine=self.engine, observe=watch.observe))

    def result_hash(self, pdf: bytes, *, options: EvaluationOptions, watch: Watch) -> str:
        """Evaluate again without writing anything: the deterministic hash, to be compared."""
        files = self.artifacts_of(pdf, options=options, watch=watch)
        return summarize(files[EVALUATION_RESULTS], key="").result_hash

    def _artifacts(self, claim: Claim, *, options: EvaluationOptions, watch: Watch) -> dict[str, bytes]:
        watch.check()
        pdf = self._upload(claim)
        observe = harming(pdf, observe=watch.observe) if self.fault_documents else watch.observe
        observe(EXTRACTION, 0, TOTAL_STEPS)
        document = self.extraction.extract(pdf, wall_seconds=watch.left_seconds)
        del pdf
        evaluation = evaluate(document, options=options, engine=self.engine, observe=observe)
        files = artifacts(evaluation)
        observe(WRITING, TOTAL_STEPS, TOTAL_STEPS)
        return files

    def _upload(self, claim: Claim) -> bytes:
        try:
            pdf = self.storage.read_upload(claim.job_id, claim.sha256)
        except FileNotFoundError as error:
            raise ServiceError(UPLOAD_LOST) from error
        if hashlib.sha256(pdf).hexdigest() != claim.sha256:
            raise ServiceError(UPLOAD_LOST)
        return pdf
