"""A folder of any number of plans as jobs of up to 100, taken up again after an interruption without sending twice."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tqdm.auto import tqdm

from serve_app.batch_job import Job
from serve_app.client import ApiError
from serve_app.pdf_files import pdf_files

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

    What was sent is noted in ``state`` (by default a file in the folder). Each part is also sent under an
    Idempotency-Key made of its contents, so that even an interruption between sending and noting sends nothing
    twice while the service remembers it. A part whose files or metadata have changed is a new one.

    Raises:
        FileNotFoundError: the folder has no PDF.
        ApiError: the service refused.
        httpx.TransportError: it cannot be reached.
    """
    paths = pdf_files([Path(folder)])
    noted = _Notes(Path(state) if state else Path(folder) / STATE_FILE)
    jobs = []
    with tqdm(total=len(paths), unit="archivo", desc="Envío") as bar:
        for part in _batched(paths):
            key = _key(part, metadata=metadata)
            job_id = noted.get(key)
            if job_id is None or not _known(client, job_id):
                job_id = client.submit(part, metadata=metadata, idempotency_key=key)
                noted.put(key, job_id)
            bar.update(len(part))
            jobs.append(Job(client, job_id))
    return jobs


class _Notes:
    """Which part became which job; written whole each time, so that it is always readable."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._jobs: dict[str, str] = json.loads(path.read_text("utf-8")) if path.exists() else {}

    def get(self, key: str) -> str | None:
        """The job of a part."""
        return self._jobs.get(key)

    def put(self, key: str, job_id: str) -> None:
        """Note the job of a part."""
        self._jobs[key] = job_id
        fresh = self._path.with_suffix(".new")
        fresh.write_text(json.dumps(self._jobs, indent=1), "utf-8")
        fresh.replace(self._path)


def _batched(paths: Sequence[Path]) -> list[Sequence[Path]]:
    return [paths[start : start + FILES_PER_JOB] for start in range(0, len(paths), FILES_PER_JOB)]


def _key(part: Sequence[Path], *, metadata: dict[str, Any]) -> str:
    digest = hashlib.sha256(json.dumps(metadata, sort_keys=True, default=str).encode())
    for path in part:
        with path.open("rb") as file:
            digest.update(path.name.encode() + b"\0" + hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()


def _known(client: BatchClient, job_id: str) -> bool:
    try:
        client.status(job_id)
    except ApiError as error:
        if error.status in GONE:
            return False
        raise
    return True
