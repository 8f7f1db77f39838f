"""How cost grows with the length of a plan and with the size of a batch.

    python -m benchmarks.growth [--pages FILE] [--batches 1 10 100 1000] [--plot FILE] [--out FILE]

``--pages`` is what ``benchmarks.one_process --json`` wrote: a row for each plan. Batches are the short sample plans
under hashes of their own, sent to one service without its result cache, from the submission to the last result. (The
length of the queue: ``benchmarks.queue_cost``.)
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.autoscaling import burst_files
from benchmarks.batch import METADATA, seconds_between
from benchmarks.machine import describe_machine
from benchmarks.own_service import own_service
from serve_app.client import BatchClient

FIRST = 2
"""Documents that are sent before anything is measured, so that every part has been used."""


def batches(sizes: list[int]) -> list[dict[str, Any]]:
    """A row for each size."""
    rows: list[dict[str, Any]] = []
    most = max(sizes)
    pool = {"evaluators_min": 3, "evaluators_max": 3, "cache_enabled": False, "max_files": 1000}
    with (
        own_service(**pool, uploads_per_minute=10**6, requests_per_minute=10**6) as (_, service),
        tempfile.TemporaryDirectory() as folder,
        BatchClient(service.url, timeout_seconds=300) as client,
    ):
        paths = burst_files(Path(folder), most + FIRST)
        list(client.watch(client.send(paths[most:], metadata=METADATA)))
        for size in sizes:
            final = list(client.watch(client.send(paths[:size], metadata=METADATA)))[-1]
            assert final["status"] == "completed"
            last = max(document["finished_at"] for document in final["documents"])
            seconds = seconds_between(final["submission_time"], last)
            row = {
                "documents": size,
                "seconds": round(seconds, 2),
                "ms_each": round(1000 * seconds / size, 1),
            }
            rows.append(row | {"load": round(os.getloadavg()[0], 1)})
            print(json.dumps(rows[-1]), flush=True)
    return rows


def per_page(rows: list[dict[str, float]]) -> dict[str, float]:
    """Milliseconds a page of the shorter and the longer half of the plans: equal where cost grows with the pages."""
    ordered = sorted(rows, key=lambda row: row["pages"])
    half = len(ordered) // 2
    return {
        name: round(statistics.median(1000 * row["wall"] / row["pages"] for row in part), 2)
        for name, part in (("shorter_half", ordered[:half]), ("longer_half", ordered[half:]))
    }


def plot(pages: list[dict[str, float]], sizes: list[dict[str, Any]], target: Path) -> None:
    """Seconds over pages, and over documents."""
    from matplotlib.figure import Figure  # noqa: PLC0415  slow to load, and only needed here

    figure = Figure(figsize=(9, 3.5), layout="constrained")
    left, right = figure.subplots(1, 2)
    left.scatter([row["pages"] for row in pages], [row["wall"] for row in pages], s=14)
    left.set(xlabel="pages of a plan", ylabel="seconds", xlim=(0, None), ylim=(0, None))
    right.plot([row["documents"] for row in sizes], [row["seconds"] for row in sizes], marker="o")
    right.set(xlabel="documents of a batch", ylabel="seconds", xscale="log", yscale="log")
    for axes in (left, right):
        axes.grid(alpha=0.3)
    figure.savefig(target, dpi=110)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--pages", type=Path)
    parser.add_argument("--batches", type=int, nargs="+", default=[1, 10, 100, 1000])
    parser.add_argument("--plot", type=Path)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    print(describe_machine())
    pages = json.loads(options.pages.read_text("utf-8"))["rows"] if options.pages else []
    if pages:
        print(json.dumps(per_page(pages)))
    sizes = batches(sorted(options.batches))
    if options.plot:
        plot(pages, sizes, options.plot)
    if options.out:
        options.out.write_text(json.dumps({"pages": pages, "batches": sizes}, indent=1), "utf-8")


if __name__ == "__main__":
    main()
