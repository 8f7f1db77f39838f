"""The whole service on a batch of plans: throughput, latency, memory.

    python -m benchmarks.batch [--plans N] [--running N] [--out FILE]

Starts a service of its own (fresh data folder, free ports, as configured by default), sends the plans as one batch over
HTTP, waits, reads the times the service itself recorded, and ends the service. Latency is from claim to result, what
``batch_document_processing_latency_seconds`` counts; throughput is from the submission to the last result. Looking at
memory takes time of the cores that are measured, so that it happens in one round more, after the others.

Machines that are shared run at a speed that changes by a third within minutes. So before each round the bare text of
the same plans is extracted, on all cores at once, and what the service took is also given as a multiple of that.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import statistics
import threading
import time
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil

from benchmarks.bare_text import bare_text_seconds
from benchmarks.machine import describe_machine
from benchmarks.own_service import own_service
from benchmarks.plans import real_plans_present, the_24_plans
from cluster import lifecycle
from serve_app.client import BatchClient

if TYPE_CHECKING:
    from cluster.settings import Settings

METADATA = {
    "municipality": "Prueba de rendimiento",
    "department": "Colombia",
    "year": 2024,
    "period": "2024-2027",
}
MIB = 2**20
SAMPLE_SECONDS = 0.5
LOOKS_PER_DEAR_ONE = 6
"""Asking Serve for its replicas and the kernel for shares of pages takes 0.15 CPU seconds with 8 evaluators: every half
second, that was a tenth of two cores, which the service did not have."""


class MemoryWatch(threading.Thread):
    """Peak memory of evaluators and of the whole service while a batch runs."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(daemon=True)
        self._settings = settings
        self._stop_asked = threading.Event()
        self.evaluator_peak_bytes = 0
        self.service_peak_bytes = 0

    def run(self) -> None:
        """Look at the evaluators every half second, at everything now and then."""
        pids: list[int] = []
        looks = 0
        while not self._stop_asked.wait(SAMPLE_SECONDS):
            if looks % LOOKS_PER_DEAR_ONE == 0:
                pids = evaluator_pids(self._settings)
                pss = lifecycle.footprint(self._settings).pss_bytes
                self.service_peak_bytes = max(self.service_peak_bytes, pss)
            self.evaluator_peak_bytes = max([self.evaluator_peak_bytes, *map(_tree_size, pids)])
            looks += 1

    def stop(self) -> None:
        """Stop looking."""
        self._stop_asked.set()
        self.join()

    def sizes(self) -> dict[str, int]:
        """Stop looking, and say what was seen, in MiB."""
        self.stop()
        return {
            "evaluator_peak_mb": round(self.evaluator_peak_bytes / MIB),
            "service_peak_pss_mb": round(self.service_peak_bytes / MIB),
        }


def evaluator_sizes(settings: Settings) -> list[int]:
    """Resident set of each evaluator with its extraction child, in bytes."""
    return [size for pid in evaluator_pids(settings) if (size := _tree_size(pid))]


def evaluator_pids(settings: Settings) -> list[int]:
    """The processes of the evaluators that run now."""
    return [r.pid for r in lifecycle.replicas(settings) if "Evaluator" in r.deployment]


def _tree_size(pid: int) -> int:
    try:
        process = psutil.Process(pid)
        return sum(p.memory_info().rss for p in (process, *process.children(recursive=True)))
    except psutil.Error:
        return 0


def seconds_between(first: str, last: str) -> float:
    """Seconds between two times of the service."""
    return (datetime.fromisoformat(last) - datetime.fromisoformat(first)).total_seconds()


def run_batch(settings: Settings, *, url: str, paths: list[Path], memory: bool = True) -> dict[str, Any]:
    """Send the plans, wait for the end, and say what the service recorded, and how large it was where asked to."""
    cpu = service_cpu_seconds(settings)
    watch = MemoryWatch(settings)
    if memory:
        watch.start()
    with BatchClient(url) as client:
        began = time.perf_counter()
        job_id = client.send(paths, metadata=METADATA)
        sent = time.perf_counter() - began
        final = list(client.watch(job_id))[-1]
    sizes = watch.sizes() if memory else {}
    documents = final["documents"]
    seconds = sorted(document["seconds"] for document in documents if document["status"] == "succeeded")
    wall = seconds_between(final["submission_time"], max(document["finished_at"] for document in documents))
    return {
        "documents": len(documents),
        "succeeded": len(seconds),
        "upload_seconds": round(sent, 2),
        "wall_seconds": round(wall, 2),
        "documents_per_hour": round(3600 * len(seconds) / wall),
        "mean_seconds": round(statistics.mean(seconds), 2),
        "p50_seconds": round(statistics.median(seconds), 2),
        "p95_seconds": round(seconds[max(0, -(-95 * len(seconds) // 100) - 1)], 2),
        "service_cpu_seconds": round(service_cpu_seconds(settings) - cpu, 1),
        **sizes,
    }


def bare_text_on_all_cores(paths: list[Path]) -> float:
    """CPU seconds that the bare text of these PDFs takes while every core is at it."""
    cores = os.cpu_count() or 1
    with multiprocessing.get_context("spawn").Pool(cores) as pool:
        return sum(pool.map(bare_text_seconds, paths, chunksize=1))


def run_round(settings: Settings, *, url: str, paths: list[Path], memory: bool) -> dict[str, Any]:
    """``run_batch`` with the machine's speed beside it: the service's CPU time as a multiple of bare text."""
    bare = bare_text_on_all_cores(paths)
    found = run_batch(settings, url=url, paths=paths, memory=memory)
    return found | {
        "bare_text_cpu_seconds": round(bare, 2),
        "times_bare_text": round(found["service_cpu_seconds"] / bare, 1),
    }


def service_cpu_seconds(settings: Settings) -> float:
    """CPU seconds of every process of the service so far, ended children included."""
    service = lifecycle.status(settings)
    if service is None:
        return 0.0
    keeper = psutil.Process(service.keeper_pid)
    total = 0.0
    for process in (keeper, *keeper.children(recursive=True)):
        try:
            times = process.cpu_times()
        except psutil.Error:
            continue
        total += times.user + times.system + times.children_user + times.children_system
    return total


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--plans", type=int, default=24)
    parser.add_argument("--running", type=int, help="documents that run at once on this node")
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    paths = [plan.path for plan in the_24_plans(Path("var/benchmark-plans"))][: options.plans]
    chosen = {"running_per_node": options.running} if options.running else {}
    print(f"{describe_machine()}; {'real' if real_plans_present() else 'generated'} plans")
    began = time.perf_counter()
    with own_service(cache_enabled=False, **chosen) as (settings, service):
        print(f"started in {time.perf_counter() - began:.1f} s; "
              f"idle {lifecycle.footprint(settings).pss_bytes / MIB:.0f} MB (PSS), "
              f"{len(evaluator_sizes(settings))} evaluators", flush=True)  # fmt: skip
        looks = [*[False] * options.rounds, True]
        results = [run_round(settings, url=service.url, paths=paths, memory=memory) for memory in looks]
        idle = lifecycle.footprint(settings).pss_bytes / MIB
        evaluators = len(evaluator_sizes(settings))
    for result in results:
        print(json.dumps(result))
    print(f"after: {idle:.0f} MB (PSS), {evaluators} evaluators")
    if options.out:
        options.out.write_text(json.dumps({"machine": describe_machine(), "results": results}, indent=1))


if __name__ == "__main__":
    main()
