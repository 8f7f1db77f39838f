"""The service with 1, 2, 4 and 8 evaluators: start-up, throughput, latency, memory, and status calls meanwhile.

    python -m benchmarks.pool [--evaluators 1 2 4 8] [--plans 24] [--plot FILE] [--out FILE]

Each size is a fresh service whose pool neither grows nor shrinks, without the result cache; as many documents run at
once as configured by default. While the plans are evaluated, four callers ask for the status as fast as they get it.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx

from benchmarks.batch import MIB, evaluator_sizes, run_batch
from benchmarks.machine import describe_machine
from benchmarks.own_service import own_service
from benchmarks.plans import real_plans_present, the_24_plans
from cluster import lifecycle
from cluster.validators import percentile

if TYPE_CHECKING:
    from collections.abc import Sequence

CALLERS = 4


class StatusCallers:
    """Ask for the list of jobs, each as soon as the last answer is there."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._over = threading.Event()
        self._threads = [threading.Thread(target=self._ask, daemon=True) for _ in range(CALLERS)]
        self._milliseconds: list[float] = []
        self._failed = 0

    def __enter__(self) -> StatusCallers:  # noqa: PYI034  no subclass of it exists
        self._began = time.perf_counter()
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()
        self._seconds = time.perf_counter() - self._began

    def _ask(self) -> None:
        with httpx.Client(base_url=self._url, trust_env=False, timeout=30) as client:
            while not self._over.is_set():
                began = time.perf_counter()
                try:
                    good = client.get("/status?limit=1").is_success
                except httpx.HTTPError:
                    good = False
                if good:
                    self._milliseconds.append(1000 * (time.perf_counter() - began))
                else:
                    self._failed += 1

    def figures(self) -> dict[str, float]:
        """Calls per second and what they waited."""
        ordered = sorted(self._milliseconds)
        return {
            "calls_per_second": round(len(ordered) / self._seconds, 1),
            "p50_ms": round(statistics.median(ordered), 1) if ordered else 0.0,
            "p95_ms": round(percentile(ordered, share=0.95), 1),
            "not_answered": self._failed,
        }


def one_size(evaluators: int, *, paths: Sequence[Path]) -> dict[str, Any]:
    """A fresh service with so many evaluators."""
    began = time.perf_counter()
    pool = {"evaluators_min": evaluators, "evaluators_max": evaluators, "cache_enabled": False}
    # Asking as fast as one can is what is measured here, not what one client may.
    with own_service(**pool, requests_per_minute=10**6) as (settings, service):
        row: dict[str, Any] = {
            "evaluators": evaluators,
            "start_seconds": round(time.perf_counter() - began, 1),
            "idle_pss_mb": round(lifecycle.footprint(settings).pss_bytes / MIB),
            "idle_evaluator_mb": round(statistics.mean(evaluator_sizes(settings) or [0]) / MIB),
        }
        row["alone"] = run_batch(settings, url=service.url, paths=list(paths))
        with StatusCallers(service.url) as callers:
            row["with_status_calls"] = run_batch(settings, url=service.url, paths=list(paths))
        row["status"] = callers.figures()
    row["load"] = round(os.getloadavg()[0], 1)
    return row


def plot(rows: list[dict[str, Any]], target: Path) -> None:
    """Throughput and latency over the size of the pool."""
    from matplotlib.figure import Figure  # noqa: PLC0415  slow to load, and only needed here

    figure = Figure(figsize=(8, 3.5), layout="constrained")
    speed, wait = figure.subplots(1, 2)
    sizes = [row["evaluators"] for row in rows]
    speed.plot(sizes, [row["alone"]["documents_per_hour"] for row in rows], marker="o")
    speed.set(xlabel="evaluators", ylabel="documents per hour", ylim=(0, None))
    for name in ("p50_seconds", "p95_seconds"):
        wait.plot(sizes, [row["alone"][name] for row in rows], marker="o", label=name.split("_")[0])
    wait.set(xlabel="evaluators", ylabel="seconds from claim to result", ylim=(0, None))
    wait.legend()
    for axes in (speed, wait):
        axes.grid(alpha=0.3)
    figure.savefig(target, dpi=110)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--evaluators", type=int, nargs="+", default=[1, 2, 4, 8])
    parser.add_argument("--plans", type=int, default=24)
    parser.add_argument("--plot", type=Path)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    paths = [plan.path for plan in the_24_plans(Path("var/benchmark-plans"))][: options.plans]
    print(f"{describe_machine()}; {'real' if real_plans_present() else 'generated'} plans")
    rows: list[dict[str, Any]] = []
    for evaluators in options.evaluators:
        rows.append(one_size(evaluators, paths=paths))
        print(json.dumps(rows[-1]), flush=True)
    if options.plot:
        plot(rows, options.plot)
    if options.out:
        options.out.write_text(json.dumps(rows, indent=1), "utf-8")


if __name__ == "__main__":
    main()
