"""What the registry keeps of an evaluation, read from ``evaluation_results.json`` itself."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import msgspec

from cluster.records import DocumentSummary

if TYPE_CHECKING:
    from cluster.storage import Storage


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
    applicable: bool = True


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
        points={point.id: point.score if point.applicable else None for point in found.points},
        criteria_met=found.overall.criteria_met,
        criteria_total=found.overall.criteria_total,
        details={"warnings": found.warnings},
    )


def holds(storage: Storage, *, summary: DocumentSummary, job_id: str, document_id: str) -> bool:
    """Whether the stored artifacts of a document are, byte for byte, those that its summary names."""
    try:
        return all(
            hashlib.sha256(storage.read_artifact(job_id, document_id, name)).hexdigest() == sha256
            for name, sha256 in summary.artifacts.items()
        )
    except FileNotFoundError:
        return False
