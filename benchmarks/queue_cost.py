"""What the queue costs per document, and how that grows with the length of the queue. Registry only: no Ray, no PDFs.

    python -m benchmarks.queue_cost [--depths 10 100 1000 10000] [--sample 200] [--plot FILE] [--out FILE]

Fills a Valkey of its own (append-only file, synced before every answer, as the service runs it) to each depth with jobs
of 100 documents, then takes ``--sample`` documents through their whole life one after the other: read from the stream,
claimed, six reports of progress, finished. Seconds are those that a caller waits; one process asks at a time.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import shutil
import statistics
import tempfile
import time
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import redis

from benchmarks.machine import describe_machine
from cluster import embedded_redis
from cluster.identifiers import digest
from cluster.jobs import JobStore
from cluster.records import Claim, DocumentSummary, JobMetadata
from cluster.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from cluster.embedded_redis import Address

JOB_DOCUMENTS = 100
REPORTS = 6
"""Of progress per document: one every 0.4 s of some seconds of work."""
CONSUMER = "dispatcher"


class Costs:
    """Milliseconds that each step took."""

    def __init__(self) -> None:
        self.steps: defaultdict[str, list[float]] = defaultdict(list)

    async def timed(self, step: str, call: Awaitable[Any]) -> Any:
        """Await ``call`` and note how long it took."""
        began = time.perf_counter()
        result = await call
        self.steps[step].append(1000 * (time.perf_counter() - began))
        return result

    def medians(self) -> dict[str, float]:
        """By step."""
        return {step: round(statistics.median(values), 3) for step, values in self.steps.items()}


def summary(number: int) -> DocumentSummary:
    """As long as that of a real plan."""
    return DocumentSummary(
        result_hash=digest(f"hash {number}"),
        result_key=digest(f"key {number}"),
        freeze_hash=digest("freeze"),
        evidence_registry_hash=digest(f"evidence {number}"),
        answers=300,
        pages=228,
        details={"node_seconds": {f"node {node}": 0.1234 for node in range(14)}},
    )


async def fill(store: JobStore, *, count: int, first: int, costs: Costs) -> None:
    """Submit ``count`` documents more."""
    for start in range(first, first + count, JOB_DOCUMENTS):
        job_id = await store.create(JobMetadata(municipality="Cola"))
        for number in range(start, min(start + JOB_DOCUMENTS, first + count)):
            await costs.timed(
                "add",
                store.add_document(
                    job_id, name=f"{number}.pdf", sha256=digest(str(number)), size_bytes=10**6
                ),
            )
        await costs.timed("submit a job", store.submit(job_id))


async def one_life(store: JobStore, *, number: int, costs: Costs) -> None:
    """A document from the queue to its end."""
    (entry,) = await costs.timed("read", store.next_entries(consumer=CONSUMER, count=1, block_ms=100))
    claim = await costs.timed("claim", store.claim(entry, worker_id="evaluator"))
    assert isinstance(claim, Claim)
    for step in range(REPORTS):
        await costs.timed("progress", store.progress(claim, step=step, total=13, node="embedding"))
    await costs.timed("renew", store.renew(claim))
    await costs.timed("finish", store.finish(claim, summary=summary(number)))


def server_figures(address: Address) -> dict[str, float]:
    """Memory, commands and CPU seconds of the server so far."""
    with redis.Redis(
        port=address.port, username="operator", password=address.operator_password, decode_responses=True
    ) as client:
        found: dict[str, Any] = client.info("everything")  # type: ignore[assignment]
    return {
        "memory": float(found["used_memory"]),
        "commands": float(found["total_commands_processed"]),
        "cpu": float(found["used_cpu_user"]) + float(found["used_cpu_sys"]),
    }


async def measure(
    settings: Settings, *, address: Address, depths: list[int], sample: int
) -> list[dict[str, Any]]:
    """A row for each depth."""
    store = await JobStore.connect(settings)
    rows: list[dict[str, Any]] = []
    queued, number = 0, 0
    for depth in depths:
        costs = Costs()
        empty = server_figures(address)
        added = depth - queued
        await fill(store, count=added, first=number, costs=costs)
        number += added
        full = server_figures(address)
        lives = min(sample, depth)
        began, cpu = time.perf_counter(), time.process_time()
        for life in range(lives):
            await one_life(store, number=number + life, costs=costs)
        seconds = time.perf_counter() - began
        after = server_figures(address)
        queued = depth - lives
        rows.append(
            {
                "depth": depth,
                # What a document waits for; reports and renewals happen beside its evaluation.
                "path_ms": round(sum(costs.medians()[step] for step in ("read", "claim", "finish")), 2),
                "ms_per_document": round(1000 * seconds / lives, 2),
                "client_cpu_ms": round(1000 * (time.process_time() - cpu) / lives, 2),
                "server_cpu_ms": round(1000 * (after["cpu"] - full["cpu"]) / lives, 2),
                "commands_per_document": round((after["commands"] - full["commands"]) / lives, 1),
                "bytes_per_queued_document": round((full["memory"] - empty["memory"]) / added),
                "median_ms": costs.medians(),
                "figures_ms": await _figures_ms(store),
                "load": round(os.getloadavg()[0], 1),
            }
        )
        print(json.dumps(rows[-1]), flush=True)
    await store.close()
    return rows


async def _figures_ms(store: JobStore) -> float:
    began = time.perf_counter()
    await store.queue_figures()
    return round(1000 * (time.perf_counter() - began), 2)


def plot(rows: list[dict[str, Any]], target: Path) -> None:
    """Milliseconds of what a document waits for, and of its parts, over the length of the queue."""
    from matplotlib.figure import Figure  # noqa: PLC0415  slow to load, and only needed here

    figure = Figure(figsize=(7, 4), layout="constrained")
    axes = figure.subplots()
    depths = [row["depth"] for row in rows]
    axes.plot(
        depths, [row["path_ms"] for row in rows], marker="o", label="read + claim + finish", color="black"
    )
    for step in ("read", "claim", "progress", "finish", "add"):
        axes.plot(depths, [row["median_ms"][step] for row in rows], marker=".", label=step)
    axes.set(xscale="log", ylim=(0, None), xlabel="documents in the queue", ylabel="milliseconds")
    axes.grid(alpha=0.3)
    axes.legend(ncols=6, loc="lower center", bbox_to_anchor=(0.5, 1.0), frameon=False, fontsize="small")
    figure.savefig(target, dpi=110)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--depths", type=int, nargs="+", default=[10, 100, 1000, 10_000])
    parser.add_argument("--sample", type=int, default=200)
    parser.add_argument("--plot", type=Path)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    print(describe_machine())
    folder = Path(tempfile.mkdtemp(prefix="pdm-queue-"))
    settings = Settings.load(data_dir=folder, redis_timeout_seconds=10.0)
    try:
        address = embedded_redis.start(settings)
        rows = asyncio.run(
            measure(settings, address=address, depths=sorted(options.depths), sample=options.sample)
        )
    finally:
        embedded_redis.stop(settings)
        shutil.rmtree(folder, ignore_errors=True)
    if options.plot:
        plot(rows, options.plot)
    if options.out:
        options.out.write_text(json.dumps(rows, indent=1), "utf-8")


if __name__ == "__main__":
    main()
