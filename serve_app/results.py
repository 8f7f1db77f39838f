"""``/results``: what came out of a batch; pages of its plans as images; cancel and delete."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
from fastapi import APIRouter, FastAPI, Path, Query, Request, Response
from fastapi.responses import StreamingResponse

from cluster.errors import (
    ARTIFACT_NOT_FOUND,
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
from serve_app import causal_pictures, corrections, reviews
from serve_app.asgi import Backend, BackendOf, make_app, problem_responses
from serve_app.delivery import (
    ARTIFACTS,
    EVALUATION_RESULTS,
    EVIDENCE_REGISTRY,
    MEDIA_TYPES,
    Evaluated,
    Evaluations,
    WithoutResult,
    batch_json,
    download,
)
from serve_app.documents import RETRY_AFTER_SECONDS, artifact, succeeded
from serve_app.receiving import to_its_end
from serve_app.removal import remove_job
from serve_app.report_process import Order, make_file
from serve_app.status import view_of

if TYPE_CHECKING:
    from ray.serve import Application

    from cluster.records import DocumentRecord, JobRecord
    from cluster.settings import Settings

Box = tuple[float, float, float, float]

FILES_MADE_AT_ONCE = 2
"""Reports and archives of large batches take seconds and memory; the next request waits for its turn."""
PAGE_WIDTH_PX_MIN = 200
PAGE_WIDTH_PX_MAX = 2400
EVIDENCE_PER_PAGE_MAX = 50

router = APIRouter(tags=["results"])
router.include_router(corrections.router)
router.include_router(causal_pictures.router)

Format = Annotated[str, Query(alias="format", description="json, csv, pdf or zip")]
Partial = Annotated[bool, Query(description="Give what there is although the job has not ended")]
Corrected = Annotated[bool, Query(description="JSON: with the reviewers' corrections applied")]
Keep = Annotated[bool, Query(description="Only cancel: keep the results that there are")]
FORMATS: dict[int | str, dict[str, Any]] = {200: {"content": {kind: {} for kind in MEDIA_TYPES.values()}}}


# --------------------------------------------------------------------------- routes


@router.get(
    "/{job_id}",
    summary="Results of a batch",
    response_class=Response,
    responses={**problem_responses(404, 409, 410, 422, 503), **FORMATS},
)
async def batch_results(
    job_id: str,
    request: Request,
    backend: BackendOf,
    kind: Format = "json",
    partial: Partial = False,  # noqa: FBT002  a query parameter
) -> Response:
    """Give the results of all documents that succeeded, and say of the others why not.

    In JSON those have ``evaluation`` null, ``error_code`` and ``error_message``; table, report and archive name them.
    What is asked for before the end with ``partial`` says that it is partial, in its file name too.
    """
    _require_format(kind)
    job = await backend.store.job(job_id)
    if not job.state.final and not partial:
        raise ServiceError(RESULTS_NOT_READY, retry_after_seconds=RETRY_AFTER_SECONDS)
    documents = await backend.store.documents(job_id)
    evaluated = Evaluated.of(document for document in documents if document.state is DocumentState.SUCCEEDED)
    absent = WithoutResult.of(documents)
    if kind == "json":
        evaluations = Evaluations(backend.storage, job_id=job_id, documents=evaluated)
        view = await view_of(backend, job_id)
        head = {"job": view.model_dump(), "summary": job.summary or {}}
        return StreamingResponse(
            batch_json(evaluations, head=head, without_result=absent), media_type=MEDIA_TYPES["json"]
        )
    if not evaluated:
        raise ServiceError(DOCUMENT_WITHOUT_RESULT, "Ningún documento del trabajo tiene resultado.")
    order = Order(kind, job_id, evaluated, absent, partial=not job.state.final)
    name = f"decalogo-{job_id}" + ("-parcial" if order.partial else "")
    return await _file(request, backend, order=order, name=name, title=_title(job))


@router.get(
    "/{job_id}/documents/{document_id}",
    summary="Result of one document",
    response_class=Response,
    responses={**problem_responses(404, 409, 410, 422, 503), **FORMATS},
)
async def document_result(  # noqa: PLR0917  parameters of the address
    job_id: str,
    document_id: str,
    request: Request,
    backend: BackendOf,
    kind: Format = "json",
    corrected: Corrected = False,  # noqa: FBT002  a query parameter
) -> Response:
    """Give ``evaluation_results.json`` as it was written, or table, report or archive of this document alone.

    Table, report and archive always say what reviewers corrected; the JSON does with ``corrected=true``.
    """
    _require_format(kind)
    document = await succeeded(backend, job_id=job_id, document_id=document_id)
    if kind == "json" and corrected:
        content = await asyncio.to_thread(reviews.read_corrected, backend, job_id=job_id, document=document)
        return Response(msgspec.json.encode(content), media_type=MEDIA_TYPES["json"])
    if kind == "json":
        return await _artifact_response(backend, job_id=job_id, document=document, name=EVALUATION_RESULTS)
    order = Order(kind, job_id, Evaluated.of([document]))
    name = f"decalogo-{job_id}-{document_id}"
    title = f"Decálogo - {document.name.removesuffix('.pdf')}"
    return await _file(request, backend, order=order, name=name, title=title)


@router.get(
    "/{job_id}/documents/{document_id}/artifacts/{name}",
    summary="One artifact as it was written",
    response_class=Response,
    responses={
        **problem_responses(404, 409, 410, 503),
        200: {"content": {MEDIA_TYPES["json"]: {}}},
    },
)
async def document_artifact(job_id: str, document_id: str, name: str, backend: BackendOf) -> Response:
    """Give ``evaluation_results.json``, ``evidence_registry.json`` or ``coverage_report.json``."""
    if name not in ARTIFACTS:
        raise ServiceError(ARTIFACT_NOT_FOUND, f"Hay {', '.join(ARTIFACTS)}.")
    document = await succeeded(backend, job_id=job_id, document_id=document_id)
    return await _artifact_response(backend, job_id=job_id, document=document, name=name)


@router.get(
    "/{job_id}/documents/{document_id}/pages/{page}.png",
    summary="A page of the plan as an image, evidence highlighted",
    response_class=Response,
    responses={
        **problem_responses(404, 409, 410, 422, 503),
        200: {"content": {"image/png": {}}},
    },
)
async def page_image(  # noqa: PLR0917  parameters of the address
    job_id: str,
    document_id: str,
    page: Annotated[int, Path(ge=1)],
    backend: BackendOf,
    evidence: Annotated[
        list[str] | None, Query(max_length=EVIDENCE_PER_PAGE_MAX, description="Identifiers to mark")
    ] = None,
    width: Annotated[int, Query(ge=PAGE_WIDTH_PX_MIN, le=PAGE_WIDTH_PX_MAX, description="Pixels")] = 1000,
) -> Response:
    """Draw a page of the PDF; each ``evidence`` named is marked where it stands on it."""
    document = await backend.store.document(job_id, document_id)
    boxes: list[Box] = []
    if evidence:
        document = await succeeded(backend, job_id=job_id, document_id=document_id)
        registry = await artifact(backend, job_id=job_id, document=document, name=EVIDENCE_REGISTRY)
        boxes = _boxes(msgspec.json.decode(registry), wanted=evidence, page=page)
    png = await asyncio.to_thread(
        _draw, backend, job_id=job_id, document=document, page=page, boxes=boxes, width_px=width
    )
    return Response(png, media_type="image/png")


@router.delete(
    "/{job_id}",
    status_code=204,
    summary="Cancel what runs, delete what is stored",
    responses=problem_responses(404, 410, 422, 503),
)
async def delete_job(
    job_id: str,
    backend: BackendOf,
    keep: Keep = False,  # noqa: FBT002  a query parameter
) -> Response:
    """Cancel the job and delete its files and results. With ``keep`` it is only cancelled."""
    if keep:
        await backend.store.cancel(job_id)
    else:
        await remove_job(backend, job_id)
    return Response(status_code=204)


# --------------------------------------------------------------------------- parts


def _require_format(kind: str) -> None:
    if kind not in MEDIA_TYPES:
        raise ServiceError(UNKNOWN_FORMAT)


def _title(job: JobRecord) -> str:
    said = job.metadata
    partial = "" if job.state.final else "(parcial)"
    return " ".join(part for part in ("Decálogo", said.municipality, said.period, partial) if part)


async def _file(
    request: Request, backend: Backend, *, order: Order, name: str, title: str
) -> StreamingResponse:
    turns: asyncio.Semaphore = request.app.state.turns
    async with turns:
        stream = await to_its_end(lambda: make_file(backend.settings, order))
    return download(stream, kind=order.kind, ascii_name=name, title=title)


async def _artifact_response(
    backend: Backend, *, job_id: str, document: DocumentRecord, name: str
) -> Response:
    content = await artifact(backend, job_id=job_id, document=document, name=name)
    return Response(content, media_type=MEDIA_TYPES["json"])


def _boxes(registry: dict[str, Any], *, wanted: list[str], page: int) -> list[Box]:
    entries = {entry["id"]: entry for entry in registry["evidence"]}
    unknown = [name for name in wanted if name not in entries]
    if unknown:
        raise ServiceError(EVIDENCE_NOT_FOUND)
    places = (place for name in wanted for place in entries[name]["boxes"])
    return [tuple(place["box"]) for place in places if place["page"] == page]


def _draw(
    backend: Backend, *, job_id: str, document: DocumentRecord, page: int, boxes: list[Box], width_px: int
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


# --------------------------------------------------------------------------- application


def make_results(settings: Settings | None = None) -> FastAPI:
    """The application, for Serve or for any ASGI server."""

    def prepare(app: FastAPI) -> None:
        app.state.turns = asyncio.Semaphore(FILES_MADE_AT_ONCE)

    return make_app(router, title="Results", settings=settings, prepare=prepare)


def build(_arguments: dict[str, Any] | None = None) -> Application:
    """The Serve application ``results``."""
    from serve_app.deployments import deploy  # noqa: PLC0415  Ray is needed only here

    return deploy(make_results, name="Results")
