"""What a document costs in one process, without Ray, Redis and HTTP: bare text, extraction, each node.

    python -m benchmarks.one_process [--plans N] [--json FILE]

CPU seconds of this process and of the extraction child together; each plan once, after one warm-up plan.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import time
from collections import defaultdict
from pathlib import Path

import pymupdf

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


def bare_text_seconds(plan: PlanFile) -> float:
    """CPU seconds of ``page.get_text()`` over all pages: the limit to be near."""
    begin = time.process_time()
    with pymupdf.open(plan.path) as document:
        for page in document:
            page.get_text()
    return time.process_time() - begin


def measure(
    plan: PlanFile, *, worker: ExtractionWorker, engine: Engine, clock: StepClock
) -> dict[str, float]:
    """Evaluate one plan and say what it cost."""
    pdf = plan.path.read_bytes()
    bare = bare_text_seconds(plan)
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
    with ExtractionWorker() as worker:
        measure(plans[0], worker=worker, engine=engine, clock=StepClock())
        for plan in plans:
            rows.append(measure(plan, worker=worker, engine=engine, clock=clock))
            print(f"{plan.name:24} {plan.pages:4} pages  {rows[-1]['wall']:6.2f} s", flush=True)
    child_cpu = resource.getrusage(resource.RUSAGE_CHILDREN)
    report(rows, clock=clock, child_cpu=child_cpu.ru_utime + child_cpu.ru_stime, target=options.json)


def report(rows: list[dict[str, float]], *, clock: StepClock, child_cpu: float, target: Path | None) -> None:
    """Print the totals and the share of each step, and keep them as JSON when asked."""
    clock.seconds.pop("outside", None)
    total, pages = sum(clock.seconds.values()), sum(row["pages"] for row in rows)
    cpu = sum(row["parent_cpu"] for row in rows) + child_cpu
    bare = sum(row["bare"] for row in rows)
    print(f"\n{describe_machine()}; {'real' if real_plans_present() else 'generated'} plans")
    print(
        f"{len(rows)} plans, {pages:.0f} pages, mean {pages / len(rows):.0f}; mean {total / len(rows):.2f} s, "
        f"median {statistics.median(row['wall'] for row in rows):.2f} s, "
        f"longest {max(row['wall'] for row in rows):.2f} s"
    )
    print(
        f"CPU {1000 * cpu / pages:.2f} ms a page (with the child's start and the warm-up plan), "
        f"{cpu / bare:.1f} x bare text; peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB "
        f"+ child {resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024:.0f} MB"
    )
    for step, seconds in sorted(clock.seconds.items(), key=lambda item: -item[1]):
        print(f"  {step:28} {100 * seconds / total:5.1f} %  {1000 * seconds / len(rows):7.1f} ms a plan")
    if target:
        target.write_text(
            json.dumps({"rows": rows, "steps": clock.seconds, "child_cpu": child_cpu}, indent=1)
        )


if __name__ == "__main__":
    main()
