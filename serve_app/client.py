"""A small client of the HTTP contract, for the command line, notebooks and scripts."""

from __future__ import annotations

import hashlib
import time
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import quote

import httpx

from serve_app.multipart import clean_file_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path
    from types import TracebackType

POLL_SECONDS = 0.5
FINAL = frozenset({"completed", "failed", "cancelled"})
BUSY_STATUSES = frozenset({429, 503})
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
            " ".join(part for part in (str(problem.get("title", status)), detail, errors) if part)
        )


class BatchClient:
    """Talks to one service. Not safe for threads; cheap to make."""

    def __init__(self, url: str, *, timeout_seconds: float = 60.0) -> None:
        self.url = url.rstrip("/")
        self._http = httpx.Client(base_url=self.url, timeout=timeout_seconds, trust_env=False)

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
        patience_seconds: float = 120.0,
    ) -> str:
        """Send PDFs one per request into an open batch and submit it.

        Args:
            paths: the files; two with the same name are told apart by a number.
            metadata: fields of the batch.
            sent: called after each file.
            patience_seconds: how long a busy service is asked again.

        Returns:
            The identifier of the job.

        Raises:
            ApiError: the service refused.
            httpx.TransportError: it cannot be reached.
        """
        job_id = str(self._call("POST", "/upload/jobs", json=dict(metadata))["job_id"])
        for path, name in distinct_names(paths):
            content = path.read_bytes()
            headers = {
                "X-Content-SHA256": hashlib.sha256(content).hexdigest(),
                "Content-Type": "application/pdf",
            }
            url = f"/upload/jobs/{job_id}/files/{quote(name, safe='')}"
            self._patiently("PUT", url, patience_seconds=patience_seconds, content=content, headers=headers)
            sent(path)
        self._call("POST", f"/upload/jobs/{job_id}/submit")
        return job_id

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
                if not passing or lost * every_seconds > 60:  # noqa: PLR2004  a minute without an answer
                    raise
                time.sleep(every_seconds)
                continue
            yield state
            if state["status"] in FINAL:
                return
            time.sleep(every_seconds)

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

    def _patiently(self, method: str, url: str, *, patience_seconds: float, **request: Any) -> dict[str, Any]:
        """Repeat a call that may be repeated while the service says it is busy."""
        deadline = time.monotonic() + patience_seconds
        while True:
            try:
                return self._call(method, url, **request)
            except ApiError as error:
                wait = float(error.problem.get("retry_after") or 1)
                if error.status not in BUSY_STATUSES or time.monotonic() + wait > deadline:
                    raise
                time.sleep(wait)

    def _call(self, method: str, url: str, **request: Any) -> dict[str, Any]:
        answer = self._http.request(method, url, **request)
        if answer.is_error:
            raise _error(answer)
        return dict(answer.json()) if answer.content else {}


def distinct_names(paths: Sequence[Path]) -> Iterator[tuple[Path, str]]:
    """Each path with a name that no other of them has."""
    seen: dict[str, int] = {}
    for path in paths:
        name = clean_file_name(path.name)
        seen[name] = seen.get(name, 0) + 1
        number = seen[name]
        yield path, name if number == 1 else f"{path.stem} ({number}){path.suffix}"


def _error(answer: httpx.Response) -> ApiError:
    try:
        problem = dict(answer.json())
    except ValueError:
        problem = {"title": f"El servicio respondió {answer.status_code}."}
    if "Retry-After" in answer.headers:
        problem["retry_after"] = answer.headers["Retry-After"]
    return ApiError(answer.status_code, problem)
