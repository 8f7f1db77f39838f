"""Steps that the HTTP tests share: a server, PDFs, forms, and evaluators played by hand."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from typing import TYPE_CHECKING, Any, Self

import uvicorn

from benchmarks.stored_files import stored_uploads
from cluster.records import AggregationClaim, Claim, DocumentSummary
from cluster.settings import Settings
from serve_app.plain import make_service

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import httpx

    from cluster.jobs import JobStore
    from cluster.storage import Storage

PATIENCE_SECONDS = 15.0
FIELDS = {"municipality": "Timbiquí", "department": "Cauca", "year": "2024", "period": "2024-2027"}
PROBLEM = "application/problem+json"


def roomy(**chosen: Any) -> Settings:
    """Settings that ask nothing of the machine the tests run on."""
    return Settings.load(
        **{
            "min_free_memory_bytes": 0,
            "min_free_disk_bytes": 0,
            "storage_floor_bytes": 0,
            "max_file_bytes": 256 * 1024,
            "lease_seconds": 30.0,
            "lease_renewal_seconds": 10.0,
            "allow_anonymous": True,
            **chosen,
        }
    )


def pdf(size: int = 2048, *, mark: str = "") -> bytes:
    """Bytes that pass for a PDF at the door; ``mark`` makes them differ."""
    head = b"%PDF-1.7\n% " + mark.encode() + b"\n"
    return head + b"x" * (size - len(head))


class PlainServer:
    """The four applications on a free port of loopback, in a thread."""

    def __init__(self, settings: Settings) -> None:
        self._socket = socket.socket()
        self._socket.bind(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        config = uvicorn.Config(
            make_service(settings), log_level="error", lifespan="on", timeout_graceful_shutdown=2
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, args=([self._socket],), daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        until(lambda: self._server.started, "the server does not start")
        return self

    def __exit__(self, *_: object) -> None:
        self._server.should_exit = True
        self._thread.join()


def until(condition: Callable[[], object], message: str) -> None:
    """Wait until ``condition`` holds."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, message
        time.sleep(0.01)


def upload(
    http: httpx.Client, *files: tuple[str, bytes], headers: dict[str, str] | None = None, **fields: Any
) -> httpx.Response:
    """Send a batch as one multipart request; fields that are given replace or extend the usual ones."""
    parts = [("files", (name, content, "application/pdf")) for name, content in files]
    return http.post("/upload", data={**FIELDS, **fields}, files=parts or None, headers=headers)


def accepted_job(http: httpx.Client, *files: tuple[str, bytes], **fields: Any) -> str:
    """The identifier of a batch that was accepted."""
    answer = upload(http, *(files or (("plan.pdf", pdf()),)), **fields)
    assert answer.status_code == 202, answer.text
    return str(answer.json()["job_id"])


def refused(answer: httpx.Response, *, status: int, code: str) -> dict[str, Any]:
    """The body of an error, whose form is the same for all."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == PROBLEM
    body: dict[str, Any] = answer.json()
    assert body["code"] == code
    assert body["status"] == status
    assert body["type"] == f"urn:decalogo:error:{code}"
    assert body["title"]
    assert body["reference"]
    assert isinstance(body["retryable"], bool)
    assert "Traceback" not in answer.text
    return body


def files_of(settings: Settings) -> set[Path]:
    """Every file of uploads, finished or not, that the storage holds."""
    return stored_uploads(settings.data_dir / "storage")


async def claim_next(store: JobStore, job_id: str) -> Claim:
    """A claim on the next document of this job; what other tests left in the queue is passed over."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            for entry in await store.next_entries(consumer="tests", count=1, block_ms=200):
                claim = await store.claim(entry, worker_id="tests")
                if isinstance(claim, Claim) and claim.job_id == job_id:
                    return claim


async def succeed(
    store: JobStore, storage: Storage, job_id: str, *, artifacts: dict[str, bytes], count: int = 1
) -> None:
    """Play the evaluator for so many documents of a job."""
    for _ in range(count):
        claim = await claim_next(store, job_id)
        await store.progress(claim, step=1, total=13, node="sanitization")
        storage.write_artifacts(job_id, claim.document_id, artifacts)
        summary = DocumentSummary(
            result_hash="a" * 64,
            answers=300,
            overall_score=1.5,
            overall_band="aceptable",
            points={"P1": 2.0, "P10": None},
        )
        await store.finish(claim, summary=summary)


async def aggregate(store: JobStore, job_id: str) -> None:
    """Play the aggregator."""
    claim = await store.claim_aggregation(job_id)
    assert isinstance(claim, AggregationClaim)
    await store.complete(claim, summary={"documents": 1})
