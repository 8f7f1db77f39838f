"""A batch in one multipart request: files go to storage as they arrive, fields may come before or after."""

from __future__ import annotations

import asyncio
import hashlib
from contextlib import suppress
from typing import TYPE_CHECKING

import msgspec

from cluster.callback_targets import admit
from cluster.errors import (
    INVALID_METADATA,
    NO_FILES,
    REFUSALS,
    TOO_MANY_FILES,
    ServiceError,
)
from cluster.records import DocumentState, JobMetadata, JobState
from serve_app.file_names import distinct_name
from serve_app.metadata import LIST_FIELDS, read_metadata
from serve_app.multipart import Field, FileData, FileEnd, FilePart, boundary_of, parts
from serve_app.problems import FieldProblem, FieldsInvalid
from serve_app.receiving import Receiver, whole
from serve_app.removal import discard_batch

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable

    from cluster.records import DocumentRecord, JobRecord
    from serve_app.access import Caller
    from serve_app.asgi import Backend
    from serve_app.multipart import Part

EMPTY_SHA256 = hashlib.sha256(b"").hexdigest()
FILES_FIELD = "files"


class MultipartBatch:
    """Receives one batch. Unless it is accepted, nothing of it stays behind."""

    def __init__(self, backend: Backend, *, caller: Caller) -> None:
        self._backend = backend
        self._caller = caller
        self._job_id = ""
        self._fields: dict[str, str] = {}
        self._names: set[str] = set()
        self._receiver: Receiver | None = None
        self._file_name = ""

    async def receive(
        self, body: AsyncIterator[bytes], *, content_type: str, idempotency_key: str | None
    ) -> JobRecord:
        """Read the whole request and submit the batch.

        A file that is no PDF, is empty or too large becomes a document that has failed with that code; the
        others go on. When every file is refused, so is the request.

        Raises:
            ServiceError: what the form, the files, Redis or the storage give reason for.
        """
        boundary = boundary_of(content_type)
        try:
            # Whole, though the sender has left: a job that is opened without our knowing it would stay.
            await whole(self._open())
            async for part in parts(body, boundary=boundary):
                await self._take(part)
            return await self._submit(idempotency_key)
        except BaseException:
            # Also for a cut connection, which may arrive as a cancellation.
            await whole(self._discard())
            raise

    async def _open(self) -> None:
        self._job_id = await self._backend.store.create(JobMetadata(), owner=self._caller.client)

    async def _take(self, part: Part) -> None:
        match part:
            case Field(name, value):
                self._take_field(name, value)
            case FilePart(field, name):
                await self._begin_file(field=field, name=name)
            case FileData(data) if self._receiver is not None:
                await self._receiver.write(data)
            case FileEnd() if self._receiver is not None:
                await self._end_file()

    def _take_field(self, name: str, value: str) -> None:
        # A form sends a list as the same name several times; of a single value the last one counts, so that
        # a hidden "false" may stand before a check box.
        before = self._fields.get(name)
        self._fields[name] = f"{before},{value}" if before and name in LIST_FIELDS else value

    async def _begin_file(self, *, field: str, name: str) -> None:
        self._receiver = None
        if not name:
            # What a browser sends for an input of files that was left empty.
            return
        if field != FILES_FIELD:
            message = f"los archivos van en el campo {FILES_FIELD}"
            raise FieldsInvalid(INVALID_METADATA, [FieldProblem(field=field[:100], message=message)])
        settings = self._backend.settings
        if len(self._names) >= settings.max_files:
            raise ServiceError(TOO_MANY_FILES, f"Se permiten {settings.max_files} archivos por envío.")
        await self._caller.count_file()
        self._file_name = distinct_name(name, taken=self._names)
        self._names.add(self._file_name)
        self._receiver = Receiver(
            self._backend.storage, job_id=self._job_id, max_bytes=settings.max_file_bytes
        )

    async def _end_file(self) -> None:
        receiver, self._receiver = self._receiver, None
        assert receiver is not None  # noqa: S101  the caller has just checked
        async with receiver:
            stored = await receiver.finish()
        await self._backend.store.add_document(
            self._job_id,
            name=self._file_name,
            sha256=stored.sha256 if stored else EMPTY_SHA256,
            size_bytes=receiver.size_bytes,
            refused=receiver.refusal,
        )

    async def _submit(self, idempotency_key: str | None) -> JobRecord:
        store = self._backend.store
        metadata = read_metadata(self._fields).to_job()
        await admit(metadata.callback_url, settings=self._backend.settings)
        if not self._names:
            raise ServiceError(NO_FILES)
        await self._refuse_when_nothing_is_left()
        await store.describe(self._job_id, metadata)
        return await submit_once(self._backend, self._job_id, idempotency_key=idempotency_key)

    async def _refuse_when_nothing_is_left(self) -> None:
        documents = await self._backend.store.documents(self._job_id)
        if any(document.state is DocumentState.QUEUED for document in documents):
            return
        by_code = {refusal.code: refusal for refusal in REFUSALS}
        raise ServiceError(by_code[documents[0].code], documents[0].name)

    async def _discard(self) -> None:
        """Remove every trace, unless the batch was accepted without our having heard of it.

        What Redis cannot be asked about now stays: an open batch expires by itself, and the sweep takes its files.
        """
        if not self._job_id:
            return
        if self._receiver is not None:
            await self._receiver.discard()
        with suppress(ServiceError):
            await discard_batch(self._backend, self._job_id)


async def submit_once(backend: Backend, job_id: str, *, idempotency_key: str | None) -> JobRecord:
    """Submit an open batch; under a key that another batch of the same content has, that one is the answer.

    A batch that was accepted before is the answer itself, whatever the key.

    Raises:
        ServiceError: NO_FILES, IDEMPOTENCY_CONFLICT, JOB_NOT_FOUND and its kin, REDIS_UNAVAILABLE.
    """
    store = backend.store
    if idempotency_key:
        job = await store.job(job_id)
        if job.state is not JobState.OPEN:
            return job
        documents = await store.documents(job_id)
        if not documents:
            # Before the key is bound to a batch that cannot be.
            raise ServiceError(NO_FILES)
        # Keys are each client's own. A slash is in no client's name.
        idempotency_key = f"{job.owner}/{idempotency_key}" if job.owner else idempotency_key
        fingerprint = fingerprint_of(job.metadata, documents=documents)
        earlier = await store.reserve_idempotency(idempotency_key, fingerprint=fingerprint)
        if earlier not in {None, job_id} and await discard_batch(backend, job_id):
            return await store.job(str(earlier))
    job = await store.submit(job_id, idempotency_key=idempotency_key)
    if job.job_id != job_id:
        # Another request with this key was faster; the registry has already dropped this batch.
        await asyncio.to_thread(backend.storage.delete_job, job_id)
    return job


def fingerprint_of(metadata: JobMetadata, *, documents: Iterable[DocumentRecord]) -> str:
    """What an idempotency key stands for: the fields and the files by name and content, in any order."""
    files = sorted((document.name, document.sha256) for document in documents)
    return hashlib.sha256(msgspec.json.encode([metadata, files], order="sorted")).hexdigest()
