"""What many machines would do, from what one was measured to do: a seeded simulation of queue, nodes and evaluators.

    python -m benchmarks.simulation [--documents 4412 100000] [--evaluators 10 … 500] [--seed 1] [--plot FILE]

All documents are in the queue at the start (the hardest case for the age of the queue). Nodes come as Ray's autoscaler
brings them, doubling what there is; each runs one evaluator per core. A document costs what a plan of its length was
measured to cost; nodes die by chance, and what they were at waits for the end of its lease. Inputs, with what is
measured and what is assumed: ``benchmarks/simulation.toml``.
"""

from __future__ import annotations

import argparse
import heapq
import json
import random
import statistics
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cluster.validators import percentile

INPUTS = Path(__file__).with_suffix(".toml")
MUNICIPALITIES, PERIODS = 1103, 4
HOUR = 3600.0
GB = 1e9


@dataclass(frozen=True, slots=True)
class Outcome:
    """Of one simulation. Seconds, dollars, bytes; loads are shares of one core."""

    documents: int
    evaluators: int
    seconds: float
    started: list[float]
    repeated: int
    node_seconds: float


def service_seconds(rng: random.Random, inputs: dict[str, Any]) -> float:
    """How long an evaluator with a core of its own is at a plan of random length."""
    found = inputs["measured"]
    overhead = 1 + inputs["assumed"]["service_overhead"]
    pages = rng.choice(found["pages"])
    alone = found["seconds_per_plan"] + found["seconds_per_page"] * pages
    return float(alone * overhead)


def arrivals_of_nodes(count: int, inputs: dict[str, Any]) -> list[float]:
    """When each node begins to work: some are there, the others come in doubling groups."""
    assumed = inputs["assumed"]
    wait = assumed["node_start_seconds"] + inputs["measured"]["evaluator_start_seconds"]
    times: list[float] = [0.0] * min(count, assumed["first_nodes"])
    group = 1
    while len(times) < count:
        asked = min(len(times), count - len(times))
        times += [group * wait] * asked
        group += 1
    return times


def simulate(documents: int, *, evaluators: int, seed: int, inputs: dict[str, Any]) -> Outcome:
    """Work the queue off."""
    rng = random.Random(f"{seed} {documents} {evaluators}")  # noqa: S311  a simulation
    cores, assumed = inputs["assumed"]["node_cores"], inputs["assumed"]
    nodes = arrivals_of_nodes(-(-evaluators // cores), inputs)
    free = [(nodes[number // cores], number) for number in range(evaluators)]
    heapq.heapify(free)
    mean_life = HOUR / assumed["node_deaths_per_hour"]
    dies = [born + rng.expovariate(1 / mean_life) for born in nodes]
    # When it may be taken: a document of a node that died waits for its lease.
    queue = [(0.0, number) for number in range(documents)]
    started: list[float] = []
    repeated, end = 0, 0.0
    while queue:
        at, number = heapq.heappop(free)
        ready, document = heapq.heappop(queue)
        node = number // cores
        begin = max(at, ready)
        seconds = service_seconds(rng, inputs)
        if begin <= dies[node] < begin + seconds:
            repeated += 1
            heapq.heappush(queue, (dies[node] + assumed["lease_seconds"], document))
            # Another machine takes its place.
            born = dies[node] + assumed["node_start_seconds"]
            dies[node] = born + rng.expovariate(1 / mean_life)
            heapq.heappush(free, (born, number))
            continue
        started.append(begin)
        end = max(end, begin + seconds)
        heapq.heappush(free, (begin + seconds, number))
    lived = sum(max(0.0, end - born) for born in nodes)
    return Outcome(documents, evaluators, end, started, repeated, lived)


def report(outcome: Outcome, inputs: dict[str, Any]) -> dict[str, Any]:
    """Throughput, age of the queue, loads, storage and dollars."""
    measured, assumed = inputs["measured"], inputs["assumed"]
    per_second = outcome.documents / outcome.seconds
    ages = sorted(outcome.started)
    stored = outcome.documents * (measured["upload_bytes"] + measured["artifact_bytes"])
    machine = assumed["node_dollars_per_hour"] * outcome.node_seconds / HOUR
    fixed = assumed["head_and_redis_dollars_per_hour"] * outcome.seconds / HOUR
    kept = stored / GB * assumed["storage_dollars_per_gb_month"] * assumed["kept_days"] / 30
    puts = outcome.documents * assumed["puts_per_document"] / 1000 * assumed["put_dollars_per_thousand"]
    rest = fixed + kept + puts
    return {
        "documents": outcome.documents,
        "evaluators": outcome.evaluators,
        "hours": round(outcome.seconds / HOUR, 2),
        "documents_per_hour": round(per_second * HOUR),
        "queue_age_p50_minutes": round(statistics.median(ages) / 60, 1),
        "queue_age_p95_minutes": round(percentile(ages, share=0.95) / 60, 1),
        "repeated": outcome.repeated,
        "redis_core_percent": round(per_second * measured["redis_server_ms_per_document"] / 10, 1),
        "redis_mb": round(outcome.documents * measured["redis_bytes_per_document"] / 1e6),
        "dispatcher_core_percent": round(per_second * measured["dispatch_ms_per_document"] / 10, 1),
        "stored_gb": round(stored / GB, 1),
        "dollars_per_1000": round(1000 * (machine + rest) / outcome.documents, 2),
        "dollars_per_1000_spot": round(
            1000 * (machine * assumed["spot_share_of_price"] + rest) / outcome.documents, 2
        ),
    }


def first_limits(inputs: dict[str, Any]) -> dict[str, float]:
    """Documents per hour at which each part that there is only one of is busy all the time, and evaluators for it."""
    measured = inputs["measured"]
    mean = statistics.mean(measured["pages"]) * measured["seconds_per_page"] + measured["seconds_per_plan"]
    mean *= 1 + inputs["assumed"]["service_overhead"]
    limits: dict[str, float] = {}
    for name in ("redis_server_ms_per_document", "dispatch_ms_per_document"):
        per_second = 1000 / measured[name]
        part = name.split("_", maxsplit=1)[0]
        limits[f"{part}: documents per hour"] = round(per_second * HOUR)
        limits[f"{part}: evaluators"] = round(per_second * mean)
    return limits


def plot(rows: list[dict[str, Any]], target: Path) -> None:
    """Throughput and the loads of what there is only one of."""
    from matplotlib.figure import Figure  # noqa: PLC0415  slow to load, and only needed here

    figure = Figure(figsize=(9, 3.5), layout="constrained")
    speed, load = figure.subplots(1, 2)
    for documents in sorted({row["documents"] for row in rows}):
        part = [row for row in rows if row["documents"] == documents]
        sizes = [row["evaluators"] for row in part]
        speed.plot(
            sizes,
            [row["documents_per_hour"] for row in part],
            marker="o",
            label=f"{documents:,} documents",
        )
    speed.set(xlabel="evaluators", ylabel="documents per hour")
    for name in ("redis", "dispatcher"):
        load.plot(sizes, [row[f"{name}_core_percent"] for row in part], marker="o", label=name)
    load.set(xlabel="evaluators", ylabel="percent of one core", ylim=(0, None))
    for axes in (speed, load):
        axes.grid(alpha=0.3)
        axes.legend()
    figure.savefig(target, dpi=110)


def main() -> None:
    """Simulate and print a table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--documents", type=int, nargs="+", default=[MUNICIPALITIES * PERIODS, 100_000])
    parser.add_argument("--evaluators", type=int, nargs="+", default=[10, 25, 50, 100, 250, 500])
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--plot", type=Path)
    options = parser.parse_args()
    inputs = tomllib.loads(INPUTS.read_text("utf-8"))
    rows = [
        report(
            simulate(documents, evaluators=evaluators, seed=options.seed, inputs=inputs),
            inputs,
        )
        for documents in options.documents
        for evaluators in options.evaluators
    ]
    print("| " + " | ".join(rows[0]) + " |\n|" + "---|" * len(rows[0]))
    for row in rows:
        print("| " + " | ".join(str(value) for value in row.values()) + " |")
    print(json.dumps(first_limits(inputs), indent=1))
    if options.plot:
        plot(rows, options.plot)


if __name__ == "__main__":
    main()
