"""What a document costs in one process, without Ray, Redis and HTTP: bare text, extraction, each node.

    python -m benchmarks.one_process [--plans N] [--json FILE]

CPU seconds of this process and of the extraction child together; each plan once. What is paid once and not for each
document (loading, the child's start, a warm-up plan) is not counted; the objects that were loaded are kept from the
garbage collector, as the evaluator does.
"""

from __future__ import annotations

import argparse
import gc
import json
import resource
import statistics
import time
from collections import defaultdict
from pathlib import Path

import psutil

from benchmarks.bare_text import bare_text_seconds
from benchmarks.machine import describe_machine
from benchmarks.plans import PlanFile, real_plans_present, the_24_plans
from pipeline.artifacts import artifacts
from pipeline.evaluation import Engine, evaluate
from pipeline.extraction import ExtractionWorker
from pipeline.model import EvaluationOptions


class StepClock:
    """Adds up wall seconds per step; a step ends when the next begins."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = defaultdict(float)
        self._step: str | None = None
        self._since = 0.0

    def begin(self, step: str, *_: object) -> None:
        """End the running step and begin ``step``."""
        now = time.perf_counter()
        if self._step is not None:
            self.seconds[self._step] += now - self._since
        self._step, self._since = step, now


def child_seconds(worker: ExtractionWorker) -> float:
    """CPU seconds of the extraction child since it started; none while there is no child."""
    if worker.child_pid is None:
        return 0.0
    used = psutil.Process(worker.child_pid).cpu_times()
    return float(used.user + used.system)


def measure(
    plan: PlanFile, *, worker: ExtractionWorker, engine: Engine, clock: StepClock
) -> dict[str, float]:
    """Evaluate one plan and say what it cost."""
    pdf = plan.path.read_bytes()
    bare = bare_text_seconds(plan.path)
    child = child_seconds(worker)
    wall, cpu = time.perf_counter(), time.process_time()
    clock.begin("extraction")
    document = worker.extract(pdf)
    evaluation = evaluate(
        document, options=EvaluationOptions(evaluate_non_plans=True), engine=engine, observe=clock.begin
    )
    artifacts(evaluation)
    clock.begin("outside")
    return {
        "wall": time.perf_counter() - wall,
        "parent_cpu": time.process_time() - cpu,
        "child_cpu": child_seconds(worker) - child,
        "bare": bare,
        "pages": plan.pages,
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--plans", type=int, default=24)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    plans = the_24_plans(Path("var/benchmark-plans"))[: options.plans]
    engine, clock, rows = Engine.load(threads=1), StepClock(), []
    gc.collect()
    gc.freeze()
    with ExtractionWorker() as worker:
        measure(plans[0], worker=worker, engine=engine, clock=StepClock())
        for plan in plans:
            rows.append(measure(plan, worker=worker, engine=engine, clock=clock))
            print(f"{plan.name:24} {plan.pages:4} pages  {rows[-1]['wall']:6.2f} s", flush=True)
        child_peak = peak_bytes(worker.child_pid)
    report(rows, clock=clock, child_peak_bytes=child_peak, target=options.json)


def peak_bytes(pid: int | None) -> int:
    """Most memory that a living process has held; not that of the process it was forked from, as rusage has it."""
    status = Path(f"/proc/{pid}/status").read_text("utf-8")
    (peak,) = (line.split()[1] for line in status.splitlines() if line.startswith("VmHWM:"))
    return int(peak) * 1024


def report(
    rows: list[dict[str, float]], *, clock: StepClock, child_peak_bytes: int, target: Path | None
) -> None:
    """Print the totals and the share of each step, and keep them as JSON when asked."""
    clock.seconds.pop("outside", None)
    total, pages = sum(clock.seconds.values()), sum(row["pages"] for row in rows)
    child_cpu = sum(row["child_cpu"] for row in rows)
    cpu = sum(row["parent_cpu"] for row in rows) + child_cpu
    bare = sum(row["bare"] for row in rows)
    print(f"\n{describe_machine()}; {'real' if real_plans_present() else 'generated'} plans")
    print(
        f"{len(rows)} plans, {pages:.0f} pages, mean {pages / len(rows):.0f}; mean {total / len(rows):.2f} s, "
        f"median {statistics.median(row['wall'] for row in rows):.2f} s, "
        f"longest {max(row['wall'] for row in rows):.2f} s"
    )
    print(
        f"CPU {1000 * cpu / pages:.2f} ms a page, of which the child {1000 * child_cpu / pages:.2f} (without "
        f"what is paid once: loading, the child's start, a warm-up plan), {cpu / bare:.1f} x bare text"
    )
    own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"peak memory {own:.0f} MiB + child {child_peak_bytes / 2**20:.0f} MiB")
    for step, seconds in sorted(clock.seconds.items(), key=lambda item: -item[1]):
        print(f"  {step:28} {100 * seconds / total:5.1f} %  {1000 * seconds / len(rows):7.1f} ms a plan")
    if target:
        target.write_text(
            json.dumps({"rows": rows, "steps": clock.seconds, "child_cpu": child_cpu}, indent=1)
        )


if __name__ == "__main__":
    main()
