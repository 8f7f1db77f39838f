"""Clients of the HTTP contract, for the command line, notebooks and scripts: one blocks, one awaits.

    with BatchClient("http://127.0.0.1:8000") as client:
        job = client.submit("planes/", municipality="Varios", department="Nariño", year=2024, period="2024-2027")
        job.wait().to_dataframe()

    async with AsyncBatchClient("http://127.0.0.1:8000") as client:
        job = await client.submit("planes/", municipality=…)
        await job.wait()

What is asked, sent and tried again stands once, in ``client_calls``, ``client_sending`` and ``client_errors``.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any, Self

import httpx

from serve_app import client_calls as calls
from serve_app.batch_job import AsyncJob, Job
from serve_app.batch_progress import SendingBar, named_pdfs
from serve_app.client_drivers import CHUNK_BYTES, TaskDriver, ThreadDriver, connection
from serve_app.client_errors import FILE_CODES, ApiError, NoIdentifier
from serve_app.client_files import whole_file
from serve_app.client_sending import PATIENCE_SECONDS, Sending, distinct_names, local_file, perform
from serve_app.client_watching import FINAL, POLL_SECONDS, Event, EventLines, Watching

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
    from pathlib import Path
    from types import TracebackType

    Sources = str | Path | Iterable[str | Path]

__all__ = [
    "FILE_CODES",
    "FINAL",
    "ApiError",
    "AsyncBatchClient",
    "BatchClient",
    "Event",
    "NoIdentifier",
    "distinct_names",
]

TIMEOUT_SECONDS = 60.0


class BatchClient:
    """Talks to one service, blocking. Safe for threads; cheap to make."""

    def __init__(
        self, url: str, api_key: str | None = None, *, timeout_seconds: float = TIMEOUT_SECONDS
    ) -> None:
        """A client of the service at ``url``; without ``api_key`` with the one of ``DECALOGO_API_KEY``, if any."""
        self.url = url.rstrip("/")
        self._driver = ThreadDriver(
            httpx.Client(**connection(self.url, api_key=api_key, timeout_seconds=timeout_seconds))
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._driver.http.close()

    def __repr__(self) -> str:
        return f"BatchClient({self.url!r})"

    # ------------------------------------------------------------------ a batch

    def submit(
        self,
        source: Sources,
        *,
        resume: str | None = None,
        idempotency_key: str | None = None,
        patience_seconds: float = PATIENCE_SECONDS,
        **metadata: Any,
    ) -> Job:
        """Send a file, a folder, a pattern or several of them (up to 100 PDFs) as one batch, with a bar.

        Files go several at a time. A busy service and a cut connection are tried again; a file that is refused is
        told (``job.refused``) and the others go on.

        Args:
            source: paths, or patterns such as ``planes/*.pdf``.
            resume: a batch that was interrupted (the error said which): only what has not arrived is sent.
            idempotency_key: a batch of the same content that was submitted under it is not submitted again.
            patience_seconds: how long a busy service is asked again, for each file.
            metadata: fields of the batch: ``municipality``, ``department``, ``year``, ``period``, options,
                ``callback_url``.

        Raises:
            FileNotFoundError: one of them names no PDF.
            ApiError: the service refused the batch, or all files.
            httpx.TransportError: it cannot be reached.
        """
        paths = named_pdfs(source)
        with SendingBar(len(paths)) as bar:
            sending = bar.sending(
                metadata,
                resume=resume,
                idempotency_key=idempotency_key,
                patience_seconds=patience_seconds,
            )
            return Job(self, self._driver.run(sending.flow(paths)), refused=bar.refused)

    def send(
        self,
        paths: Sequence[Path],
        *,
        metadata: Mapping[str, Any],
        sent: Callable[[Path], None] = lambda _path: None,
        refused: Callable[[Path, ApiError], None] | None = None,
        opened: Callable[[str], None] = lambda _job_id: None,
        waiting: Callable[[BaseException], None] = lambda _error: None,
        resume: str | None = None,
        patience_seconds: float = PATIENCE_SECONDS,
        idempotency_key: str | None = None,
    ) -> str:
        """The same without a bar: who sends is told of each file, as it ends, in this thread.

        Without ``refused`` the first refusal ends the call, and so does the last file when all were refused; then
        nothing is left behind. ``opened`` hears the identifier with which the batch can be resumed,
        ``waiting`` why a busy service does not open one yet.

        Returns:
            The identifier of the job.

        Raises:
            ApiError: the service refused.
            httpx.TransportError: it cannot be reached.
        """
        sending = Sending(
            metadata,
            sent=sent,
            refused=refused,
            opened=opened,
            waiting=waiting,
            resume=resume,
            idempotency_key=idempotency_key,
            patience_seconds=patience_seconds,
        )
        return self._driver.run(sending.flow(paths))

    def send_file(
        self, job_id: str, *, path: Path, name: str, patience_seconds: float = PATIENCE_SECONDS
    ) -> None:
        """Send one file into an open batch; sending it again is harmless.

        Raises:
            ApiError: the service refused.
            httpx.TransportError: it cannot be reached.
        """
        file = local_file(path, name=name)
        self._run(calls.send_file(job_id, file, patience_seconds=patience_seconds))

    def job(self, job_id: str) -> Job:
        """A job that was submitted before."""
        return Job(self, job_id)

    # ------------------------------------------------------------------ looking at jobs

    def status(self, job_id: str) -> dict[str, Any]:
        """The state of a job."""
        return self._run(calls.status(job_id))

    def watch(self, job_id: str, *, every_seconds: float = POLL_SECONDS) -> Iterator[dict[str, Any]]:
        """The state of a job, again and again, until it is final (the last one yielded).

        A service that cannot be reached for a moment is asked again; errors of the job itself are raised.
        """
        watching = Watching()
        while True:
            try:
                state = self.status(job_id)
            except (httpx.TransportError, ApiError) as error:
                watching.lost(error)
            else:
                yield state
                if watching.ended(state):
                    return
            time.sleep(every_seconds)

    def events(self, job_id: str, *, after: str | None = None) -> Iterator[Event]:
        """The events of a job as they happen, until it is final or the connection ends.

        Args:
            job_id: the job.
            after: identifier of the last event that was seen; None begins with the oldest kept.
        """
        lines = EventLines()
        with self._driver.streamed(calls.events(job_id, after=after)) as answer:
            for line in answer.iter_lines():
                if event := lines.take(line):
                    yield event

    def jobs(self, *, state: str | None = None, limit: int = 50) -> list[dict[str, Any]]:
        """The latest jobs."""
        return self._run(calls.jobs(state=state, limit=limit))

    def results(self, job_id: str, *, partial: bool = False) -> dict[str, Any]:
        """The results of a batch as data."""
        return self._run(calls.results(job_id, partial=partial))

    def download(self, job_id: str, *, kind: str, target: Path) -> int:
        """Write the results in a format (json, csv, pdf, zip) to a file; returns its size in bytes.

        A file that was there stays until all of the new one has arrived.
        """
        call = calls.results_file(job_id, kind=kind)
        with (
            self._driver.streamed(call, timeout_seconds=calls.DOWNLOAD_SECONDS) as answer,
            whole_file(target) as file,
        ):
            return sum(file.write(chunk) for chunk in answer.iter_bytes(CHUNK_BYTES))

    def cancel(self, job_id: str) -> None:
        """Stop a job; results that there are stay."""
        self._run(calls.delete(job_id, keep=True))

    def delete(self, job_id: str) -> None:
        """Stop a job and delete all of it."""
        self._run(calls.delete(job_id, keep=False))

    def _run(self, call: calls.Call[calls.T]) -> calls.T:
        return self._driver.run(perform(call))


class AsyncBatchClient:
    """Talks to one service without blocking; for one event loop."""

    def __init__(
        self, url: str, api_key: str | None = None, *, timeout_seconds: float = TIMEOUT_SECONDS
    ) -> None:
        """A client of the service at ``url``; without ``api_key`` with the one of ``DECALOGO_API_KEY``, if any."""
        self.url = url.rstrip("/")
        self._driver = TaskDriver(
            httpx.AsyncClient(**connection(self.url, api_key=api_key, timeout_seconds=timeout_seconds))
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections."""
        await self._driver.http.aclose()

    def __repr__(self) -> str:
        return f"AsyncBatchClient({self.url!r})"

    # ------------------------------------------------------------------ a batch

    async def submit(
        self,
        source: Sources,
        *,
        resume: str | None = None,
        idempotency_key: str | None = None,
        patience_seconds: float = PATIENCE_SECONDS,
        **metadata: Any,
    ) -> AsyncJob:
        """Send a batch, as ``BatchClient.submit`` does."""
        paths = await asyncio.to_thread(named_pdfs, source)
        with SendingBar(len(paths)) as bar:
            sending = bar.sending(
                metadata,
                resume=resume,
                idempotency_key=idempotency_key,
                patience_seconds=patience_seconds,
            )
            return AsyncJob(self, await self._driver.run(sending.flow(paths)), refused=bar.refused)

    def job(self, job_id: str) -> AsyncJob:
        """A job that was submitted before."""
        return AsyncJob(self, job_id)

    # ------------------------------------------------------------------ looking at jobs

    async def status(self, job_id: str) -> dict[str, Any]:
        """The state of a job."""
        return await self._run(calls.status(job_id))

    async def watch(
        self, job_id: str, *, every_seconds: float = POLL_SECONDS
    ) -> AsyncIterator[dict[str, Any]]:
        """The state of a job, again and again, until it is final, as ``BatchClient.watch`` gives it."""
        watching = Watching()
        while True:
            try:
                state = await self.status(job_id)
            except (httpx.TransportError, ApiError) as error:
                watching.lost(error)
            else:
                yield state
                if watching.ended(state):
                    return
            await asyncio.sleep(every_seconds)

    async def events(self, job_id: str, *, after: str | None = None) -> AsyncIterator[Event]:
        """The events of a job as they happen, as ``BatchClient.events`` gives them."""
        lines = EventLines()
        async with self._driver.streamed(calls.events(job_id, after=after)) as answer:
            async for line in answer.aiter_lines():
                if event := lines.take(line):
                    yield event

    async def jobs(self, *, state: str | None = None, limit: int = 50) -> list[dict[str, Any]]:
        """The latest jobs."""
        return await self._run(calls.jobs(state=state, limit=limit))

    async def results(self, job_id: str, *, partial: bool = False) -> dict[str, Any]:
        """The results of a batch as data."""
        return await self._run(calls.results(job_id, partial=partial))

    async def download(self, job_id: str, *, kind: str, target: Path) -> int:
        """Write the results to a file, as ``BatchClient.download`` does."""
        size = 0
        call = calls.results_file(job_id, kind=kind)
        async with self._driver.streamed(call, timeout_seconds=calls.DOWNLOAD_SECONDS) as answer:
            with whole_file(target) as file:
                async for chunk in answer.aiter_bytes(CHUNK_BYTES):
                    size += await asyncio.to_thread(file.write, chunk)
        return size

    async def cancel(self, job_id: str) -> None:
        """Stop a job; results that there are stay."""
        await self._run(calls.delete(job_id, keep=True))

    async def delete(self, job_id: str) -> None:
        """Stop a job and delete all of it."""
        await self._run(calls.delete(job_id, keep=False))

    async def _run(self, call: calls.Call[calls.T]) -> calls.T:
        return await self._driver.run(perform(call))
