"""Whether a batch can start here, and whether what came out of it holds together.

Both give data: what is checked, whether it holds, and a Spanish sentence that an operator can act on.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import psutil

from cluster.errors import STORAGE_UNAVAILABLE, ServiceError
from cluster.records import DocumentRecord, DocumentState
from cluster.registry_identity import is_another
from cluster.settings import GIB, Settings

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from cluster.jobs import JobStore
    from cluster.storage import Storage

ANOTHER_REGISTRY = (
    "El registro de trabajos no es el de los archivos guardados; quien administra el servicio debe revisarlo."
)
ANSWERS_PER_DOCUMENT = 300
"""30 questions for each of the ten points."""


@dataclass(frozen=True, slots=True)
class Shortage:
    """Something that is missing to start a batch. ``code``: memory, disk, storage, redis, registry or evaluators."""

    code: str
    sentence: str


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that is wrong with the results of a batch. ``document_ids`` are those concerned."""

    code: str
    sentence: str
    document_ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class BatchReport:
    """The figures of a finished batch. Seconds are from claim to finish, of documents that were evaluated.

    ``documents_per_hour`` and ``error_rate`` are 0 when there is nothing to divide by.
    """

    problems: tuple[Problem, ...]
    documents: int
    succeeded: int
    failed: int
    cancelled: int
    cached: int
    retried: int
    mean_seconds: float
    p50_seconds: float
    p95_seconds: float
    wall_seconds: float
    documents_per_hour: float
    error_rate: float
    hashes: Mapping[str, str] = field(default_factory=dict)

    @property
    def valid(self) -> bool:
        """Whether no problem was found."""
        return not self.problems


# --------------------------------------------------------------------------- before


async def before_batch(
    settings: Settings, *, store: JobStore | None, storage: Storage | None, evaluators_alive: int
) -> tuple[Shortage, ...]:
    """What is short to start a batch: memory, disk, Redis, evaluators; empty when all is well.

    ``store`` or ``storage`` None means that it could not even be opened. Never raises for what it checks.
    """
    checks = (
        _memory_shortage(psutil.virtual_memory().available, needed=settings.min_free_memory_bytes),
        _disk_shortage(storage, needed=settings.min_free_disk_bytes),
        await _redis_shortage(store, storage=storage),
        None
        if evaluators_alive > 0
        else Shortage("evaluators", "No hay ningún evaluador en marcha; se necesita al menos uno."),
    )
    return tuple(check for check in checks if check)


def _memory_shortage(available: int, *, needed: int) -> Shortage | None:
    if available >= needed:
        return None
    return Shortage(
        "memory", f"Falta memoria: hay {_gib(available)} GB disponibles y se necesitan {_gib(needed)} GB."
    )


def _disk_shortage(storage: Storage | None, *, needed: int) -> Shortage | None:
    try:
        free = storage.free_bytes() if storage else 0
    except ServiceError:
        return Shortage("storage", "El almacenamiento no está disponible.")
    if storage is None:
        return Shortage("storage", "El almacenamiento no está disponible.")
    if free is None or free >= needed:
        return None
    return Shortage(
        "disk", f"Falta espacio en disco: hay {_gib(free)} GB libres y se necesitan {_gib(needed)} GB."
    )


async def _redis_shortage(store: JobStore | None, *, storage: Storage | None) -> Shortage | None:
    try:
        if store:
            await store.ping()
            if storage and await is_another(store, storage=storage):
                return Shortage("registry", ANOTHER_REGISTRY)
            return None
    except ServiceError as error:
        if error.refusal is STORAGE_UNAVAILABLE:
            return Shortage("storage", "El almacenamiento no está disponible.")
    return Shortage(
        "redis", "Redis no responde; revise que esté en marcha y que la dirección y la clave sean correctas."
    )


def _gib(size: int) -> str:
    return f"{size / GIB:.1f}".replace(".", ",")


# --------------------------------------------------------------------------- after


def after_batch(
    documents: Sequence[DocumentRecord], *, second_hashes: Mapping[str, str] | None = None
) -> BatchReport:
    """Check a batch whose documents are all final, and compute its figures.

    ``second_hashes`` maps documents that were evaluated a second time to the hash of that evaluation.
    Checked: 300 answers for each success, equal bytes → equal hash, second evaluation → equal hash.
    """
    succeeded = [document for document in documents if document.state is DocumentState.SUCCEEDED]
    problems = (
        _incomplete(succeeded),
        _differing(succeeded),
        _not_reproduced(succeeded, second_hashes=second_hashes or {}),
        _unfinished(documents),
    )
    evaluated = sorted(
        document.summary.seconds for document in succeeded if document.summary and not document.summary.cached
    )
    wall = _wall_seconds(documents)
    failed = sum(document.state is DocumentState.FAILED for document in documents)
    ended = len(succeeded) + failed
    return BatchReport(
        problems=tuple(problem for problem in problems if problem),
        documents=len(documents),
        succeeded=len(succeeded),
        failed=failed,
        cancelled=sum(document.state is DocumentState.CANCELLED for document in documents),
        cached=len(succeeded) - len(evaluated),
        retried=sum(document.attempt > 1 for document in documents),
        mean_seconds=sum(evaluated) / len(evaluated) if evaluated else 0.0,
        p50_seconds=percentile(evaluated, share=0.50),
        p95_seconds=percentile(evaluated, share=0.95),
        wall_seconds=wall,
        documents_per_hour=ended * 3600 / wall if wall > 0 else 0.0,
        error_rate=failed / ended if ended else 0.0,
        hashes={document.document_id: _hash(document) for document in succeeded},
    )


def percentile(ordered: Sequence[float], *, share: float) -> float:
    """Nearest-rank percentile of sorted values: the smallest that ``share`` of them do not exceed."""
    if not ordered:
        return 0.0
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def _hash(document: DocumentRecord) -> str:
    return document.summary.result_hash if document.summary else ""


def _incomplete(succeeded: Iterable[DocumentRecord]) -> Problem | None:
    short = tuple(
        document.document_id
        for document in succeeded
        if document.summary is None or document.summary.answers != ANSWERS_PER_DOCUMENT
    )
    sentence = f"Hay documentos sin las {ANSWERS_PER_DOCUMENT} respuestas."
    return Problem("incomplete", sentence, short) if short else None


def _differing(succeeded: Iterable[DocumentRecord]) -> Problem | None:
    by_content: dict[tuple[str, str], list[DocumentRecord]] = {}
    for document in succeeded:
        # Equal bytes under another freeze (a rolling upgrade) may differ.
        freeze = document.summary.freeze_hash if document.summary else ""
        by_content.setdefault((document.sha256, freeze), []).append(document)
    apart = tuple(
        document.document_id
        for same in by_content.values()
        if len({_hash(document) for document in same}) > 1
        for document in same
    )
    return (
        Problem("not_deterministic", "Documentos idénticos dieron resultados distintos.", apart)
        if apart
        else None
    )


def _not_reproduced(
    succeeded: Iterable[DocumentRecord], *, second_hashes: Mapping[str, str]
) -> Problem | None:
    apart = tuple(
        document.document_id
        for document in succeeded
        if second_hashes.get(document.document_id, _hash(document)) != _hash(document)
    )
    sentence = "La segunda evaluación de un documento dio un resultado distinto."
    return Problem("not_reproduced", sentence, apart) if apart else None


def _unfinished(documents: Iterable[DocumentRecord]) -> Problem | None:
    running = tuple(document.document_id for document in documents if not document.state.final)
    return Problem("unfinished", "Hay documentos sin estado final.", running) if running else None


def _wall_seconds(documents: Sequence[DocumentRecord]) -> float:
    begun = [document.queued_at for document in documents if document.queued_at is not None]
    ended = [document.finished_at for document in documents if document.finished_at is not None]
    return max(0.0, max(ended) - min(begun)) if begun and ended else 0.0
