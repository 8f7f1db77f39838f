"""One file on its way into storage: sized, hashed and judged while it streams, refused as early as possible."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Self

from cluster.errors import FILE_TOO_LARGE, UPLOAD_EMPTY, UPLOAD_NOT_PDF, Refusal

if TYPE_CHECKING:
    from types import TracebackType

    from cluster.storage import Storage, StoredUpload, UploadWriter

PDF_MARK = b"%PDF-"
PDF_MARK_WITHIN = 1024
"""Where the mark of a PDF may begin at the latest: what readers tolerate in practice."""


class Receiver:
    """Takes the bytes of one file. What is refused is still counted but no longer written."""

    def __init__(self, storage: Storage, *, job_id: str, max_bytes: int) -> None:
        self._storage = storage
        self._job_id = job_id
        self._max_bytes = max_bytes
        self._writer: UploadWriter | None = None
        self._head = b""
        self.size_bytes = 0
        self.refusal: Refusal | None = None

    async def __aenter__(self) -> Self:
        self._writer = await asyncio.to_thread(self._storage.begin_upload, self._job_id)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # A cut connection arrives as a cancellation: the clean-up must not wait on anything that can be cancelled.
        if self._writer is not None:
            self._writer.abort()

    async def write(self, data: bytes) -> None:
        """Take the next bytes.

        Raises:
            ServiceError: STORAGE_FULL, STORAGE_UNAVAILABLE.
        """
        self.size_bytes += len(data)
        if len(self._head) < PDF_MARK_WITHIN + len(PDF_MARK):
            self._head += data[: PDF_MARK_WITHIN + len(PDF_MARK) - len(self._head)]
        if self.refusal is None:
            self.refusal = self._early_refusal()
        if self.refusal is None and self._writer is not None:
            await asyncio.to_thread(self._writer.write, data)

    @property
    def sha256(self) -> str:
        """Hash of what was written so far."""
        return self._writer.sha256 if self._writer is not None else ""

    async def finish(self) -> StoredUpload | None:
        """Make the file durable; None when it is refused, and then ``refusal`` says why.

        Raises:
            ServiceError: STORAGE_FULL, STORAGE_UNAVAILABLE.
        """
        if self.size_bytes == 0:
            self.refusal = UPLOAD_EMPTY
        elif self.refusal is None and PDF_MARK not in self._head:
            self.refusal = UPLOAD_NOT_PDF
        if self.refusal is not None or self._writer is None:
            return None
        return await asyncio.to_thread(self._writer.commit)

    def _early_refusal(self) -> Refusal | None:
        if self.size_bytes > self._max_bytes:
            return FILE_TOO_LARGE
        if len(self._head) == PDF_MARK_WITHIN + len(PDF_MARK) and PDF_MARK not in self._head:
            return UPLOAD_NOT_PDF
        return None
