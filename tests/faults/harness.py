"""A whole service to be harmed: Ray and Serve on free ports, over a Redis that can be harmed as well.

    test ──HTTP──▶ service ──▶ TcpProxy ──▶ RedisServer
      └────────────── reads the registry directly ──┘

It ends only what it started.
"""

from __future__ import annotations

import contextlib
import os
import signal
from typing import TYPE_CHECKING, Any, Self

import psutil
from ground import PATIENCE_SECONDS, Ground, until, variant

from benchmarks.own_service import ended_with_this_process
from cluster import lifecycle
from cluster.lifecycle_serve import DeployError
from serve_app.client import BatchClient

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["AGGREGATOR", "DISPATCHER", "EVALUATOR", "PATIENCE_SECONDS", "FaultService", "until", "variant"]

FIELDS: dict[str, Any] = {
    "municipality": "Villa Esperanza",
    "department": "Caquetá",
    "year": 2024,
    "period": "2024-2027",
}
EVALUATOR, DISPATCHER, AGGREGATOR = "Evaluator", "Dispatcher", "Aggregator"
EXTRACTION_CHILD = "from child.main import main"
"""On the command line of every extraction child."""


class FaultService(Ground):
    """A running service and the means to harm it. Use it as a context manager."""

    def __init__(self, **chosen: Any) -> None:
        super().__init__(**chosen)
        self._sent = 0
        self._heir = ended_with_this_process(self.settings.data_dir)

    def __enter__(self) -> Self:
        self._heir.__enter__()
        try:
            self.running = lifecycle.up(self.settings)
        except BaseException:
            self.__exit__()
            raise
        self._first_children = {process.pid for process in self.keeper().children()}
        return self

    def __exit__(self, *_: object) -> None:
        self.redis.continue_signal()
        try:
            lifecycle.down(self.settings)
        finally:
            super().__exit__()
            self._heir.__exit__(None, None, None)

    # ------------------------------------------------------------------ work

    @property
    def url(self) -> str:
        """Where HTTP answers."""
        return self.running.url

    def client(self, *, timeout_seconds: float = 60.0) -> BatchClient:
        """A client of the HTTP contract; close it."""
        return BatchClient(self.url, timeout_seconds=timeout_seconds)

    def submit(self, pdfs: Sequence[bytes], **fields: Any) -> str:
        """Send a batch over HTTP, one file per request; returns the job once it is accepted."""
        folder = self.folder / "to-send"
        folder.mkdir(exist_ok=True)
        paths = []
        for pdf in pdfs:
            self._sent += 1
            path = folder / f"plan-{self._sent:05d}.pdf"
            path.write_bytes(pdf)
            paths.append(path)
        with self.client() as client:
            job_id = client.send(paths, metadata={**FIELDS, **fields})
        self.accepted(job_id, pdfs)
        for path in paths:
            path.unlink()
        return job_id

    # ------------------------------------------------------------------ processes

    def pids(self, deployment: str) -> dict[str, int]:
        """Process ids of the running replicas of a deployment, by replica id."""
        with contextlib.suppress(DeployError):
            return {
                replica.replica_id: replica.pid
                for replica in lifecycle.replicas(self.settings)
                if replica.deployment == deployment and _lives(replica.pid)
            }
        return {}

    def pid(self, deployment: str, *, replica_id: str | None = None) -> int:
        """Process id of one replica, of the first one unless named; waits until there is one."""

        def known() -> bool:
            found.update(self.pids(deployment))
            return replica_id in found if replica_id else bool(found)

        found: dict[str, int] = {}
        until(known, what=f"a replica of {deployment}")
        return found[replica_id] if replica_id else found[min(found)]

    def signal(self, deployment: str, number: signal.Signals, *, replica_id: str | None = None) -> int:
        """Send a signal to a replica; returns its process id."""
        pid = self.pid(deployment, replica_id=replica_id)
        os.kill(pid, number)
        return pid

    def kill(self, deployment: str, *, replica_id: str | None = None) -> int:
        """Kill -9 a replica and wait until it is gone; returns its process id."""
        pid = self.signal(deployment, signal.SIGKILL, replica_id=replica_id)
        until(lambda: not _lives(pid), what=f"the end of process {pid}")
        return pid

    def back(self, deployment: str, *, count: int = 1, without: int | None = None) -> float:
        """Wait until ``count`` replicas run, none of them process ``without``; returns the seconds."""

        def there() -> bool:
            pids = set(self.pids(deployment).values())
            return len(pids) >= count and without not in pids

        return until(there, what=f"{count} × {deployment}")

    def keeper(self) -> psutil.Process:
        """The process that everything of the service except Redis descends from."""
        return psutil.Process(self.running.keeper_pid)

    def extraction_children(self) -> list[psutil.Process]:
        """All extraction children of the service, whatever they hang on now."""
        found = []
        for process in self.keeper().children(recursive=True):
            with contextlib.suppress(psutil.Error):
                if any(EXTRACTION_CHILD in part for part in process.cmdline()):
                    found.append(process)
        return found

    def left_processes(self) -> list[str]:
        """Processes whose parent has died: the keeper has adopted them."""
        found = []
        for process in self.keeper().children():
            with contextlib.suppress(psutil.Error):
                if process.pid not in self._first_children and process.status() != psutil.STATUS_ZOMBIE:
                    found.append(f"{process.pid} {' '.join(process.cmdline())[:80]}")
        return found


def _lives(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
