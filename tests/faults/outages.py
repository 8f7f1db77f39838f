"""What tests of an unreachable, full or forgetful Redis share: questions over HTTP, and what waiting costs."""

from __future__ import annotations

import contextlib
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import httpx
import psutil
from harness import AGGREGATOR, DISPATCHER, EVALUATOR, FIELDS

from cluster.lifecycle_keeper import logs_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from harness import FaultService

REFUSED_SECONDS = 6.0
"""A refusal takes as long as Redis may (1.5 s) and a little; the rest is for a machine with other work."""
CPU_SHARE_MAX = 0.6
"""Of one core: a loop that does not pause takes all of it."""
LOG_RECORDS_PER_SECOND_MAX = 20.0
"""Of all replicas together; a loop that does not pause writes hundreds. A trace of many lines is one record."""
LOG_LINES_TOLD = 40
CONNECTIONS_PER_SECOND_MAX = 200.0
"""Of all replicas together; one that does not pause makes thousands. What tests ask
makes some as well."""


@dataclass(frozen=True)
class Said:
    """An answer over HTTP."""

    status: int
    code: str
    retry_after: str
    seconds: float


def asked(victim: FaultService, method: str, path: str, **request: Any) -> Said:
    """Ask once."""
    began = time.monotonic()
    with httpx.Client(base_url=victim.url, timeout=60, trust_env=False) as client:
        answer = client.request(method, path, **request)
    with contextlib.suppress(ValueError):
        body = answer.json()
        code = str(body.get("code", "")) if isinstance(body, dict) else ""
        return Said(answer.status_code, code, answer.headers.get("Retry-After", ""), time.monotonic() - began)
    return Said(answer.status_code, "", answer.headers.get("Retry-After", ""), time.monotonic() - began)


def opened(victim: FaultService) -> Said:
    """Try to open a batch."""
    return asked(victim, "POST", "/upload/jobs", json=FIELDS)


def assert_refuses(victim: FaultService) -> float:
    """Reading and uploading are refused at once, with a code and a time to come again.

    Returns:
        The longest wait for a refusal, in seconds.
    """
    waits = []
    for said in (asked(victim, "GET", "/status/"), opened(victim)):
        assert (said.status, said.code) == (503, "redis_unavailable"), said
        assert int(said.retry_after) > 0, said
        assert said.seconds < REFUSED_SECONDS, said
        waits.append(said.seconds)
    return max(waits)


def accepts(victim: FaultService) -> bool:
    """Whether a batch can be opened now; it is deleted again."""
    with httpx.Client(base_url=victim.url, timeout=60, trust_env=False) as client:
        answer = client.post("/upload/jobs", json=FIELDS)
        if answer.status_code != httpx.codes.CREATED:
            return False
        return client.delete(f"/results/{answer.json()['job_id']}").is_success


class Burden:
    """What the replicas do while they should only wait: CPU, log lines and connections to Redis."""

    def __init__(self, victim: FaultService) -> None:
        self._victim = victim

    def __enter__(self) -> Self:
        self._began = time.monotonic()
        self._connections = self._victim.proxy.accepted
        self._lines = {path: len(lines) for path, lines in self._log_lines()}
        self._cpu = {process: _cpu_seconds(process) for process in self._replicas()}
        return self

    def __exit__(self, *_: object) -> None:
        seconds = time.monotonic() - self._began
        used = [_cpu_seconds(process) - before for process, before in self._cpu.items()]
        self.cpu_share_max = max(used) / seconds
        self._fresh = [
            line for path, lines in self._log_lines() for line in lines[self._lines.get(path, 0) :]
        ]
        # What is indented goes on with the record above it.
        self.records_per_second = sum(line[:1] not in {b" ", b"\t", b""} for line in self._fresh) / seconds
        self.connections_per_second = (self._victim.proxy.accepted - self._connections) / seconds

    def assert_light(self) -> None:
        """Nothing has turned in circles."""
        assert self.cpu_share_max < CPU_SHARE_MAX, self.facts
        told = b"\n".join(self._fresh[-LOG_LINES_TOLD:]).decode(errors="replace")
        assert self.records_per_second < LOG_RECORDS_PER_SECOND_MAX, f"{self.facts}\n{told}"
        assert self.connections_per_second < CONNECTIONS_PER_SECOND_MAX, self.facts

    @property
    def facts(self) -> dict[str, float]:
        """For the record."""
        return {
            "cpu_share_max": round(self.cpu_share_max, 3),
            "log_records_per_second": round(self.records_per_second, 2),
            "connections_per_second": round(self.connections_per_second, 2),
        }

    def _replicas(self) -> list[psutil.Process]:
        names = (DISPATCHER, AGGREGATOR, EVALUATOR, "Upload", "Status")
        return [psutil.Process(pid) for name in names for pid in self._victim.pids(name).values()]

    def _log_lines(self) -> Iterator[tuple[Path, list[bytes]]]:
        logs = logs_of(self._victim.running.temp_dir)
        for path in [*logs.glob("worker-*"), *logs.glob("serve/*.log")]:
            with contextlib.suppress(OSError):
                yield path, path.read_bytes().splitlines()


def _cpu_seconds(process: psutil.Process) -> float:
    try:
        times = process.cpu_times()
    except psutil.NoSuchProcess:
        return 0.0
    return float(times.user + times.system)
