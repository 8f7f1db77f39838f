"""``/results``: what came out of a batch, in the formats people use; cancel and delete."""

from __future__ import annotations

import asyncio
import tempfile
from typing import IO, TYPE_CHECKING, Annotated, Any

import msgspec
from fastapi import APIRouter, FastAPI, Query, Response
from fastapi.responses import StreamingResponse

from cluster.errors import (
    DOCUMENT_NOT_FOUND,
    DOCUMENT_WITHOUT_RESULT,
    EVIDENCE_NOT_FOUND,
    PAGE_NOT_FOUND,
    RESULTS_NOT_READY,
    UNKNOWN_FORMAT,
    UPLOAD_LOST,
    ServiceError,
)
from cluster.records import DocumentState
from pipeline.errors import PipelineError
from pipeline.rendering import PageMissing, PageRenderer
from pipeline.report import ZipEntry, render_csv, render_pdf, write_zip
from serve_app.asgi import Backend, BackendOf, make_app, problem_responses
from serve_app.removal import remove_job
from serve_app.status import view_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ray.serve import Application

    from cluster.records import DocumentRecord, JobRecord
    from cluster.settings import Settings

EVALUATION_RESULTS = "evaluation_results.json"
ARTIFACTS = (EVALUATION_RESULTS, "evidence_registry.json", "coverage_report.json")
MEDIA_TYPES = {
    "json": "application/json",
    "csv": "text/csv; charset=utf-8",
    "pdf": "application/pdf",
    "zip": "application/zip",
}
SPOOL_BYTES = 8 * 2**20
CHUNK_BYTES = 256 * 1024
PAGE_WIDTH_PX_MAX = 2400

router = APIRouter(tags=["results"])

Format = Annotated[str, Query(alias="format", description="json, csv, pdf or zip")]
Partial = Annotated[bool, Query(description="Give what there is although the job has not ended")]


@router.get(
    "/{job_id}",
    summary="Results of a batch",
    responses={
        **problem_responses(404, 409, 410, 422, 503),
        200: {"content": {t: {} for t in MEDIA_TYPES.values()}},
    },
)
async def batch_results(
    job_id: str,
    backend: BackendOf,
    kind: Format = "json",
    partial: Partial = False,  # noqa: FBT002  a query flag
) -> Response:
    """Give the results of all documents that succeeded, and say of the others why not."""
    if kind not in MEDIA_TYPES:
        raise ServiceError(UNKNOWN_FORMAT)
    job = await backend.store.job(job_id)
    if not job.state.final and not partial:
        raise ServiceError(RESULTS_NOT_READY, retry_after_seconds=5)
    documents = [d for d in await backend.store.documents(job_id) if d.state is DocumentState.SUCCEEDED]
    if kind == "json":
        return await _batch_json(backend, job=job, documents=documents)
    if not documents:
        raise ServiceError(DOCUMENT_WITHOUT_RESULT, "Ningún documento del trabajo tiene resultado.")
    make = {"csv": _csv, "pdf": _pdf, "zip": _zip}[kind]
    stream = await asyncio.to_thread(make, backend, job_id, documents)
    return _download(stream, media_type=MEDIA_TYPES[kind], name=f"decalogo-{job_id}.{kind}")


@router.get(
    "/{job_id}/documents/{document_id}",
    summary="Result of one document",
    responses=problem_responses(404, 409, 410, 422, 503),
)
async def document_result(
    job_id: str, document_id: str, backend: BackendOf, kind: Format = "json"
) -> Response:
    """Give ``evaluation_results.json`` as it was written, or the report of this document alone."""
    if kind not in MEDIA_TYPES:
        raise ServiceError(UNKNOWN_FORMAT)
    document = await _succeeded(backend, job_id=job_id, document_id=document_id)
    if kind == "json":
        content = await asyncio.to_thread(_artifact, backend, job_id, document, EVALUATION_RESULTS)
        return Response(content, media_type=MEDIA_TYPES["json"])
    make = {"csv": _csv, "pdf": _pdf, "zip": _zip}[kind]
    stream = await asyncio.to_thread(make, backend, job_id, [document])
    return _download(stream, media_type=MEDIA_TYPES[kind], name=f"decalogo-{job_id}-{document_id}.{kind}")


@router.get(
    "/{job_id}/documents/{document_id}/artifacts/{name}",
    summary="One artifact as it was written",
    responses=problem_responses(404, 409, 410, 503),
)
async def document_artifact(job_id: str, document_id: str, name: str, backend: BackendOf) -> Response:
    """Give ``evaluation_results.json``, ``evidence_registry.json`` or ``coverage_report.json``."""
    document = await _succeeded(backend, job_id=job_id, document_id=document_id)
    if name not in ARTIFACTS:
        raise ServiceError(DOCUMENT_NOT_FOUND, f"Los artefactos son {', '.join(ARTIFACTS)}.")
    content = await asyncio.to_thread(_artifact, backend, job_id, document, name)
    return Response(content, media_type=MEDIA_TYPES["json"])


@router.get(
    "/{job_id}/documents/{document_id}/pages/{page}.png",
    summary="A page of the plan as an image, evidence highlighted",
    response_class=Response,
    responses={**problem_responses(404, 410, 422, 503), 200: {"content": {"image/png": {}}}},
)
async def page_image(
    job_id: str,
    document_id: str,
    page: int,
    backend: BackendOf,
    evidence: Annotated[list[str] | None, Query(max_length=50)] = None,
    width: Annotated[int, Query(ge=200, le=PAGE_WIDTH_PX_MAX)] = 1000,
) -> Response:
    """Draw a page of the PDF; each ``evidence`` named is marked where it stands on it."""
    document = await _document(backend, job_id=job_id, document_id=document_id)
    boxes: list[tuple[float, float, float, float]] = []
    if evidence:
        registry = await asyncio.to_thread(_artifact, backend, job_id, document, "evidence_registry.json")
        boxes = _boxes(msgspec.json.decode(registry), wanted=evidence, page=page)
    png = await asyncio.to_thread(_draw, backend, job_id, document, page, boxes, width)
    return Response(png, media_type="image/png")


@router.delete(
    "/{job_id}",
    status_code=204,
    summary="Cancel what runs, delete what is stored",
    responses=problem_responses(404, 410, 503),
)
async def delete_job(
    job_id: str,
    backend: BackendOf,
    keep: Annotated[bool, Query(description="Only cancel: keep the results that there are")] = False,  # noqa: FBT002  a query flag
) -> Response:
    """Cancel the job and delete its files and results. With ``keep`` it is only cancelled."""
    if keep:
        await backend.store.cancel(job_id)
    else:
        await remove_job(backend, job_id)
    return Response(status_code=204)


# --------------------------------------------------------------------------- documents


async def _document(backend: Backend, *, job_id: str, document_id: str) -> DocumentRecord:
    documents = await backend.store.documents(job_id)
    found = next((document for document in documents if document.document_id == document_id), None)
    if found is None:
        raise ServiceError(DOCUMENT_NOT_FOUND)
    return found


async def _succeeded(backend: Backend, *, job_id: str, document_id: str) -> DocumentRecord:
    document = await _document(backend, job_id=job_id, document_id=document_id)
    if document.state is DocumentState.SUCCEEDED:
        return document
    if document.state.final:
        raise ServiceError(DOCUMENT_WITHOUT_RESULT, document.sentence)
    raise ServiceError(RESULTS_NOT_READY, retry_after_seconds=5)


def _artifact(backend: Backend, job_id: str, document: DocumentRecord, name: str) -> bytes:
    try:
        return backend.storage.read_artifact(job_id, document.document_id, name)
    except FileNotFoundError:
        raise ServiceError(DOCUMENT_WITHOUT_RESULT) from None


def _evaluations(backend: Backend, job_id: str, documents: list[DocumentRecord]) -> Iterator[dict[str, Any]]:
    for document in documents:
        result: dict[str, Any] = msgspec.json.decode(_artifact(backend, job_id, document, EVALUATION_RESULTS))
        result["file_name"] = document.name
        yield result


# --------------------------------------------------------------------------- formats


async def _batch_json(backend: Backend, *, job: JobRecord, documents: list[DocumentRecord]) -> Response:
    """The state of the job, the aggregator's summary, and every evaluation as it was written."""
    view = await view_of(backend, job.job_id)
    head = msgspec.json.encode({"job": view.model_dump(), "summary": job.summary or {}})

    def body() -> Iterator[bytes]:
        # Evaluations are inserted as the bytes they are: nothing of up to 100 large results is parsed again.
        yield head[:-1] + b',"results":['
        for number, document in enumerate(documents):
            label = msgspec.json.encode({"document_id": document.document_id, "name": document.name})
            yield (b"," if number else b"") + label[:-1] + b',"evaluation":'
            yield _artifact(backend, job.job_id, document, EVALUATION_RESULTS)
            yield b"}"
        yield b"]}"

    return StreamingResponse(body(), media_type=MEDIA_TYPES["json"])


def _csv(backend: Backend, job_id: str, documents: list[DocumentRecord]) -> IO[bytes]:
    return _spooled(render_csv(_evaluations(backend, job_id, documents)))


def _pdf(backend: Backend, job_id: str, documents: list[DocumentRecord]) -> IO[bytes]:
    return _spooled(render_pdf(list(_evaluations(backend, job_id, documents))))


def _zip(backend: Backend, job_id: str, documents: list[DocumentRecord]) -> IO[bytes]:
    """All artifacts, the table of answers and the report. Names inside are ours, never the sender's."""
    evaluations = list(_evaluations(backend, job_id, documents))

    def entries() -> Iterator[ZipEntry]:
        for number, document in enumerate(documents, 1):
            folder = f"documents/{number:03}-{document.sha256[:12]}"
            for name in ARTIFACTS:
                yield ZipEntry(f"{folder}/{name}", _artifact(backend, job_id, document, name))
        yield ZipEntry("answers.csv", render_csv(evaluations))
        yield ZipEntry("report.pdf", render_pdf(evaluations))

    target = tempfile.SpooledTemporaryFile(max_size=SPOOL_BYTES)  # noqa: SIM115  closed when it has been sent
    write_zip(entries(), target=target)
    target.seek(0)
    return target


def _spooled(content: bytes) -> IO[bytes]:
    target = tempfile.SpooledTemporaryFile(max_size=SPOOL_BYTES)  # noqa: SIM115  closed when it has been sent
    target.write(content)
    target.seek(0)
    return target


def _download(stream: IO[bytes], *, media_type: str, name: str) -> StreamingResponse:
    size = stream.seek(0, 2)
    stream.seek(0)

    def body() -> Iterator[bytes]:
        with stream:
            while chunk := stream.read(CHUNK_BYTES):
                yield chunk

    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Content-Length": str(size)}
    return StreamingResponse(body(), media_type=media_type, headers=headers)


# --------------------------------------------------------------------------- page images


def _boxes(
    registry: dict[str, Any], *, wanted: list[str], page: int
) -> list[tuple[float, float, float, float]]:
    entries = {entry["id"]: entry for entry in registry["evidence"]}
    unknown = [name for name in wanted if name not in entries]
    if unknown:
        raise ServiceError(EVIDENCE_NOT_FOUND)
    places = (place for name in wanted for place in entries[name]["boxes"])
    return [tuple(place["box"]) for place in places if place["page"] == page]


def _draw(
    backend: Backend,
    job_id: str,
    document: DocumentRecord,
    page: int,
    boxes: list[tuple[float, float, float, float]],
    width_px: int,
) -> bytes:
    try:
        pdf = backend.storage.read_upload(job_id, document.sha256)
    except FileNotFoundError:
        raise ServiceError(UPLOAD_LOST) from None
    try:
        return PageRenderer.shared().render(pdf, page=page, highlights=boxes, width_px=width_px)
    except PageMissing:
        raise ServiceError(PAGE_NOT_FOUND) from None
    except PipelineError as error:
        raise ServiceError(DOCUMENT_WITHOUT_RESULT, error.kind.sentence) from None


def make_results(settings: Settings | None = None) -> FastAPI:
    """The application, for Serve or for any ASGI server."""
    return make_app(router, title="Results", settings=settings)


def build(_arguments: dict[str, Any] | None = None) -> Application:
    """The Serve application ``results``."""
    from serve_app.deployments import deploy  # noqa: PLC0415  Ray is needed only here

    return deploy(make_results, name="Results")
