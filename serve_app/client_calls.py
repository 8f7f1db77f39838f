"""The requests of the HTTP contract, each as data: what is sent, and how the answer is read. No connection in here."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Generic, TypeVar
from urllib.parse import quote

from serve_app.client_errors import NoIdentifier

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    import httpx

T = TypeVar("T")

DOWNLOAD_SECONDS = 600.0
READING_PATIENCE_SECONDS = 30.0
"""For so long a busy service is asked again for what is only read."""


@dataclass(frozen=True, slots=True)
class LocalFile:
    """A PDF on this machine and the name it has in its batch."""

    path: Path
    name: str
    sha256: str
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Call(Generic[T]):
    """One request. ``file`` is its body; with ``patience_seconds`` a passing failure is tried again for so long."""

    method: str
    url: str
    read: Callable[[httpx.Response], T]
    params: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    json: Mapping[str, Any] | None = None
    file: LocalFile | None = None
    patience_seconds: float = 0.0
    first: bool = False
    """Of several: a service that cannot be reached at all is then not waited for."""
    waiting: Callable[[BaseException], None] | None = None
    """Hears what is waited for."""

    @property
    def request(self) -> dict[str, Any]:
        """Arguments of a request of httpx, but for the body from a file."""
        more = {} if self.json is None else {"json": self.json}
        return {
            "method": self.method,
            "url": self.url,
            "params": self.params,
            "headers": self.headers,
            **more,
        }


def _data(answer: httpx.Response) -> dict[str, Any]:
    return dict(answer.json()) if answer.content else {}


def _nothing(_answer: httpx.Response) -> None:
    return None


def _job_id(answer: httpx.Response) -> str:
    return str(answer.json()["job_id"])


def _reading(url: str, read: Callable[[httpx.Response], T], **more: Any) -> Call[T]:
    return Call("GET", url, read, patience_seconds=READING_PATIENCE_SECONDS, first=True, **more)


def _part(job_id: str) -> str:
    """An identifier as a part of an address, which it cannot leave.

    Raises:
        NoIdentifier: it cannot be one; an address with nothing in its place would be another call.
    """
    if job_id in {"", ".", ".."}:
        raise NoIdentifier(job_id)
    return quote(job_id, safe="")


def status(job_id: str) -> Call[dict[str, Any]]:
    """The state of a job.

    Like every call that names a job, it raises NoIdentifier for what cannot be one.
    """
    return _reading(f"/status/{_part(job_id)}", _data)


def jobs(*, state: str | None, limit: int) -> Call[list[dict[str, Any]]]:
    """The latest jobs."""
    params = {"limit": str(limit), **({"state": state} if state else {})}
    return _reading("/status", lambda answer: list(answer.json()["jobs"]), params=params)


def results(job_id: str, *, partial: bool) -> Call[dict[str, Any]]:
    """The results of a batch as data."""
    return _reading(f"/results/{_part(job_id)}", _data, params={"partial": "true"} if partial else {})


def delete(job_id: str, *, keep: bool) -> Call[None]:
    """Stop a job; with ``keep`` its results stay."""
    return Call("DELETE", f"/results/{_part(job_id)}", _nothing, params={"keep": "true"} if keep else {})


def results_file(job_id: str, *, kind: str) -> Call[None]:
    """The results as a file, to be streamed."""
    return _reading(f"/results/{_part(job_id)}", _nothing, params={"format": kind})


def events(job_id: str, *, after: str | None) -> Call[None]:
    """The events of a job, to be streamed."""
    headers = {"Last-Event-ID": after} if after else {}
    return _reading(f"/status/{_part(job_id)}/events", _nothing, headers=headers)


def open_batch(
    metadata: Mapping[str, Any], *, patience_seconds: float, waiting: Callable[[BaseException], None]
) -> Call[str]:
    """Open a batch; gives its job. One that is opened twice because an answer was lost expires by itself."""
    return Call(
        "POST",
        "/upload/jobs",
        _job_id,
        json=dict(metadata),
        patience_seconds=patience_seconds,
        first=True,
        waiting=waiting,
    )


def arrived(job_id: str, *, patience_seconds: float) -> Call[frozenset[tuple[str, str]]]:
    """Name and SHA-256 of what has arrived of a batch."""
    return Call(
        "GET",
        f"/upload/jobs/{_part(job_id)}",
        lambda answer: frozenset((file["name"], file["sha256"]) for file in answer.json()["files"]),
        patience_seconds=patience_seconds,
        first=True,
    )


def send_file(job_id: str, file: LocalFile, *, patience_seconds: float) -> Call[None]:
    """Send one file into an open batch; sending it again is harmless."""
    headers = {
        "X-Content-SHA256": file.sha256,
        "Content-Type": "application/pdf",
        "Content-Length": str(file.size_bytes),
    }
    return Call(
        "PUT",
        f"/upload/jobs/{_part(job_id)}/files/{quote(file.name, safe='')}",
        _nothing,
        headers=headers,
        file=file,
        patience_seconds=patience_seconds,
    )


def submit(job_id: str, *, idempotency_key: str | None, patience_seconds: float) -> Call[str]:
    """Submit an open batch; gives the job, another one when the key was used before."""
    headers = {"Idempotency-Key": idempotency_key} if idempotency_key else {}
    return Call(
        "POST",
        f"/upload/jobs/{_part(job_id)}/submit",
        _job_id,
        headers=headers,
        patience_seconds=patience_seconds,
    )
