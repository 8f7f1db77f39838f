"""``/upload``: batches come in, as one multipart request or one file per request."""

from __future__ import annotations

import asyncio
import binascii
import re
import time
import unicodedata
from base64 import b64decode
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Annotated, Any

import structlog
from fastapi import APIRouter, Body, FastAPI, Header, Request
from fastapi.responses import RedirectResponse, Response
from pydantic import BaseModel

from cluster import tracing
from cluster.callback_targets import admit
from cluster.errors import (
    FILE_TOO_LARGE,
    INVALID_FILE_NAME,
    INVALID_REQUEST,
    JOB_NOT_OPEN,
    LENGTH_REQUIRED,
    NOT_READY,
    REQUEST_TOO_LARGE,
    TOO_MANY_FILES,
    UPLOAD_INTERRUPTED,
    Refusal,
    ServiceError,
)
from cluster.identifiers import is_sha256
from cluster.records import JobState
from cluster.validators import before_batch
from serve_app.access import CallerOf  # noqa: TC001  FastAPI reads it at run time
from serve_app.asgi import Backend, BackendOf, make_app, problem_responses
from serve_app.batches import MultipartBatch, submit_once
from serve_app.counting import Counting
from serve_app.file_names import clean_file_name
from serve_app.gate import UploadGate
from serve_app.metadata import BatchMetadata, read_metadata
from serve_app.receiving import Receiver
from serve_app.views import Accepted, accepted

if TYPE_CHECKING:
    from ray.serve import Application

    from cluster.records import DocumentRecord
    from cluster.settings import Settings
    from cluster.storage import StoredUpload

CountEvaluators = Callable[[], Awaitable[int]]

DIGEST_HEADERS = {
    "Repr-Digest": re.compile(r"(?:^|[,\s])sha-256=:([A-Za-z0-9+/=]{1,100}):"),
    "Content-Digest": re.compile(r"(?:^|[,\s])sha-256=:([A-Za-z0-9+/=]{1,100}):"),
    "Digest": re.compile(r"(?:^|[,\s])(?i:sha-256)=([A-Za-z0-9+/=]{1,100})"),
}
FORM_OVERHEAD_BYTES = 8 * 2**20
"""What boundaries, headers and fields may add to the files of a request."""

log = structlog.get_logger()

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


def _form_schema() -> dict[str, Any]:
    """The fields of a batch and its files in one object: a schema that allows no other fields cannot be extended."""
    fields = BatchMetadata.model_json_schema(ref_template="#/components/schemas/{model}")
    fields.pop("$defs", None)
    files = {"type": "array", "minItems": 1, "items": {"type": "string", "format": "binary"}}
    return fields | {
        "title": "Batch",
        "properties": {"files": files, **fields["properties"]},
        "required": ["files", *fields["required"]],
    }


MULTIPART_SCHEMA: dict[str, Any] = {
    "requestBody": {"required": True, "content": {"multipart/form-data": {"schema": _form_schema()}}}
}
JSON_SCHEMA: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/BatchMetadata"}}},
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
    responses=problem_responses(400, 408, 409, 411, 413, 415, 422, 429, 503, 507),
    openapi_extra=MULTIPART_SCHEMA,
)
async def upload_batch(
    request: Request, backend: BackendOf, caller: CallerOf, idempotency_key: IdempotencyKey = None
) -> Accepted | Response:
    """Take 1 to 100 PDFs in the field ``files`` and the fields of the batch; answer when the batch is safe.

    A file that is no PDF, is empty or too large becomes a document that failed with that code, and the others
    go on; when all files are refused, so is the request. A browser that sent a form is led to the job's page.
    """
    settings = backend.settings
    began = time.time()
    length = _declared_length(
        request, limit=settings.max_files * settings.max_file_bytes + FORM_OVERHEAD_BYTES
    )
    gate: UploadGate = request.app.state.gate
    async with gate.place():
        await _require_readiness(request, backend, bytes_needed=length)
        job = await MultipartBatch(backend, caller=caller).receive(
            request.stream(),
            content_type=request.headers.get("content-type", ""),
            idempotency_key=idempotency_key,
        )
    log.info("job_accepted", job_id=job.job_id, documents=job.document_count)
    span = tracing.Span("upload", began, time.time(), "upload", attributes={"decalogo.bytes": length})
    tracing.emit(job.job_id, span)
    if "text/html" in request.headers.get("accept", ""):
        return RedirectResponse(f"/jobs/{job.job_id}", status_code=303)
    return accepted(job)


@router.post(
    "/jobs",
    status_code=201,
    response_model=Accepted,
    summary="Open a batch, to upload its files one by one",
    responses=problem_responses(408, 413, 415, 422, 503, 507),
    openapi_extra=JSON_SCHEMA,
)
async def open_batch(
    request: Request, backend: BackendOf, caller: CallerOf, metadata: Annotated[dict[str, Any], Body()]
) -> Accepted:
    """Open a batch. It is forgotten when nothing arrives for 24 hours."""
    await _require_readiness(request, backend)
    said = read_metadata(metadata)
    await admit(said.callback_url, settings=backend.settings)
    job_id = await backend.store.create(said.to_job(), owner=caller.client)
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
    responses=problem_responses(400, 404, 408, 409, 410, 411, 413, 415, 422, 429, 503, 507),
    openapi_extra=RAW_SCHEMA,
)
async def upload_file(
    job_id: str, name: str, request: Request, backend: BackendOf, caller: CallerOf
) -> ArrivedFile:
    """Take one PDF as the body. The same file may be sent again; other content under its name replaces it.

    A hash in ``X-Content-SHA256``, ``Repr-Digest``, ``Content-Digest`` or ``Digest`` is checked.
    """
    began = time.time()
    name = unicodedata.normalize("NFC", name)
    if clean_file_name(name) != name:
        raise ServiceError(INVALID_FILE_NAME)
    length = _declared_length(request, limit=backend.settings.max_file_bytes, too_large=FILE_TOO_LARGE)
    declared_sha256 = _declared_sha256(request)
    gate: UploadGate = request.app.state.gate
    async with gate.place():
        await _require_room(backend, job_id=job_id, name=name)
        await caller.count_file()
        async with Receiver(
            backend.storage, job_id=job_id, max_bytes=backend.settings.max_file_bytes
        ) as receiver:
            stored = await _receive(request, receiver=receiver, length=length, sha256=declared_sha256)
            document = await backend.store.add_document(
                job_id, name=name, sha256=stored.sha256, size_bytes=stored.size_bytes
            )
    attributes: dict[str, tracing.Attribute] = {
        "decalogo.document_id": document.document_id,
        "decalogo.bytes": length,
    }
    key = f"upload/{document.document_id}"
    tracing.emit(job_id, tracing.Span("upload file", began, time.time(), key, attributes=attributes))
    return _file(document)


async def _receive(request: Request, *, receiver: Receiver, length: int, sha256: str | None) -> StoredUpload:
    async for chunk in request.stream():
        await receiver.write(chunk)
        if receiver.refusal is not None:
            raise ServiceError(receiver.refusal)
    if receiver.size_bytes != length:
        raise ServiceError(UPLOAD_INTERRUPTED)
    stored = await receiver.finish(expected_sha256=sha256)
    if stored is None:
        raise ServiceError(receiver.refusal or UPLOAD_INTERRUPTED)
    return stored


async def _require_room(backend: Backend, *, job_id: str, name: str) -> None:
    """Refuse before the body is read what would be refused after it."""
    job = await backend.store.job(job_id)
    if job.state is not JobState.OPEN:
        raise ServiceError(JOB_NOT_OPEN)
    if job.document_count < backend.settings.max_files:
        return
    if all(document.name != name for document in await backend.store.documents(job_id)):
        raise ServiceError(TOO_MANY_FILES, f"Se permiten {backend.settings.max_files} archivos por envío.")


@router.post(
    "/jobs/{job_id}/submit",
    status_code=202,
    response_model=Accepted,
    summary="Submit an open batch",
    responses=problem_responses(404, 409, 410, 422, 503),
)
async def submit_batch(job_id: str, backend: BackendOf, idempotency_key: IdempotencyKey = None) -> Accepted:
    """Accept the batch: from here on every document reaches a final state. Submitting again changes nothing."""
    job = await submit_once(backend, job_id, idempotency_key=idempotency_key)
    log.info("job_accepted", job_id=job.job_id, documents=job.document_count)
    return accepted(job)


def _file(document: DocumentRecord) -> ArrivedFile:
    return ArrivedFile(
        name=document.name,
        document_id=document.document_id,
        sha256=document.sha256,
        size_bytes=document.size_bytes,
        status=document.state.value,
    )


def _declared_length(request: Request, *, limit: int, too_large: Refusal = REQUEST_TOO_LARGE) -> int:
    declared = request.headers.get("content-length", "")
    if not (declared.isascii() and declared.isdigit()) or "transfer-encoding" in request.headers:
        raise ServiceError(LENGTH_REQUIRED)
    if int(declared) > limit:
        raise ServiceError(too_large)
    return int(declared)


def _declared_sha256(request: Request) -> str | None:
    """The hash that the sender declares, in hexadecimal; None when it declares none.

    Read from ``X-Content-SHA256``, ``Repr-Digest`` or ``Content-Digest`` (RFC 9530), ``Digest`` (RFC 3230).

    Raises:
        ServiceError: INVALID_REQUEST for what is no SHA-256.
    """
    plain = request.headers.get("x-content-sha256")
    if plain is not None:
        return _hexadecimal(plain)
    for header, pattern in DIGEST_HEADERS.items():
        found = pattern.search(request.headers.get(header, ""))
        if found:
            try:
                return _hexadecimal(b64decode(found[1], validate=True).hex())
            except binascii.Error:
                raise ServiceError(INVALID_REQUEST, f"{header}: no es una suma SHA-256.") from None
    return None


def _hexadecimal(value: str) -> str:
    if not is_sha256(value.lower()):
        raise ServiceError(INVALID_REQUEST, "La suma SHA-256 declarada no es válida.")
    return value.lower()


async def _require_readiness(request: Request, backend: Backend, *, bytes_needed: int = 0) -> None:
    """Refuse before a byte is stored when memory, disk, Redis or evaluators are short."""
    # First, and once: an unreachable Redis is waited for as long as its time-out.
    await backend.store.ping()
    # What does not fit at all is 507, what leaves too little for the work 503.
    await asyncio.to_thread(backend.storage.require_space, bytes_needed=bytes_needed)
    count: CountEvaluators = request.app.state.count_evaluators
    shortages = await before_batch(
        backend.settings, store=backend.store, storage=backend.storage, evaluators_alive=await count()
    )
    if shortages:
        detail = " ".join(shortage.sentence for shortage in shortages)
        raise ServiceError(NOT_READY, detail, retry_after_seconds=30)


async def _one_evaluator() -> int:
    """Without Ray nobody counts them: what is accepted waits in the queue."""
    return 1


def _uncounted(_value: object) -> None:
    """Outside Ray nothing is exported."""


def make_upload(
    settings: Settings | None = None,
    *,
    count_evaluators: CountEvaluators = _one_evaluator,
    count_received: Callable[[int], None] = _uncounted,
    count_refused: Callable[[str], None] = _uncounted,
) -> FastAPI:
    """The application, for Serve or for any ASGI server. ``count_evaluators`` says how many are alive.

    ``count_received`` is told the size of each body in bytes, ``count_refused`` the code of each refusal.
    """

    def prepare(app: FastAPI) -> None:
        backend: Backend = app.state.backend
        app.state.gate = UploadGate(backend.settings)
        app.state.count_evaluators = count_evaluators

    app = make_app(router, title="Upload", settings=settings, prepare=prepare)
    app.add_middleware(Counting, received=count_received, refused=count_refused)
    return app


def build(_arguments: dict[str, Any] | None = None) -> Application:
    """The Serve application ``upload``."""
    from cluster import metrics  # noqa: PLC0415  Ray is needed only here
    from serve_app.deployments import count_evaluators, deploy  # noqa: PLC0415  Ray is needed only here

    def make() -> FastAPI:
        return make_upload(
            count_evaluators=count_evaluators,
            count_received=lambda size: metrics.add(metrics.UPLOAD_BYTES, amount=size),
            count_refused=lambda code: metrics.add(metrics.UPLOADS_REFUSED, code=code),
        )

    return deploy(make, name="Upload")
