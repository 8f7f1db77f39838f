"""One file on its way into storage: sized, hashed and judged while it streams, refused as early as possible."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Self, TypeVar

from cluster.errors import (
    FILE_TOO_LARGE,
    HASH_MISMATCH,
    UPLOAD_EMPTY,
    UPLOAD_NOT_PDF,
    Refusal,
    ServiceError,
)

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from types import TracebackType

    from cluster.storage import Storage, StoredUpload, UploadWriter

Result = TypeVar("Result")

PDF_MARK = b"%PDF-"
PDF_MARK_WITHIN = 1024
"""Where the mark of a PDF must stand: what readers tolerate in practice."""
WRITE_BYTES = 1024 * 1024
"""Written at a time: each write is a hop to a thread, which costs more than the writing of a small piece."""


async def whole(work: Awaitable[Result]) -> Result:
    """Await ``work`` to its end however often the caller is cancelled meanwhile; the cancellation follows then.

    For what may not be left half done: whoever cleans up afterwards would be overtaken by it.
    """
    running = asyncio.ensure_future(work)
    cancelled: asyncio.CancelledError | None = None
    while not running.done():
        try:
            await asyncio.wait({running})
        except asyncio.CancelledError as error:
            cancelled = error
    if cancelled is not None:
        raise cancelled
    return running.result()


async def to_its_end(call: Callable[[], Result]) -> Result:
    """Run a blocking call in a thread; a cancellation waits for it."""
    return await whole(asyncio.to_thread(call))


class Receiver:
    """Takes the bytes of one file; a context manager that leaves nothing behind unless ``finish`` gave a file.

    What is refused is still counted but no longer written.
    """

    def __init__(self, storage: Storage, *, job_id: str, max_bytes: int) -> None:
        self._storage = storage
        self._job_id = job_id
        self._max_bytes = max_bytes
        self._writer: UploadWriter | None = None
        self._head = b""
        self._pending = bytearray()
        self.size_bytes = 0
        self.refusal: Refusal | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.discard()

    async def write(self, data: bytes) -> None:
        """Take the next bytes.

        Raises:
            ServiceError: STORAGE_FULL, STORAGE_UNAVAILABLE.
        """
        self.size_bytes += len(data)
        if len(self._head) < PDF_MARK_WITHIN:
            self._head += data[: PDF_MARK_WITHIN - len(self._head)]
        if self.refusal is not None:
            return
        self.refusal = self._early_refusal()
        if self.refusal is not None:
            await self.discard()
            return
        self._pending += data
        if len(self._pending) >= WRITE_BYTES:
            await to_its_end(self._flush)

    async def finish(self, *, expected_sha256: str | None = None) -> StoredUpload | None:
        """Make the file durable; None when it is refused, and then ``refusal`` says why.

        Raises:
            ServiceError: HASH_MISMATCH, STORAGE_FULL, STORAGE_UNAVAILABLE.
        """
        if self.size_bytes == 0:
            self.refusal = UPLOAD_EMPTY
        elif self.refusal is None and PDF_MARK not in self._head:
            self.refusal = UPLOAD_NOT_PDF
        if self.refusal is not None:
            await self.discard()
            return None
        return await to_its_end(lambda: self._commit(expected_sha256))

    async def discard(self) -> None:
        """Remove what was written and not made durable. Harmless to repeat."""
        self._pending.clear()
        writer, self._writer = self._writer, None
        if writer is not None:
            await to_its_end(writer.abort)

    def _flush(self) -> None:
        if self._writer is None:
            self._writer = self._storage.begin_upload(self._job_id)
        self._writer.write(bytes(self._pending))
        self._pending.clear()

    def _commit(self, expected_sha256: str | None) -> StoredUpload:
        self._flush()
        assert self._writer is not None  # noqa: S101  flushing has opened it
        if expected_sha256 is not None and self._writer.sha256 != expected_sha256:
            raise ServiceError(HASH_MISMATCH)
        return self._writer.commit()

    def _early_refusal(self) -> Refusal | None:
        if self.size_bytes > self._max_bytes:
            return FILE_TOO_LARGE
        if len(self._head) == PDF_MARK_WITHIN and PDF_MARK not in self._head:
            return UPLOAD_NOT_PDF
        return None
