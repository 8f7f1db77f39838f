"""``/upload``: batches come in, as one multipart request or one file per request."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Body, FastAPI, Header, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel

from cluster.errors import (
    BUSY,
    FILE_TOO_LARGE,
    HASH_MISMATCH,
    INVALID_FILE_NAME,
    JOB_NOT_OPEN,
    LENGTH_REQUIRED,
    NOT_READY,
    REQUEST_TOO_LARGE,
    STORAGE_FULL,
    UPLOAD_INTERRUPTED,
    ServiceError,
)
from cluster.records import JobState
from cluster.validators import before_batch
from serve_app import problems
from serve_app.asgi import Backend, BackendOf, make_app, problem_responses
from serve_app.batches import MultipartBatch
from serve_app.metadata import BatchMetadata, MetadataInvalid, read_metadata
from serve_app.multipart import clean_file_name
from serve_app.receiving import Receiver
from serve_app.views import Accepted, accepted

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from ray.serve import Application

    from cluster.records import DocumentRecord
    from cluster.settings import Settings

FORM_OVERHEAD_BYTES = 8 * 2**20
"""What boundaries, headers and fields may add to the files of a request."""
BUSY_RETRY_SECONDS = 5

router = APIRouter(tags=["upload"])


class ArrivedFile(BaseModel):
    """A file of an open batch."""

    name: str
    document_id: str
    sha256: str
    size_bytes: int
    status: str


class OpenBatch(Accepted):
    """A batch with what has arrived."""

    files: list[ArrivedFile]


class UploadGate:
    """At most so many uploads at a time in this replica; one more is told to come back."""

    def __init__(self, places: int) -> None:
        self._free = places

    @asynccontextmanager
    async def place(self) -> AsyncIterator[None]:
        """Hold a place.

        Raises:
            ServiceError: BUSY.
        """
        if self._free <= 0:
            raise ServiceError(BUSY, retry_after_seconds=BUSY_RETRY_SECONDS)
        self._free -= 1
        try:
            yield
        finally:
            self._free += 1


MULTIPART_SCHEMA: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "allOf": [
                        {"$ref": "#/components/schemas/BatchMetadata"},
                        {
                            "type": "object",
                            "required": ["files"],
                            "properties": {
                                "files": {"type": "array", "items": {"type": "string", "format": "binary"}}
                            },
                        },
                    ]
                }
            }
        },
    }
}
RAW_SCHEMA: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {"application/pdf": {"schema": {"type": "string", "format": "binary"}}},
    }
}
IdempotencyKey = Annotated[str | None, Header(alias="Idempotency-Key", max_length=200)]


@router.post(
    "/",
    status_code=202,
    response_model=Accepted,
    summary="Upload a batch in one multipart request",
    responses=problem_responses(400, 409, 411, 413, 415, 422, 429, 503, 507),
    openapi_extra=MULTIPART_SCHEMA,
)
async def upload_batch(
    request: Request, backend: BackendOf, idempotency_key: IdempotencyKey = None
) -> Accepted:
    """Take 1 to 100 PDFs in the field ``files`` and the fields of the batch; answer when the batch is safe."""
    settings = backend.settings
    _declared_length(request, limit=settings.max_files * settings.max_file_bytes + FORM_OVERHEAD_BYTES)
    gate: UploadGate = request.app.state.gate
    async with gate.place():
        await _require_readiness(backend)
        job = await MultipartBatch(backend).receive(
            request.stream(),
            content_type=request.headers.get("content-type", ""),
            idempotency_key=idempotency_key,
        )
    return accepted(job)


@router.post(
    "/jobs",
    status_code=201,
    response_model=Accepted,
    summary="Open a batch, to upload its files one by one",
    responses=problem_responses(422, 503),
)
async def open_batch(backend: BackendOf, metadata: Annotated[dict[str, Any], Body()]) -> Accepted:
    """Open a batch. It is forgotten when nothing arrives for 24 hours."""
    await _require_readiness(backend)
    job_id = await backend.store.create(read_metadata(metadata).to_job())
    return accepted(await backend.store.job(job_id))


@router.get(
    "/jobs/{job_id}",
    response_model=OpenBatch,
    summary="What has arrived",
    responses=problem_responses(404, 410, 503),
)
async def arrived(job_id: str, backend: BackendOf) -> OpenBatch:
    """Say which files have arrived, by name and SHA-256: an interrupted client sends the rest."""
    job = await backend.store.job(job_id)
    documents = await backend.store.documents(job_id)
    return OpenBatch(**accepted(job).model_dump(), files=[_file(document) for document in documents])


@router.put(
    "/jobs/{job_id}/files/{name}",
    response_model=ArrivedFile,
    summary="Upload one file of an open batch",
    responses=problem_responses(400, 404, 409, 410, 411, 413, 415, 422, 429, 503, 507),
    openapi_extra=RAW_SCHEMA,
)
async def upload_file(
    job_id: str,
    name: str,
    request: Request,
    backend: BackendOf,
    sha256: Annotated[str | None, Header(alias="X-Content-SHA256", pattern="^[0-9a-fA-F]{64}$")] = None,
) -> ArrivedFile:
    """Take one PDF as the body. The same name with the same content may be sent again; other content replaces it."""
    if clean_file_name(name) != name:
        raise ServiceError(INVALID_FILE_NAME)
    length = _declared_length(request, limit=backend.settings.max_file_bytes, too_large=FILE_TOO_LARGE)
    job = await backend.store.job(job_id)
    if job.state is not JobState.OPEN:
        raise ServiceError(JOB_NOT_OPEN)
    gate: UploadGate = request.app.state.gate
    async with gate.place():
        receiver = Receiver(backend.storage, job_id=job_id, max_bytes=backend.settings.max_file_bytes)
        async with receiver:
            async for chunk in request.stream():
                await receiver.write(chunk)
                if receiver.refusal is not None:
                    raise ServiceError(receiver.refusal)
            if receiver.size_bytes != length:
                raise ServiceError(UPLOAD_INTERRUPTED)
            if sha256 is not None and receiver.sha256 != sha256.lower():
                raise ServiceError(HASH_MISMATCH)
            stored = await receiver.finish()
            if stored is None:
                raise ServiceError(receiver.refusal or UPLOAD_INTERRUPTED)
            document = await backend.store.add_document(
                job_id, name=name, sha256=stored.sha256, size_bytes=stored.size_bytes
            )
    return _file(document)


@router.post(
    "/jobs/{job_id}/submit",
    status_code=202,
    response_model=Accepted,
    summary="Submit an open batch",
    responses=problem_responses(404, 409, 410, 422, 503),
)
async def submit_batch(job_id: str, backend: BackendOf, idempotency_key: IdempotencyKey = None) -> Accepted:
    """Accept the batch: from here on every document reaches a final state. Submitting again changes nothing."""
    return accepted(await backend.store.submit(job_id, idempotency_key=idempotency_key))


def _file(document: DocumentRecord) -> ArrivedFile:
    return ArrivedFile(
        name=document.name,
        document_id=document.document_id,
        sha256=document.sha256,
        size_bytes=document.size_bytes,
        status=document.state.value,
    )


def _declared_length(request: Request, *, limit: int, too_large: Any = REQUEST_TOO_LARGE) -> int:
    declared = request.headers.get("content-length", "")
    if not (declared.isascii() and declared.isdigit()) or "transfer-encoding" in request.headers:
        raise ServiceError(LENGTH_REQUIRED)
    if int(declared) > limit:
        raise ServiceError(too_large)
    return int(declared)


async def _require_readiness(backend: Backend) -> None:
    """Refuse before a byte is stored when memory, disk or Redis are short."""
    shortages = await before_batch(
        backend.settings, store=backend.store, storage=backend.storage, evaluators_alive=1
    )
    if not shortages:
        return
    detail = " ".join(shortage.sentence for shortage in shortages)
    codes = {shortage.code for shortage in shortages}
    if "redis" in codes:
        await backend.store.ping()  # says it with its own code
    if codes == {"disk"}:
        raise ServiceError(STORAGE_FULL, detail, retry_after_seconds=60)
    raise ServiceError(NOT_READY, detail, retry_after_seconds=30)


async def _metadata_invalid(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, MetadataInvalid)  # noqa: S101  the handler is registered for it alone
    return problems.problem(error.refusal, errors=error.errors, detail=str(error))


def make_upload(settings: Settings | None = None) -> FastAPI:
    """The application, for Serve or for any ASGI server."""

    def prepare(app: FastAPI) -> None:
        backend: Backend = app.state.backend
        app.state.gate = UploadGate(backend.settings.simultaneous_uploads)

    app = make_app(router, title="Upload", settings=settings, prepare=prepare)
    app.add_exception_handler(MetadataInvalid, _metadata_invalid)
    return app


def build(_arguments: dict[str, Any] | None = None) -> Application:
    """The Serve application ``upload``."""
    from serve_app.deployments import deploy  # noqa: PLC0415  Ray is needed only here

    return deploy(make_upload, name="Upload")
