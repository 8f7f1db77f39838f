"""The pool under a burst: from its minimum to eight evaluators and back, read from the service's own metrics.

    python -m benchmarks.autoscaling [--documents 120] [--idle-seconds 20] [--plot FILE] [--out FILE]

A service with one evaluator gets a burst of plans, and more of them for as long as the pool grows; while it shrinks
again, single documents keep coming, so that evaluators leave while others work. Growing happens with the delays of
``ray_config.yaml``; the five minutes that it waits before it shrinks are shortened to ``--idle-seconds``. Exit code 1
when a document is lost, or the pool does not reach eight or does not come back to one.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import math
import os
import sys
import tempfile
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
from prometheus_client.parser import text_string_to_metric_families

from benchmarks.batch import METADATA
from benchmarks.machine import describe_machine
from benchmarks.own_service import own_service
from benchmarks.plans import ROOT
from cluster.lifecycle_ray import ray_token
from cluster.lifecycle_serve import ServeClient, effective_config
from serve_app.client import BatchClient

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cluster.settings import Settings

LEAST, MOST = 1, 8
SAMPLE_SECONDS = 1.0
SINGLE_EVERY_SECONDS = 4.0
PATIENCE_SECONDS = 900.0
WATCHED = {
    "evaluators_alive": "evaluators",
    "documents_in_flight": "in_flight",
    "documents_processed_total": "done",
}


@dataclass
class Watch(threading.Thread):
    """Reads the page of metrics once a second."""

    url: str
    samples: list[dict[str, float]] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__(daemon=True)
        self._over = threading.Event()
        self._began = time.monotonic()

    def __hash__(self) -> int:
        return id(self)

    def run(self) -> None:
        """Until ``stop``."""
        while not self._over.wait(SAMPLE_SECONDS):
            with contextlib.suppress(httpx.HTTPError):
                self.samples.append(self._sample())

    def _sample(self) -> dict[str, float]:
        page = httpx.get(f"{self.url}/metrics", trust_env=False, timeout=10).text
        # What does not stand on the page is not known: a busy machine is not always in time to say it.
        row = dict.fromkeys((*WATCHED.values(), "waiting"), math.nan) | {"at": time.monotonic() - self._began}
        for family in text_string_to_metric_families(page):
            for sample in family.samples:
                name = "waiting" if sample.name == "queue_depth" else WATCHED.get(sample.name)
                if name:
                    row[name] = sample.value + (0.0 if math.isnan(row[name]) else row[name])
        return row

    def evaluators(self) -> float:
        """The last that was known."""
        return self._last("evaluators")

    def waiting(self) -> float:
        """The last that was known."""
        return self._last("waiting")

    def _last(self, name: str) -> float:
        known = [row[name] for row in self.samples if not math.isnan(row[name])]
        return known[-1] if known else 0.0

    def stop(self) -> None:
        """Stop reading."""
        self._over.set()
        self.join()


def shrink_after(settings: Settings, *, dashboard_port: int, seconds: float) -> None:
    """Begin with the minimum, and wait ``seconds`` instead of five minutes before an evaluator leaves."""
    config = effective_config(settings)
    for application in config["applications"]:
        for deployment in application.get("deployments", []):
            if deployment["name"] == "Evaluator":
                deployment["autoscaling_config"] |= {"downscale_delay_s": seconds, "initial_replicas": LEAST}
    client = ServeClient(dashboard_port=dashboard_port, token=ray_token(settings))
    with contextlib.closing(client):
        client.deploy(config)


def burst_files(folder: Path, count: int) -> list[Path]:
    """The sample plans, each repeated under hashes of its own."""
    samples = [path.read_bytes() for path in sorted((ROOT / "examples").glob("*.pdf"))]
    paths = [folder / f"plan-{number:04}.pdf" for number in range(count)]
    for number, path in enumerate(paths):
        path.write_bytes(samples[number % len(samples)] + f"\n%% {number}\n".encode())
    return paths


def run(settings: Settings, *, url: str, documents: int, folder: Path) -> dict[str, Any]:
    """The burst, and single documents until the pool is small again."""
    watch = Watch(url)
    watch.start()
    paths = burst_files(folder, documents)
    _await(lambda: 0 < watch.evaluators() <= LEAST, "the pool at its minimum")
    with BatchClient(url, timeout_seconds=120) as client:
        burst_at = watch.samples[-1]["at"]
        unfinished = send_all(client, paths, at_most=settings.max_files)
        sent = documents
        deadline = time.monotonic() + PATIENCE_SECONDS
        while watch.evaluators() < MOST and time.monotonic() < deadline:
            if watch.waiting() < documents / 2:
                # The same files: the service has no cache here.
                unfinished += send_all(client, paths, at_most=settings.max_files)
                sent += documents
            time.sleep(SINGLE_EVERY_SECONDS)
        for job in unfinished:
            list(client.watch(job))
        quiet_at = watch.samples[-1]["at"]
        deadline = time.monotonic() + PATIENCE_SECONDS
        while watch.evaluators() > LEAST and time.monotonic() < deadline:
            single = folder / f"single-{sent}.pdf"
            single.write_bytes(paths[0].read_bytes() + f"%% single {sent}\n".encode())
            unfinished.append(client.send([single], metadata=METADATA))
            sent += 1
            time.sleep(SINGLE_EVERY_SECONDS)
        succeeded = sum(_succeeded(client, job) for job in unfinished)
    watch.stop()
    return {
        "sent": sent,
        "succeeded": succeeded,
        "most": max(row["evaluators"] for row in watch.samples if not math.isnan(row["evaluators"])),
        "last": watch.evaluators(),
        "burst_at": burst_at,
        "quiet_at": quiet_at,
        "samples": watch.samples,
    }


def send_all(client: BatchClient, paths: Sequence[Path], *, at_most: int) -> list[str]:
    """Send the files in batches of ``at_most``; the jobs."""
    return [
        client.send(list(paths[first : first + at_most]), metadata=METADATA)
        for first in range(0, len(paths), at_most)
    ]


def _succeeded(client: BatchClient, job_id: str) -> int:
    final = list(client.watch(job_id))[-1]
    return sum(document["status"] == "succeeded" for document in final["documents"])


def _await(condition: Any, what: str) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(what)
        time.sleep(0.2)


def plot(result: dict[str, Any], target: Path) -> None:
    """Evaluators above, documents below."""
    from matplotlib.figure import Figure  # noqa: PLC0415  slow to load, and only needed here

    samples: Sequence[dict[str, float]] = result["samples"]
    figure = Figure(figsize=(9, 5), layout="constrained")
    pool, work = figure.subplots(2, 1, sharex=True)
    pool.step(*_known(samples, "evaluators"), where="post", color="tab:blue")
    pool.set(ylabel="evaluators", ylim=(0, MOST + 1), title="A burst, and single documents after it")
    for name, label in (("waiting", "in the queue"), ("in_flight", "given out")):
        work.plot(*_known(samples, name), label=label)
    work.plot(*_known(samples, "done"), label="ended", color="tab:green")
    work.set(xlabel="seconds", ylabel="documents")
    work.legend()
    for axes in (pool, work):
        for moment in (result["burst_at"], result["quiet_at"]):
            axes.axvline(moment, color="black", linewidth=0.6, linestyle=":")
        axes.grid(alpha=0.3)
    figure.savefig(target, dpi=110)


def _known(samples: Sequence[dict[str, float]], name: str) -> tuple[list[float], list[float]]:
    """Times and values of the samples that have one."""
    known = [(row["at"], row[name]) for row in samples if not math.isnan(row[name])]
    return [at for at, _ in known], [value for _, value in known]


def main() -> None:
    """Measure, print, judge."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--documents", type=int, default=120)
    parser.add_argument("--idle-seconds", type=float, default=20)
    parser.add_argument("--plot", type=Path)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    print(describe_machine())
    pool = {"evaluators_min": LEAST, "evaluators_max": MOST, "cache_enabled": False}
    with own_service(**pool) as (settings, service), tempfile.TemporaryDirectory() as folder:
        shrink_after(settings, dashboard_port=service.dashboard_port, seconds=options.idle_seconds)
        result = run(settings, url=service.url, documents=options.documents, folder=Path(folder))
    result["load"] = round(os.getloadavg()[0], 1)
    print(json.dumps({name: value for name, value in result.items() if name != "samples"}))
    if options.plot:
        plot(result, options.plot)
    if options.out:
        options.out.write_text(json.dumps(result), "utf-8")
    whole = result["succeeded"] == result["sent"]
    sys.exit(not (whole and result["most"] >= MOST and result["last"] <= LEAST))


if __name__ == "__main__":
    main()
