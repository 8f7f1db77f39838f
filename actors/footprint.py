"""What an evaluator and the children that read PDFs for it cost: memory now, processor time so far."""

from __future__ import annotations

import contextlib

import psutil

from cluster import metrics


class Footprint:
    """Measures this process and its children, and publishes what it found."""

    def __init__(self) -> None:
        self._process = psutil.Process()
        self._seen_seconds: dict[int, float] = {}
        """Processor time of each process at the last look; what a child spent after its last one is lost."""

    def publish(self, worker_id: str) -> None:
        """Export memory, and the processor time since the last call."""
        resident = 0
        spent = 0.0
        seen: dict[int, float] = {}
        for process in [self._process, *self._process.children()]:
            with contextlib.suppress(psutil.Error), process.oneshot():
                resident += process.memory_info().rss
                times = process.cpu_times()
                seen[process.pid] = times.user + times.system
                spent += seen[process.pid] - self._seen_seconds.get(process.pid, 0.0)
        self._seen_seconds = seen
        metrics.put(metrics.EVALUATOR_MEMORY, resident, worker_id=worker_id)
        metrics.add(metrics.CPU_SECONDS, amount=spent)
