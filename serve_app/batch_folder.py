"""A folder of any number of plans as jobs of up to 100, taken up again after an interruption without sending twice."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import msgspec

from serve_app.batch_job import Job
from serve_app.batch_progress import SendingBar, named_pdfs
from serve_app.client_errors import ApiError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from serve_app.client import BatchClient

FILES_PER_JOB = 100
STATE_FILE = "decalogo-trabajos.json"
GONE = frozenset({404, 410})


def send_folder(
    client: BatchClient, folder: str | Path, *, state: str | Path | None = None, **metadata: Any
) -> list[Job]:
    """Send every PDF of a folder, in order of name, 100 to a job; call it again after an interruption.

    What was sent is noted in ``state`` (by default a file in the folder), also which part was just being sent: of
    that only the missing files go again. Each part is sent under an Idempotency-Key made of its contents as well,
    so that even an interruption between sending and noting sends nothing twice while the service remembers it.
    A part whose files or metadata have changed is a new one. A file that is refused is told and left out.

    Raises:
        FileNotFoundError: the folder has no PDF.
        NotesUnusable: what was sent cannot be noted; nothing was sent.
        ApiError: the service refused.
        httpx.TransportError: it cannot be reached.
    """
    paths = named_pdfs(folder)
    with SendingBar(len(paths)) as bar:
        sent = send_in_parts(
            client,
            paths,
            state=Path(state) if state else Path(folder) / STATE_FILE,
            metadata=metadata,
            listener=bar,
        )
        return [Job(client, job_id) for job_id in sent]


class Listener(Protocol):
    """Who is told how the sending goes."""

    def sent(self, path: Path, /) -> None:
        """A file was taken."""

    def refuse(self, path: Path, error: ApiError, /) -> None:
        """A file was refused."""

    def wait(self, error: BaseException, /) -> None:
        """The service is busy."""


def send_in_parts(
    client: BatchClient,
    paths: Sequence[Path],
    *,
    state: Path,
    metadata: dict[str, Any],
    listener: Listener,
) -> list[str]:
    """What ``send_folder`` does, for files from anywhere; the identifiers of the jobs, in order.

    Raises:
        NotesUnusable: what was sent cannot be noted; nothing was sent.
        ApiError: the service refused.
        httpx.TransportError: it cannot be reached.
    """
    notes = _Notes(state)
    jobs = []
    for part in _batched(paths):
        key = _key(part, metadata=metadata)
        job_id = notes.get(key)
        if job_id is None or _state(client, job_id) is None:
            job_id = _send_part(client, part, metadata=metadata, key=key, notes=notes, listener=listener)
        else:
            for path in part:
                listener.sent(path)
        jobs.append(job_id)
    return jobs


def _send_part(
    client: BatchClient,
    part: Sequence[Path],
    *,
    metadata: dict[str, Any],
    key: str,
    notes: _Notes,
    listener: Listener,
) -> str:
    begun = notes.get(_begun(key))
    state = _state(client, begun) if begun else None
    if begun and state not in {None, "open"}:
        # It was interrupted between submitting and noting.
        notes.put(key, begun, instead_of=_begun(key))
        for path in part:
            listener.sent(path)
        return begun
    job_id = client.send(
        part,
        metadata=metadata,
        sent=listener.sent,
        refused=listener.refuse,
        waiting=listener.wait,
        opened=lambda job_id: notes.put(_begun(key), job_id),
        resume=begun if state else None,
        idempotency_key=key,
    )
    notes.put(key, job_id, instead_of=_begun(key))
    return job_id


class NotesUnusable(Exception):
    """What was sent cannot be noted: the file is not one of ours, or its folder may not be written to."""


class _Notes:
    """Which part became which job; written whole each time, so that it is always readable."""

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            self._jobs = self._read()
            self._write()  # known before anything is sent, not after the first part
        except (OSError, ValueError) as error:
            raise NotesUnusable(f"{path}: {error}") from error

    def get(self, key: str) -> str | None:
        """The job of a part."""
        return self._jobs.get(key)

    def put(self, key: str, job_id: str, *, instead_of: str = "") -> None:
        """Note the job of a part."""
        self._jobs.pop(instead_of, None)
        self._jobs[key] = job_id
        self._write()

    def _read(self) -> dict[str, str]:
        return (
            msgspec.json.decode(self._path.read_bytes(), type=dict[str, str]) if self._path.exists() else {}
        )

    def _write(self) -> None:
        fresh = self._path.with_suffix(".new")
        fresh.write_text(json.dumps(self._jobs, indent=1), "utf-8")
        fresh.replace(self._path)


def _begun(key: str) -> str:
    """Under which name the open batch of a part is noted."""
    return f"begun:{key}"


def _batched(paths: Sequence[Path]) -> list[Sequence[Path]]:
    return [paths[start : start + FILES_PER_JOB] for start in range(0, len(paths), FILES_PER_JOB)]


def _key(part: Sequence[Path], *, metadata: dict[str, Any]) -> str:
    digest = hashlib.sha256(json.dumps(metadata, sort_keys=True, default=str).encode())
    for path in part:
        with path.open("rb") as file:
            digest.update(path.name.encode() + b"\0" + hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()


def _state(client: BatchClient, job_id: str) -> str | None:
    """The state of a job; None when the service no longer knows it."""
    try:
        return str(client.status(job_id)["status"])
    except ApiError as error:
        if error.status in GONE:
            return None
        raise
