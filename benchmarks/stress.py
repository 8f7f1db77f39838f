"""Does the service grow: fifty documents in batches of ten, every process of the service watched.

    python -m benchmarks.stress [--batches 5] [--documents 10] [--sample] [--plot FILE] [--out FILE]

The pool does not change its size, so that growth is growth and no new evaluator. After each batch, once the service
is at rest, the resident memory of every process is taken. What was there after the first batch (models loaded, every
evaluator used) is the level; passes when no later level is more than 20 % above it, for the service as a whole and for
each kind of process; exit code 1 otherwise. The curve goes into ``--plot``.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import threading
import time
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil

from benchmarks.batch import METADATA
from benchmarks.load import chosen_files
from benchmarks.machine import describe_machine
from benchmarks.own_service import own_service
from benchmarks.plans import real_plans_present
from cluster import embedded_redis, lifecycle
from serve_app.client import BatchClient

if TYPE_CHECKING:
    from cluster.settings import Settings

GROWTH_MAX = 0.20
SAMPLE_SECONDS = 0.5
REST_SECONDS = 3.0
"""After a batch, before the level is taken: what is freed late has been freed."""
SMALL_BYTES = 64 * 2**20
"""Kinds of process that are smaller all together are not judged one by one: a few MB are a fifth of them."""
MIB = 2**20

Sizes = dict[str, int]


def sizes_by_kind(settings: Settings) -> Sizes:
    """Resident bytes of all processes of the service, added up by kind."""
    service = lifecycle.status(settings)
    if service is None:
        return {}
    keeper = psutil.Process(service.keeper_pid)
    redis = embedded_redis.running(settings)
    roles = {replica.pid: replica.deployment for replica in lifecycle.replicas(settings)}
    found: defaultdict[str, int] = defaultdict(int)
    for process in [
        keeper,
        *keeper.children(recursive=True),
        *([psutil.Process(redis.pid)] if redis else []),
    ]:
        try:
            kind = roles.get(process.pid) or roles.get(process.ppid()) or _program(process)
            found[kind] += process.memory_info().rss
        except psutil.Error:
            continue
    return dict(found)


def _program(process: psutil.Process) -> str:
    name = process.name()
    kinds = {"ray-dashboard": "Ray's dashboard", "ray::": "Ray's helpers", "python": "Ray's helpers"}
    return next((kind for beginning, kind in kinds.items() if name.startswith(beginning)), name)


class Curve(threading.Thread):
    """Samples until it is stopped."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(daemon=True)
        self._settings = settings
        self._stop_asked = threading.Event()
        self._began = time.monotonic()
        self.samples: list[tuple[float, Sizes]] = []

    def run(self) -> None:
        """Look twice a second."""
        while not self._stop_asked.wait(SAMPLE_SECONDS):
            self.samples.append((self.now(), sizes_by_kind(self._settings)))

    def now(self) -> float:
        """Seconds since the beginning."""
        return time.monotonic() - self._began

    def stop(self) -> None:
        """Stop looking."""
        self._stop_asked.set()
        self.join()


def level(curve: Curve) -> Sizes:
    """The service at rest: the mean of the samples of the last seconds."""
    time.sleep(REST_SECONDS)
    last = [sizes for at, sizes in curve.samples if at > curve.now() - REST_SECONDS / 2] or [
        curve.samples[-1][1]
    ]
    kinds = {kind for sizes in last for kind in sizes}
    return {kind: sum(sizes.get(kind, 0) for sizes in last) // len(last) for kind in kinds}


def growth(levels: list[Sizes]) -> dict[str, float]:
    """How far the highest later level is above the first, as a ratio, of the whole and of each large kind."""
    whole = [sum(sizes.values()) for sizes in levels]
    found = {"service": max(whole[1:]) / whole[0] - 1}
    for kind, first in levels[0].items():
        if first >= SMALL_BYTES:
            found[kind] = max(sizes.get(kind, 0) for sizes in levels[1:]) / first - 1
    return {kind: round(ratio, 3) for kind, ratio in sorted(found.items())}


def run(settings: Settings, *, url: str, batches: list[list[Path]]) -> dict[str, Any]:
    """Send batch after batch; levels, times of their ends, and the whole curve."""
    curve = Curve(settings)
    curve.start()
    levels: list[Sizes] = []
    ends: list[float] = []
    succeeded = 0
    with BatchClient(url) as client:
        for paths in batches:
            final = list(client.watch(client.send(paths, metadata=METADATA)))[-1]
            succeeded += sum(document["status"] == "succeeded" for document in final["documents"])
            levels.append(level(curve))
            ends.append(curve.now())
            print(f"batch {len(levels)}: {sum(levels[-1].values()) / MIB:.0f} MB", flush=True)
    curve.stop()
    return {
        "documents": sum(map(len, batches)),
        "succeeded": succeeded,
        "levels_mb": [round(sum(sizes.values()) / MIB) for sizes in levels],
        "growth": growth(levels),
        "ends": ends,
        "samples": curve.samples,
    }


def plot(result: dict[str, Any], target: Path) -> None:
    """Memory over time, by kind of process, with the ends of the batches."""
    from matplotlib import colormaps  # noqa: PLC0415  slow to load, and only needed here
    from matplotlib.figure import Figure  # noqa: PLC0415

    times = [at for at, _ in result["samples"]]
    peaks: defaultdict[str, int] = defaultdict(int)
    for _, sizes in result["samples"]:
        for kind, size in sizes.items():
            peaks[kind] = max(peaks[kind], size)
    large = sorted((kind for kind in peaks if peaks[kind] >= SMALL_BYTES), key=lambda kind: -peaks[kind])
    rows = [[sizes.get(kind, 0) / MIB for _, sizes in result["samples"]] for kind in large]
    rest = [
        sum(size for kind, size in sizes.items() if kind not in large) / MIB for _, sizes in result["samples"]
    ]
    figure = Figure(figsize=(9, 4.5), layout="constrained")
    axes = figure.subplots()
    # Ten colours of the usual cycle are too few.
    colours = colormaps["tab20"].colors
    axes.stackplot(times, *rows, rest, labels=[*large, "all others"], colors=colours)
    for end in result["ends"]:
        axes.axvline(end, color="black", linewidth=0.6, linestyle=":")
    axes.set(
        xlabel="seconds (dotted: the service at rest after a batch)",
        ylabel="resident memory, MiB",
        title=f"{result['documents']} documents in {len(result['ends'])} batches",
        ylim=(0, None),
        xlim=(0, times[-1]),
    )
    axes.legend(loc="center left", bbox_to_anchor=(1, 0.5), fontsize="small", frameon=False)
    figure.savefig(target, dpi=110)


def main() -> None:
    """Measure, print, plot, and say whether it grew."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--batches", type=int, default=5)
    parser.add_argument("--documents", type=int, default=10)
    parser.add_argument("--evaluators", type=int, default=4)
    parser.add_argument("--sample", action="store_true")
    parser.add_argument("--plot", type=Path)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    kind = "sample" if options.sample else "real" if real_plans_present() else "generated"
    print(f"{describe_machine()}; {kind} plans", flush=True)
    pool = {"evaluators_min": options.evaluators, "evaluators_max": options.evaluators}
    with tempfile.TemporaryDirectory(prefix="pdm-stress-") as folder:
        paths = chosen_files(Path(folder), count=options.documents, sample=options.sample)
        with own_service(cache_enabled=False, **pool) as (settings, service):
            result = run(settings, url=service.url, batches=[paths] * options.batches)
    shown = {name: value for name, value in result.items() if name not in {"samples", "ends"}}
    grown = {name: ratio for name, ratio in result["growth"].items() if ratio > GROWTH_MAX}
    failed = result["succeeded"] < result["documents"]
    print(json.dumps({**shown, "more than allowed": grown}, indent=1))
    if options.plot:
        plot(result, options.plot)
    if options.out:
        options.out.write_text(json.dumps({"machine": describe_machine(), **shown}, indent=1))
    sys.exit(bool(grown) or failed)


if __name__ == "__main__":
    main()
