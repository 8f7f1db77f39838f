"""What came out of a batch, as files: evaluations are read one at a time, whatever the size of the batch."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import IO, TYPE_CHECKING, Any, overload
from urllib.parse import quote

import msgspec
from fastapi.responses import StreamingResponse

from cluster.errors import (
    ARTIFACT_ALTERED,
    CANCELLED,
    DOCUMENT_WITHOUT_RESULT,
    RESULTS_NOT_READY,
    UNEXPECTED,
    ServiceError,
)
from cluster.records import DocumentState
from pipeline.review import corrected, read_review, review_summary

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from cluster.records import DocumentRecord
    from cluster.storage import Storage

EVALUATION_RESULTS = "evaluation_results.json"
EVIDENCE_REGISTRY = "evidence_registry.json"
ARTIFACTS = (EVALUATION_RESULTS, EVIDENCE_REGISTRY, "coverage_report.json")
MEDIA_TYPES = {
    "json": "application/json",
    "csv": "text/csv; charset=utf-8",
    "pdf": "application/pdf",
    "zip": "application/zip",
}
CHUNK_BYTES = 256 * 1024
SHA256_OF_NOTHING = hashlib.sha256().hexdigest()
NOT_YET = "El documento aún no se ha evaluado."


class Evaluated(msgspec.Struct, frozen=True):
    """A document that succeeded: what its files are found and named by."""

    document_id: str
    name: str
    sha256: str
    artifacts: dict[str, str] = {}
    """SHA-256 of each artifact, as the registry knows it."""
    review: str | None = None
    """SHA-256 of the review that holds, if somebody corrected the evaluation."""

    @classmethod
    def of(cls, documents: Iterable[DocumentRecord]) -> tuple[Evaluated, ...]:
        """The same documents, without the rest that the registry knows."""
        return tuple(
            cls(
                document.document_id,
                document.name,
                document.sha256,
                document.summary.artifacts if document.summary else {},
                document.review.sha256 if document.review else None,
            )
            for document in documents
        )


class WithoutResult(msgspec.Struct, frozen=True):
    """A document that has no result, or none yet: what readers of the batch are told of it.

    ``sha256`` is empty for a file that was refused at the door: nothing of it was kept.
    """

    document_id: str
    name: str
    sha256: str
    code: str
    sentence: str

    @classmethod
    def of(cls, documents: Iterable[DocumentRecord]) -> tuple[WithoutResult, ...]:
        """Those of the documents that did not succeed, each with why not."""
        return tuple(
            cls(
                document.document_id,
                document.name,
                "" if document.sha256 == SHA256_OF_NOTHING else document.sha256,
                *_why_not(document),
            )
            for document in documents
            if document.state is not DocumentState.SUCCEEDED
        )


def _why_not(document: DocumentRecord) -> tuple[str, str]:
    if not document.state.final:
        return RESULTS_NOT_READY.code, NOT_YET
    if document.state is DocumentState.CANCELLED:
        return document.code or CANCELLED.code, document.sentence or CANCELLED.sentence
    return document.code or UNEXPECTED.code, document.sentence or UNEXPECTED.sentence


class Evaluations(Sequence[dict[str, Any]]):
    """The evaluations of a job, corrected where reviewers did; each read when it is asked for and then forgotten."""

    def __init__(self, storage: Storage, *, job_id: str, documents: Sequence[Evaluated]) -> None:
        self._storage = storage
        self.job_id = job_id
        self.documents = documents

    def __len__(self) -> int:
        return len(self.documents)

    @overload
    def __getitem__(self, index: int) -> dict[str, Any]: ...
    @overload
    def __getitem__(self, index: slice) -> Evaluations: ...
    def __getitem__(self, index: int | slice) -> dict[str, Any] | Evaluations:
        if isinstance(index, slice):
            return Evaluations(self._storage, job_id=self.job_id, documents=self.documents[index])
        document = self.documents[index]
        result: dict[str, Any] = msgspec.json.decode(self.artifact(document))
        if document.review is not None:
            result = corrected(result, read_review(self.review(document)))
        return {**result, "file_name": document.name}

    def artifact(self, document: Evaluated, *, name: str = EVALUATION_RESULTS) -> bytes:
        """The bytes of an artifact.

        Raises:
            ServiceError: DOCUMENT_WITHOUT_RESULT, STORAGE_UNAVAILABLE; ARTIFACT_ALTERED when they are not the bytes
                that the evaluator handed in.
        """
        try:
            content = self._storage.read_artifact(self.job_id, document.document_id, name)
        except FileNotFoundError:
            raise ServiceError(DOCUMENT_WITHOUT_RESULT, document.name) from None
        expected = document.artifacts.get(name)
        if expected is not None and hashlib.sha256(content).hexdigest() != expected:
            raise ServiceError(ARTIFACT_ALTERED, document.name)
        return content

    def review(self, document: Evaluated) -> bytes:
        """The bytes of the review that holds.

        Raises:
            ServiceError: ARTIFACT_ALTERED when they are lost or not those that were stored, STORAGE_UNAVAILABLE.
        """
        assert document.review is not None  # noqa: S101  the caller has just looked
        try:
            content = self._storage.read_review(self.job_id, document.document_id, document.review)
        except FileNotFoundError:
            raise ServiceError(ARTIFACT_ALTERED, document.name) from None
        if hashlib.sha256(content).hexdigest() != document.review:
            raise ServiceError(ARTIFACT_ALTERED, document.name)
        return content


def batch_json(
    evaluations: Evaluations, *, head: dict[str, Any], without_result: Iterable[WithoutResult] = ()
) -> Iterator[bytes]:
    """``head`` with ``results``: every evaluation as the bytes it was written with, and beside it its ``review``.

    ``review`` is null where nobody corrected anything. After them each document without a result, its ``evaluation``
    null, with ``error_code`` and ``error_message``.
    """
    yield msgspec.json.encode(head)[:-1] + b',"results":['
    for number, document in enumerate(evaluations.documents):
        label = msgspec.json.encode({"document_id": document.document_id, "name": document.name})
        yield (b"," if number else b"") + label[:-1] + b',"evaluation":'
        try:
            evaluation = evaluations.artifact(document)
            yield evaluation + b',"review":' + _review(evaluations, document=document, evaluation=evaluation)
        except ServiceError as error:
            # Deleted while we are sending, or spoiled: the answer stays JSON, and says what this one lacks.
            yield b'null,"error_code":' + msgspec.json.encode(error.refusal.code)
            yield b',"error_message":' + msgspec.json.encode(error.refusal.sentence)
        yield b"}"
    for number, missing in enumerate(without_result, len(evaluations)):
        entry = {
            "document_id": missing.document_id,
            "name": missing.name,
            "evaluation": None,
            "error_code": missing.code,
            "error_message": missing.sentence,
        }
        yield (b"," if number else b"") + msgspec.json.encode(entry)
    yield b"]}"


def _review(evaluations: Evaluations, *, document: Evaluated, evaluation: bytes) -> bytes:
    if document.review is None:
        return b"null"
    review = read_review(evaluations.review(document))
    return msgspec.json.encode(review_summary(msgspec.json.decode(evaluation), review))


def download(stream: IO[bytes], *, kind: str, ascii_name: str, title: str = "") -> StreamingResponse:
    """Send a file as a download (RFC 6266): a plain name for all, one with accents for those who read it."""
    size = stream.seek(0, 2)
    stream.seek(0)

    def body() -> Iterator[bytes]:
        with stream:
            while chunk := stream.read(CHUNK_BYTES):
                yield chunk

    disposition = f'attachment; filename="{ascii_name}.{kind}"'
    if title:
        disposition += f"; filename*=UTF-8''{quote(f'{title}.{kind}', safe='')}"
    headers = {"Content-Disposition": disposition, "Content-Length": str(size)}
    return StreamingResponse(body(), media_type=MEDIA_TYPES[kind], headers=headers)
