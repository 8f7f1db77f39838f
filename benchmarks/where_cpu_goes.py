"""Which processes of the service spend how much processor time: while it starts, at rest, and on a batch.

    python -m benchmarks.where_cpu_goes [--evaluators 8] [--plans 24] [--rounds 1] [--rest-seconds 20] [--memory]

Starts a service of its own whose pool keeps its size, and sums user and system time by kind of process. What a process
spends between its last look and its end is missed, which concerns short ones (a start of HAProxy, a report); the total
counts them through their parents. ``--pipeline`` evaluates the same plans in one process first, and in two at once: on
threads of one core each second of work takes longer while the other thread works, and that is no cost of the service.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import re
import subprocess
import sys
import tempfile
import threading
import time
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

from benchmarks.batch import MIB, evaluator_sizes, run_batch
from benchmarks.machine import describe_machine
from benchmarks.own_service import own_service
from benchmarks.plans import real_plans_present, the_24_plans
from cluster import embedded_redis, lifecycle

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cluster.settings import Settings

LOOK_SECONDS = 0.25
LEAST_SECONDS = 0.01
SETTLE_SECONDS = 8.0
"""What starting left to do is over by then."""

_REPLICA = re.compile(r"ray::ServeReplica:\w+:(\w+)")
_BY_TITLE = (
    ("ServeController", "Serve's controller"),
    ("HAProxyManager", "HAProxy's manager"),
    ("ProxyActor", "Serve's fallback proxy"),
    ("child.main", "extraction child"),
    ("serve_app.report_process", "report process"),
    ("lifecycle_keeper", "keeper"),
    ("gcs_server", "GCS"),
    ("raylet/raylet", "raylet"),
    ("runtime_env/agent", "runtime environment agent"),
    ("dashboard/agent.py", "dashboard agent"),
    ("util.client.server", "Ray client server"),
    ("log_monitor", "log monitor"),
    ("haproxy", "HAProxy"),
    ("valkey", "Valkey"),
    ("dashboard", "dashboard"),
    ("ray::", "other worker of Ray"),
    ("setup_worker", "worker that starts"),
    ("default_worker", "worker that starts"),
)
REPLICAS = {"Evaluator": "evaluator", "Dispatcher": "dispatcher", "Aggregator": "aggregator"}


@dataclass(frozen=True, slots=True)
class Spent:
    """Seconds of the processor."""

    user: float = 0.0
    system: float = 0.0

    @property
    def seconds(self) -> float:
        """Both together."""
        return self.user + self.system

    def plus(self, other: Spent) -> Spent:
        """The sum."""
        return Spent(self.user + other.user, self.system + other.system)

    def minus(self, other: Spent) -> Spent:
        """What was spent since ``other``."""
        return Spent(self.user - other.user, self.system - other.system)


def kind_of(command: str) -> str:
    """What a process is, by its command line or the title that it gave itself."""
    replica = _REPLICA.search(command)
    if replica:
        return REPLICAS.get(replica[1], f"replica {replica[1]}")
    return next((kind for mark, kind in _BY_TITLE if mark in command), f"other: {command[:40]}")


class Ledger(threading.Thread):
    """Looks at every process of a service now and then, and remembers what each had spent when it was last seen."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(daemon=True)
        self._settings = settings
        self._seen: dict[tuple[int, float], tuple[str, Spent]] = {}
        self._over = threading.Event()
        self._lock = threading.Lock()

    def run(self) -> None:
        """Until ``stop``."""
        while not self._over.wait(LOOK_SECONDS):
            self.look()

    def stop(self) -> None:
        """Look no more."""
        self._over.set()
        self.join()

    def look(self) -> dict[str, Spent]:
        """What each kind has spent since it exists."""
        with self._lock:
            for process in processes_of(self._settings):
                with contextlib.suppress(psutil.Error), process.oneshot():
                    times = process.cpu_times()
                    # A worker of Ray is started before it is told what it is.
                    kind = kind_of(" ".join(process.cmdline()))
                    self._seen[process.pid, process.create_time()] = kind, Spent(times.user, times.system)
            totals: dict[str, Spent] = defaultdict(Spent)
            for kind, spent in self._seen.values():
                totals[kind] = totals[kind].plus(spent)
            return totals


def processes_of(settings: Settings) -> list[psutil.Process]:
    """All living processes of the service, Valkey included."""
    service, valkey = lifecycle.status(settings), embedded_redis.running(settings)
    found: list[psutil.Process] = []
    with contextlib.suppress(psutil.Error):
        if service:
            keeper = psutil.Process(service.keeper_pid)
            found += [keeper, *keeper.children(recursive=True)]
        if valkey:
            found.append(psutil.Process(valkey.pid))
    return found


def since(before: Mapping[str, Spent], after: Mapping[str, Spent]) -> dict[str, Spent]:
    """What each kind has spent between two looks."""
    return {kind: spent.minus(before.get(kind, Spent())) for kind, spent in after.items()}


def memory_of(settings: Settings) -> dict[str, dict[str, float]]:
    """For each kind: how many processes, and their PSS and private memory together, in MB."""
    totals: dict[str, dict[str, float]] = defaultdict(lambda: {"processes": 0, "pss_mb": 0, "private_mb": 0})
    for process in processes_of(settings):
        with contextlib.suppress(psutil.Error):
            row = totals[kind_of(" ".join(process.cmdline()))]
            info = process.memory_full_info()
            row["processes"] += 1
            row["pss_mb"] += round(info.pss / MIB, 1)
            row["private_mb"] += round(info.uss / MIB, 1)
    return totals


def print_cpu(title: str, spent: Mapping[str, Spent], *, per: float, unit: str) -> None:
    """A table of what took more than nothing, largest first; ``per`` divides (documents, seconds, evaluators)."""
    total = Spent()
    for each in spent.values():
        total = total.plus(each)
    print(f"\n{title}\n| process | CPU s | of it in the kernel | {unit} |\n|---|---|---|---|")
    rows = sorted(spent.items(), key=lambda item: -item[1].seconds)
    for kind, each in [*rows, ("together", total)]:
        if each.seconds >= LEAST_SECONDS:
            print(f"| {kind} | {each.seconds:.2f} | {each.system:.2f} | {1000 * each.seconds / per:.1f} |")


def print_memory(found: Mapping[str, Mapping[str, float]]) -> None:
    """A table, largest first."""
    print("\nMemory at rest\n| process | number | PSS MB | private MB |\n|---|---|---|---|")
    for kind, row in sorted(found.items(), key=lambda item: -item[1]["pss_mb"]):
        print(f"| {kind} | {row['processes']} | {row['pss_mb']:.0f} | {row['private_mb']:.0f} |")
    print(f"| together | | {sum(row['pss_mb'] for row in found.values()):.0f} | |")


def pipeline_seconds(plans: int, *, at_once: int) -> list[float]:
    """CPU seconds of the same plans in one process, or in several that run at the same moment."""
    with tempfile.TemporaryDirectory() as folder:
        targets = [Path(folder) / f"{number}.json" for number in range(at_once)]
        program = [sys.executable, "-m", "benchmarks.one_process", "--plans", str(plans), "--json"]
        running = [subprocess.Popen([*program, str(target)], stdout=subprocess.DEVNULL) for target in targets]
        for process in running:
            if process.wait():
                raise RuntimeError("benchmarks.one_process failed")
        found = [json.loads(target.read_text("utf-8")) for target in targets]
    return [sum(row["parent_cpu"] for row in each["rows"]) + each["child_cpu"] for each in found]


def measure(options: argparse.Namespace) -> None:
    """A service: its start, its rest, its batches."""
    paths = [plan.path for plan in the_24_plans(Path("var/benchmark-plans"))][: options.plans]
    pool = {"evaluators_min": options.evaluators, "evaluators_max": options.evaluators}
    began = time.perf_counter()
    with own_service(**pool, cache_enabled=False) as (settings, service):
        print(f"\nstarted in {time.perf_counter() - began:.1f} s")
        ledger = Ledger(settings)
        started = ledger.look()
        # As many as run at once are there when the start ends.
        print_cpu("Start", started, per=1, unit="ms")
        ledger.start()
        await_pool(settings, size=options.evaluators)
        time.sleep(SETTLE_SECONDS)
        before = ledger.look()
        alone = before.get("evaluator", Spent()).plus(before.get("extraction child", Spent()))
        print(f"\nan evaluator's start with its child: {alone.seconds / options.evaluators:.2f} CPU s")
        time.sleep(options.rest_seconds)
        rest = since(before, ledger.look())
        print_cpu(
            f"At rest, {options.rest_seconds:.0f} s", rest, per=options.rest_seconds, unit="ms a second"
        )
        if options.memory:
            print_memory(memory_of(settings))
        for _ in range(options.rounds):
            before = ledger.look()
            result = run_batch(settings, url=service.url, paths=paths)
            spent = since(before, ledger.look())
            print_cpu("A batch", spent, per=len(paths), unit="ms a document")
            print(json.dumps(result), flush=True)
        ledger.stop()
        if options.memory:
            time.sleep(SETTLE_SECONDS)
            print_memory(memory_of(settings))


def await_pool(settings: Settings, *, size: int) -> None:
    """Wait until all evaluators are there."""
    while len(evaluator_sizes(settings)) < size:
        time.sleep(0.5)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--evaluators", type=int, default=3)
    parser.add_argument("--plans", type=int, default=24)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--rest-seconds", type=float, default=20)
    parser.add_argument("--memory", action="store_true")
    parser.add_argument("--pipeline", action="store_true")
    options = parser.parse_args()
    print(f"{describe_machine()}; {'real' if real_plans_present() else 'generated'} plans")
    if options.pipeline:
        for at_once in (1, 2):
            seconds = pipeline_seconds(options.plans, at_once=at_once)
            print(
                f"{at_once} process(es) without the service: {', '.join(f'{each:.1f}' for each in seconds)} CPU s each"
            )
    measure(options)


if __name__ == "__main__":
    main()
