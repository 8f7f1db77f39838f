"""A small client of the HTTP contract, for the command line, notebooks and scripts."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import quote

import httpx

from cluster.settings import CLIENT_KEY_VARIABLE
from serve_app.file_names import clean_file_name, distinct_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path
    from types import TracebackType

POLL_SECONDS = 0.5
FINAL = frozenset({"completed", "failed", "cancelled"})
BUSY_STATUSES = frozenset({429, 503})
FILE_CODES = frozenset({"upload_not_pdf", "upload_empty", "file_too_large", "invalid_file_name"})
"""Refusals that concern one file and not the batch."""
LOST_SECONDS_MAX = 60.0
"""A service that does not answer for so long while a job is watched is taken for gone."""
CHUNK_BYTES = 1 << 20


class ApiError(RuntimeError):
    """The service refused. ``code`` is stable; ``problem`` is the whole RFC 9457 body."""

    def __init__(self, status: int, problem: Mapping[str, Any]) -> None:
        self.status = status
        self.problem = dict(problem)
        self.code = str(problem.get("code", "unexpected"))
        detail = str(problem.get("detail") or "")
        errors = "; ".join(f"{e['field']}: {e['message']}" for e in problem.get("errors") or ())
        super().__init__(
            " ".join(part for part in (str(problem.get("title", status)), errors or detail) if part)
        )

    @property
    def retry_after_seconds(self) -> float:
        """How long the service asks to wait before the next try."""
        wait = str(self.problem.get("retry_after", ""))
        return float(wait) if wait.isdigit() else 1.0


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened to a job; kinds are ``job``, ``document`` and ``progress``."""

    event_id: str
    kind: str
    data: dict[str, Any]


class BatchClient:
    """Talks to one service. Not safe for threads; cheap to make."""

    def __init__(self, url: str, *, api_key: str | None = None, timeout_seconds: float = 60.0) -> None:
        """A client of the service at ``url``; without ``api_key`` with the one of ``DECALOGO_API_KEY``, if any."""
        self.url = url.rstrip("/")
        key = api_key or os.environ.get(CLIENT_KEY_VARIABLE, "")
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        self._http = httpx.Client(
            base_url=self.url, timeout=timeout_seconds, headers=headers, trust_env=False
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._http.close()

    def submit(
        self,
        paths: Sequence[Path],
        *,
        metadata: Mapping[str, Any],
        sent: Callable[[Path], None] = lambda _path: None,
        refused: Callable[[Path, ApiError], None] | None = None,
        patience_seconds: float = 120.0,
        idempotency_key: str | None = None,
    ) -> str:
        """Send PDFs one per request into an open batch and submit it.

        Args:
            paths: the files; two with the same name are told apart by a number.
            metadata: fields of the batch.
            sent: called after each file that was taken.
            refused: called for each file the service refuses; the others go on. Without it the first refusal
                ends the call, and so does the last file when all were refused. Then nothing is left behind.
            patience_seconds: how long a busy service is asked again, for each file.
            idempotency_key: a batch of the same content that was submitted under it is not submitted again.

        Returns:
            The identifier of the job.

        Raises:
            ApiError: the service refused.
            httpx.TransportError: it cannot be reached.
        """
        job_id = str(self._call("POST", "/upload/jobs", json=dict(metadata))["job_id"])
        try:
            self._send_all(job_id, paths, sent=sent, refused=refused, patience_seconds=patience_seconds)
            headers = {"Idempotency-Key": idempotency_key} if idempotency_key else {}
            accepted = self._call("POST", f"/upload/jobs/{job_id}/submit", headers=headers)
        except BaseException:
            # The batch is of no use any more; if it cannot be deleted now, it expires by itself.
            with contextlib.suppress(httpx.TransportError, ApiError):
                self.delete(job_id)
            raise
        return str(accepted["job_id"])

    def _send_all(
        self,
        job_id: str,
        paths: Sequence[Path],
        *,
        sent: Callable[[Path], None],
        refused: Callable[[Path, ApiError], None] | None,
        patience_seconds: float,
    ) -> None:
        refusals = 0
        for path, name in distinct_names(paths):
            try:
                self.send_file(job_id, path=path, name=name, patience_seconds=patience_seconds)
            except ApiError as error:
                refusals += 1
                if refused is None or error.code not in FILE_CODES or refusals == len(paths):
                    raise
                refused(path, error)
            else:
                sent(path)

    def send_file(self, job_id: str, *, path: Path, name: str, patience_seconds: float = 120.0) -> None:
        """Send one file into an open batch; sending it again is harmless.

        Raises:
            ApiError: the service refused.
            httpx.TransportError: it cannot be reached.
        """
        with path.open("rb") as file:
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
            size = file.tell()
        headers = {
            "X-Content-SHA256": sha256,
            "Content-Type": "application/pdf",
            "Content-Length": str(size),
        }
        url = f"/upload/jobs/{job_id}/files/{quote(name, safe='')}"
        deadline = time.monotonic() + patience_seconds
        while True:
            try:
                self._call("PUT", url, content=_pieces(path), headers=headers)
            except ApiError as error:
                if (
                    error.status not in BUSY_STATUSES
                    or time.monotonic() + error.retry_after_seconds > deadline
                ):
                    raise
                time.sleep(error.retry_after_seconds)
            else:
                return

    def status(self, job_id: str) -> dict[str, Any]:
        """The state of a job."""
        return self._call("GET", f"/status/{job_id}")

    def watch(self, job_id: str, *, every_seconds: float = POLL_SECONDS) -> Iterator[dict[str, Any]]:
        """The state of a job, again and again, until it is final (the last one yielded).

        A service that cannot be reached for a moment is asked again; errors of the job itself are raised.
        """
        lost = 0
        while True:
            try:
                state = self.status(job_id)
                lost = 0
            except (httpx.TransportError, ApiError) as error:
                passing = isinstance(error, httpx.TransportError) or error.status in BUSY_STATUSES
                lost += 1
                if not passing or lost * every_seconds > LOST_SECONDS_MAX:
                    raise
                time.sleep(every_seconds)
                continue
            yield state
            if state["status"] in FINAL:
                return
            time.sleep(every_seconds)

    def events(self, job_id: str, *, after: str | None = None) -> Iterator[Event]:
        """The events of a job as they happen, until it is final or the connection ends.

        Args:
            job_id: the job.
            after: identifier of the last event that was seen; None begins with the oldest kept.
        """
        headers = {"Last-Event-ID": after} if after else {}
        with self._http.stream("GET", f"/status/{job_id}/events", headers=headers) as answer:
            if answer.is_error:
                answer.read()
                raise _error(answer)
            fields: dict[str, str] = {}
            for line in answer.iter_lines():
                name, _, value = line.partition(":")
                if name:
                    fields[name] = value.removeprefix(" ")
                elif "id" in fields and "data" in fields:
                    yield Event(fields["id"], fields["event"], json.loads(fields["data"]))
                    fields = {}

    def jobs(self, *, state: str | None = None, limit: int = 50) -> list[dict[str, Any]]:
        """The latest jobs."""
        query = {"limit": str(limit), **({"state": state} if state else {})}
        return list(self._call("GET", "/status", params=query)["jobs"])

    def results(self, job_id: str, *, partial: bool = False) -> dict[str, Any]:
        """The results of a batch as data."""
        return self._call("GET", f"/results/{job_id}", params={"partial": "true"} if partial else {})

    def download(self, job_id: str, *, kind: str, target: Path) -> int:
        """Write the results in a format (json, csv, pdf, zip) to a file; returns its size in bytes."""
        with self._http.stream("GET", f"/results/{job_id}", params={"format": kind}, timeout=600) as answer:
            if answer.is_error:
                answer.read()
                raise _error(answer)
            size = 0
            with target.open("wb") as file:
                for chunk in answer.iter_bytes(CHUNK_BYTES):
                    size += file.write(chunk)
        return size

    def cancel(self, job_id: str) -> None:
        """Stop a job; results that there are stay."""
        self._call("DELETE", f"/results/{job_id}", params={"keep": "true"})

    def delete(self, job_id: str) -> None:
        """Stop a job and delete all of it."""
        self._call("DELETE", f"/results/{job_id}")

    def _call(self, method: str, url: str, **request: Any) -> dict[str, Any]:
        answer = self._http.request(method, url, **request)
        if answer.is_error:
            raise _error(answer)
        return dict(answer.json()) if answer.content else {}


def distinct_names(paths: Sequence[Path]) -> Iterator[tuple[Path, str]]:
    """Each path with a name that no other of them has."""
    taken: set[str] = set()
    for path in paths:
        name = distinct_name(clean_file_name(path.name), taken=taken)
        taken.add(name)
        yield path, name


def _pieces(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            yield chunk


def _error(answer: httpx.Response) -> ApiError:
    try:
        problem = dict(answer.json())
    except ValueError:
        problem = {"title": f"El servicio respondió {answer.status_code}."}
    if "Retry-After" in answer.headers:
        problem["retry_after"] = answer.headers["Retry-After"]
    return ApiError(answer.status_code, problem)
