"""What came out of a batch, in the formats people use. One evaluation is in memory at a time."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from typing import IO, TYPE_CHECKING, Any, overload
from urllib.parse import quote

import msgspec
from fastapi.responses import StreamingResponse

from cluster.errors import DOCUMENT_WITHOUT_RESULT, ServiceError
from pipeline.report import ZipEntry, render_csv, render_pdf, write_zip

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

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
SPOOL_BYTES = 8 * 2**20
"""A file larger than this is made on disk."""
CHUNK_BYTES = 256 * 1024


def read_artifact(storage: Storage, *, job_id: str, document: DocumentRecord, name: str) -> bytes:
    """The bytes of an artifact.

    Raises:
        ServiceError: DOCUMENT_WITHOUT_RESULT, STORAGE_UNAVAILABLE.
    """
    try:
        return storage.read_artifact(job_id, document.document_id, name)
    except FileNotFoundError:
        raise ServiceError(DOCUMENT_WITHOUT_RESULT, document.name) from None


class Evaluations(Sequence[dict[str, Any]]):
    """The evaluations of documents that succeeded, each read when it is asked for and then forgotten."""

    def __init__(self, storage: Storage, *, job_id: str, documents: Sequence[DocumentRecord]) -> None:
        self._storage = storage
        self._job_id = job_id
        self.documents = documents

    def __len__(self) -> int:
        return len(self.documents)

    @overload
    def __getitem__(self, index: int) -> dict[str, Any]: ...
    @overload
    def __getitem__(self, index: slice) -> Evaluations: ...
    def __getitem__(self, index: int | slice) -> dict[str, Any] | Evaluations:
        if isinstance(index, slice):
            return Evaluations(self._storage, job_id=self._job_id, documents=self.documents[index])
        result: dict[str, Any] = msgspec.json.decode(self.artifact(self.documents[index]))
        return {**result, "file_name": self.documents[index].name}

    def artifact(self, document: DocumentRecord, *, name: str = EVALUATION_RESULTS) -> bytes:
        """The bytes of an artifact; same errors as ``read_artifact``."""
        return read_artifact(self._storage, job_id=self._job_id, document=document, name=name)


def make_file(evaluations: Evaluations, *, kind: str) -> IO[bytes]:
    """A CSV, PDF or ZIP of evaluations, ready to be read. Blocks while it is made.

    Raises:
        ServiceError: as ``read_artifact``.
    """
    target = tempfile.SpooledTemporaryFile(max_size=SPOOL_BYTES)  # noqa: SIM115  closed once it has been sent
    try:
        _WRITERS[kind](evaluations, target)
    except BaseException:
        target.close()
        raise
    target.seek(0)
    return target


def _write_csv(evaluations: Evaluations, target: IO[bytes]) -> None:
    target.write(render_csv(evaluations))


def _write_pdf(evaluations: Evaluations, target: IO[bytes]) -> None:
    target.write(render_pdf(evaluations))


def _write_zip(evaluations: Evaluations, target: IO[bytes]) -> None:
    """All artifacts, the table of answers and the report. Names inside are ours, never the sender's."""
    write_zip(_zip_entries(evaluations), target=target)


def _zip_entries(evaluations: Evaluations) -> Iterator[ZipEntry]:
    for number, document in enumerate(evaluations.documents, 1):
        folder = f"documents/{number:03}-{document.sha256[:12]}"
        for name in ARTIFACTS:
            yield ZipEntry(f"{folder}/{name}", evaluations.artifact(document, name=name))
    yield ZipEntry("answers.csv", render_csv(evaluations))
    yield ZipEntry("report.pdf", render_pdf(evaluations))


_WRITERS: dict[str, Callable[[Evaluations, IO[bytes]], None]] = {
    "csv": _write_csv,
    "pdf": _write_pdf,
    "zip": _write_zip,
}


def batch_json(evaluations: Evaluations, *, head: dict[str, Any]) -> Iterator[bytes]:
    """``head`` with ``results``: every evaluation as the bytes it was written with, never parsed again."""
    yield msgspec.json.encode(head)[:-1] + b',"results":['
    for number, document in enumerate(evaluations.documents):
        label = msgspec.json.encode({"document_id": document.document_id, "name": document.name})
        yield (b"," if number else b"") + label[:-1] + b',"evaluation":'
        try:
            yield evaluations.artifact(document)
        except ServiceError:
            # Deleted while we are sending: the answer stays JSON, and says that this one is missing.
            yield b"null"
        yield b"}"
    yield b"]}"


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
