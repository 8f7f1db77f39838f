"""What every fault test stands on: a Redis of its own behind a proxy of its own, files, and the truth about jobs.

Everything here blocks and is for tests that are no coroutines; ``ask`` and what reads may be called from
several threads.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import secrets
import shutil
import tempfile
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, TypeVar

import redis
from golden import Golden
from redis_server import RedisServer
from tcp_proxy import TcpProxy

from cluster.errors import ServiceError
from cluster.jobs import JobStore
from cluster.lifecycle_processes import free_ports
from cluster.settings import Settings
from cluster.storage import Storage

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from cluster.records import DocumentRecord, JobRecord

Answer = TypeVar("Answer")

PATIENCE_SECONDS = 120.0
"""A loaded machine needs ten seconds and more to start a replica."""
POLL_SECONDS = 0.05
SHORT_TIMES: dict[str, Any] = {
    "evaluators_min": 2,
    "evaluators_max": 3,
    "running_per_node": 3,
    "lease_seconds": 2.0,
    "lease_renewal_seconds": 0.5,
    "max_attempts": 3,
    "retry_base_seconds": 0.2,
    "retry_cap_seconds": 1.0,
    "extraction_seconds": 5.0,
    "extraction_memory_bytes": 512 * 2**20,
    "soft_limit_seconds": 15.0,
    "hard_limit_seconds": 18.0,
    "watchdog_seconds": 8.0,
    "child_documents": 25,
    "evaluator_growth_bytes": 400 * 2**20,
}
UNLIMITED: dict[str, Any] = {
    "min_free_memory_bytes": 0,
    "min_free_disk_bytes": 0,
    "storage_floor_bytes": 0,
    "uploads_per_minute": 1_000_000,
    "requests_per_minute": 1_000_000,
    "unfinished_documents_max": 1_000_000,
}


def variant(pdf: bytes, *, number: int) -> bytes:
    """The same pages under another hash."""
    return pdf + f"\n%% {number}\n".encode()


def until(condition: Callable[[], object], *, what: str, within_seconds: float = PATIENCE_SECONDS) -> float:
    """Wait until ``condition`` holds; returns how many seconds that took. Fails with ``what``."""
    began = time.monotonic()
    while not condition():
        waited = time.monotonic() - began
        assert waited < within_seconds, f"waited {waited:.0f} s for: {what}"
        time.sleep(POLL_SECONDS)
    return time.monotonic() - began


class Ground:
    """Redis, proxy, settings and registry. Use it as a context manager."""

    def __init__(self, **chosen: Any) -> None:
        # pytest's own folders have long paths, and are kept after the run.
        self.folder = Path(tempfile.mkdtemp(prefix="pdm-fault-"))
        password = secrets.token_hex(16)
        self.redis = RedisServer(self.folder / "redis-server", port=free_ports(1)[0], password=password)
        self.redis.start()
        self.proxy = TcpProxy("127.0.0.1", self.redis.port)
        self.settings = Settings.load(
            data_dir=self.folder / "data",
            http_port=0,
            dashboard_port=0,
            redis_url=f"redis://127.0.0.1:{self.proxy.port}/0",
            redis_password=password,
            allow_anonymous=True,
            fault_documents=True,
            **{**SHORT_TIMES, **UNLIMITED, **chosen},
        )
        self.direct = self.settings.model_copy(update={"redis_url": f"redis://127.0.0.1:{self.redis.port}/0"})
        """The same settings, without the proxy."""
        self.golden = Golden()
        self.jobs: list[str] = []
        """Every job that was accepted, until ``forget_jobs``."""
        self.pdfs: dict[str, bytes] = {}
        """What was sent, by SHA-256."""
        self.first_ends: dict[tuple[str, str], tuple[str, str, str]] = {}
        """What a document was seen to have ended as: it must never be anything else."""
        self.compared: set[tuple[str, str]] = set()
        """Documents whose stored bytes were found to be golden; they are not read again."""
        self._loop = asyncio.new_event_loop()
        self._asking = threading.Lock()
        self._store: JobStore | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with self._asking, contextlib.suppress(ServiceError):
            if self._store is not None:
                self._loop.run_until_complete(self._store.close())
        self._loop.close()
        self.golden.close()
        self.proxy.close()
        self.redis.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    # ------------------------------------------------------------------ jobs

    def accepted(self, job_id: str, pdfs: Sequence[bytes]) -> None:
        """Note a job that was accepted some other way: from now on it is held to the promises."""
        self.jobs.append(job_id)
        self.pdfs.update({hashlib.sha256(pdf).hexdigest(): pdf for pdf in pdfs})

    def forget_jobs(self) -> None:
        """Hold the service to nothing that was accepted so far, as after Redis has lost its data."""
        self.jobs.clear()
        self.first_ends.clear()

    def ended(self, job_id: str, *, within_seconds: float = PATIENCE_SECONDS) -> JobRecord:
        """Wait until the job is final; a registry that is away for a while is waited for."""

        def final() -> bool:
            with contextlib.suppress(ServiceError):
                return self.job(job_id).state.final
            return False

        until(final, what=f"the end of job {job_id}", within_seconds=within_seconds)
        return self.job(job_id)

    def at_work(self, job_id: str, *, node: str | None = None) -> DocumentRecord:
        """Wait until a document of the job runs (at ``node``, if given); returns it."""
        found: list[DocumentRecord] = []

        def running() -> bool:
            found[:] = [
                document
                for document in self.documents(job_id)
                if document.state.value == "running" and (document.node == node or node is None)
            ]
            return bool(found)

        until(running, what=f"a document at work at {node or 'any node'}")
        return found[0]

    # ------------------------------------------------------------------ registry

    def ask(self, question: Callable[[JobStore], Awaitable[Answer]]) -> Answer:
        """Ask the registry directly, past the proxy."""

        async def answer() -> Answer:
            if self._store is None:
                self._store = JobStore.lazily(self.direct)
            return await question(self._store)

        with self._asking:
            return self._loop.run_until_complete(answer())

    def job(self, job_id: str) -> JobRecord:
        """A job as the registry knows it."""
        return self.ask(lambda store: store.job(job_id))

    def documents(self, job_id: str) -> tuple[DocumentRecord, ...]:
        """Documents of a job as the registry knows them, by name: uploads go side by side and arrive in any order."""
        found = self.ask(lambda store: store.documents(job_id))
        return tuple(sorted(found, key=lambda document: document.name))

    def document(self, job_id: str) -> DocumentRecord:
        """The only document of a job."""
        (document,) = self.documents(job_id)
        return document

    def totals(self) -> dict[str, int]:
        """The counters that outlive jobs."""
        return dict(self.ask(lambda store: store.totals()))

    def redis_client(self) -> redis.Redis:
        """A plain client past the proxy, with all rights; close it."""
        return redis.Redis(
            host="127.0.0.1", port=self.redis.port, password=self.redis.password, decode_responses=True
        )

    def storage(self) -> Storage:
        """The files of the service."""
        return Storage(self.direct)

    # ------------------------------------------------------------------ what is left

    def left_processes(self) -> list[str]:
        """Processes that should be gone; none are known where no service runs."""
        return []
