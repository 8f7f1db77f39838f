"""The service and the peer on the same plans, in turn, in one run.

    pip install "decalogo[bench]"
    python -m benchmarks.celery_peer.compare [--plans 24] [--rounds 3] [--out FILE]

Both are up all the time with their models loaded, the service with eight evaluators and without its result cache; a
round is one batch to the service and one to the peer, and the rounds begin in turn with the one and the other.
Throughput is from submission to the last result, latency from a document's start to its end, both as recorded by
whoever evaluated. That both give the same hash for each plan is checked.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.batch import METADATA, seconds_between, service_cpu_seconds
from benchmarks.celery_peer.peer import PREFETCH, PROCESSES, Peer
from benchmarks.machine import describe_machine
from benchmarks.own_service import own_service
from benchmarks.plans import real_plans_present, the_24_plans
from cluster import lifecycle
from cluster.validators import percentile
from serve_app.client import BatchClient

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cluster.settings import Settings

MIB = 2**20


def of_service(settings: Settings, *, url: str, paths: Sequence[Path]) -> tuple[dict[str, Any], list[str]]:
    """One batch through the service."""
    cpu = service_cpu_seconds(settings)
    with BatchClient(url, timeout_seconds=300) as client:
        job_id = client.send(list(paths), metadata=METADATA)
        final = list(client.watch(job_id))[-1]
    documents = sorted(final["documents"], key=lambda each: each["name"])
    wall = seconds_between(final["submission_time"], max(each["finished_at"] for each in documents))
    row = _row([each["seconds"] for each in documents], wall=wall)
    row["cpu_seconds"] = round(service_cpu_seconds(settings) - cpu, 1)
    row["pss_mb"] = round(lifecycle.footprint(settings).pss_bytes / MIB)
    return row, [each["deterministic_hash"] for each in documents]


def of_peer(peer: Peer, *, paths: Sequence[Path]) -> tuple[dict[str, Any], list[str]]:
    """One batch through the peer."""
    cpu = peer.cpu_seconds()
    final = peer.run_batch(paths)
    documents = [final["done"][name] for name in sorted(final["done"])]
    wall = max(each["finished"] for each in documents) - final["submitted"]
    row = _row([each["finished"] - each["started"] for each in documents], wall=wall)
    row["cpu_seconds"] = round(peer.cpu_seconds() - cpu, 1)
    row["pss_mb"] = round(peer.memory_bytes() / MIB)
    return row, [each["hash"] for each in documents]


def _row(seconds: list[float], *, wall: float) -> dict[str, Any]:
    return {
        "documents_per_hour": round(3600 * len(seconds) / wall),
        "p50": round(statistics.median(seconds), 2),
        "p95": round(percentile(sorted(seconds), share=0.95), 2),
        "load": round(os.getloadavg()[0], 1),
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--plans", type=int, default=24)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    paths = [plan.path for plan in the_24_plans(Path("var/benchmark-plans"))][: options.plans]
    print(f"{describe_machine()}; {'real' if real_plans_present() else 'generated'} plans")
    print(f"service: 8 evaluators; peer: Celery, {PROCESSES} processes, prefetch {PREFETCH}")
    rounds: list[dict[str, Any]] = []
    with own_service(cache_enabled=False, evaluators_min=8) as (settings, service), Peer() as peer:
        of_service(settings, url=service.url, paths=paths[:2])
        of_peer(peer, paths=paths[:2])
        for number in range(options.rounds):
            rounds.append(one_round(number, settings=settings, url=service.url, peer=peer, paths=paths))
            print(json.dumps(rounds[-1]), flush=True)
    print(json.dumps(ratios(rounds), indent=1))
    if options.out:
        options.out.write_text(json.dumps({"rounds": rounds, "ratios": ratios(rounds)}, indent=1), "utf-8")


def one_round(
    number: int, *, settings: Settings, url: str, peer: Peer, paths: Sequence[Path]
) -> dict[str, Any]:
    """A batch to each; in rounds of odd number the peer begins."""
    found: dict[str, tuple[dict[str, Any], list[str]]] = {}
    for who in ("peer", "service") if number % 2 else ("service", "peer"):
        found[who] = (
            of_service(settings, url=url, paths=paths) if who == "service" else of_peer(peer, paths=paths)
        )
    equal = sorted(found["service"][1]) == sorted(found["peer"][1])
    return {"service": found["service"][0], "peer": found["peer"][0], "equal_hashes": equal}


def ratios(rounds: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Service over peer: median, least and greatest of the rounds' ratios."""
    said: dict[str, Any] = {}
    for name in ("documents_per_hour", "p50", "p95", "cpu_seconds"):
        values = sorted(each["service"][name] / each["peer"][name] for each in rounds)
        said[name] = [round(statistics.median(values), 2), round(values[0], 2), round(values[-1], 2)]
    return said


if __name__ == "__main__":
    main()
