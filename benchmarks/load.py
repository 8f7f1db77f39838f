"""Does the service keep its promise to many at once: ten documents that arrive together, twice.

    python -m benchmarks.load [--documents 10] [--sample] [--out FILE]

Ten senders hand in one plan each at the same moment; when all are done the same happens again, without the cache,
so that every hash can be compared with the first. Passes at 170 documents per hour or more, a p95 of 21.2 s or less
from claim to result, 300 answers for each plan and equal hashes; exit code 1 otherwise. ``--sample`` takes the short
fictional plans of ``examples/`` under different hashes, which takes half a minute.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.batch import METADATA, seconds_between
from benchmarks.machine import describe_machine
from benchmarks.own_service import own_service
from benchmarks.plans import ROOT, real_plans_present, the_24_plans
from cluster.validators import ANSWERS_PER_DOCUMENT, percentile
from serve_app.client import BatchClient

DOCUMENTS_PER_HOUR_MIN = 170.0
P95_SECONDS_MAX = 21.2
"""The service level of the design; alerts watch the same figures."""


@dataclass(frozen=True, slots=True)
class Sent:
    """One plan that was sent alone, and how it ended."""

    name: str
    submitted: str
    finished: str
    seconds: float
    succeeded: bool
    answers: int
    deterministic_hash: str


def send_one(url: str, *, path: Path, together: threading.Barrier) -> Sent:
    """Open a job for one plan, wait for the others, send it, and wait for its end."""
    with BatchClient(url) as client:
        together.wait(timeout=120)
        job_id = client.send([path], metadata=METADATA)
        final = list(client.watch(job_id))[-1]
        (document,) = final["documents"]
        succeeded = document["status"] == "succeeded"
        (result,) = client.results(job_id)["results"]
    return Sent(
        name=path.name,
        submitted=final["submission_time"],
        finished=document["finished_at"],
        seconds=document["seconds"],
        succeeded=succeeded,
        answers=len(result["evaluation"]["answers"]) if succeeded else 0,
        deterministic_hash=document["deterministic_hash"] or "",
    )


def send_together(url: str, paths: list[Path]) -> list[Sent]:
    """All plans at the same moment, each from a sender of its own."""
    together = threading.Barrier(len(paths))
    with ThreadPoolExecutor(len(paths)) as senders:
        return list(senders.map(lambda path: send_one(url, path=path, together=together), paths))


def figures(sent: list[Sent]) -> dict[str, Any]:
    """What the service level speaks of."""
    wall = seconds_between(min(one.submitted for one in sent), max(one.finished for one in sent))
    ordered = sorted(one.seconds for one in sent if one.succeeded)
    return {
        "documents": len(sent),
        "succeeded": len(ordered),
        "wall_seconds": round(wall, 2),
        "documents_per_hour": round(3600 * len(ordered) / wall, 1),
        "p50_seconds": percentile(ordered, share=0.5),
        "p95_seconds": percentile(ordered, share=0.95),
        "whole": sum(one.answers == ANSWERS_PER_DOCUMENT for one in sent),
    }


def verdict(rounds: list[list[Sent]]) -> tuple[list[str], dict[str, Any]]:
    """What is broken, empty when all holds, and the figures of the worst round."""
    found = [figures(sent) for sent in rounds]
    slowest = min(found, key=lambda one: one["documents_per_hour"])
    worst = {
        **slowest,
        "p95_seconds": max(one["p95_seconds"] for one in found),
        "whole": min(one["whole"] for one in found),
        "equal_hashes": all(
            len({one.deterministic_hash for one in same}) == 1 for same in zip(*rounds, strict=True)
        ),
    }
    holds = {
        "every document succeeded": all(one["succeeded"] == one["documents"] for one in found),
        f"at least {DOCUMENTS_PER_HOUR_MIN:.0f} documents per hour": worst["documents_per_hour"]
        >= DOCUMENTS_PER_HOUR_MIN,
        f"p95 of at most {P95_SECONDS_MAX} s": worst["p95_seconds"] <= P95_SECONDS_MAX,
        f"{ANSWERS_PER_DOCUMENT} answers each": worst["whole"] == worst["documents"],
        "equal hashes": worst["equal_hashes"],
    }
    return [name for name, fine in holds.items() if not fine], worst


def sample_files(folder: Path, *, count: int) -> list[Path]:
    """The fictional plans again and again, each copy under a hash of its own."""
    originals = [path.read_bytes() for path in sorted((ROOT / "examples").glob("*.pdf"))]
    paths = [folder / f"sample-{number:02}.pdf" for number in range(count)]
    for number, path in enumerate(paths):
        path.write_bytes(originals[number % len(originals)] + f"\n%% {number}\n".encode())
    return paths


def chosen_files(folder: Path, *, count: int, sample: bool) -> list[Path]:
    """Plans of all lengths, spread evenly over the 24; or short ones."""
    if sample:
        return sample_files(folder, count=count)
    plans = sorted(the_24_plans(ROOT / "var" / "benchmark-plans"), key=lambda plan: plan.pages)
    return [plans[number * len(plans) // count].path for number in range(count)]


def main() -> None:
    """Measure, print, and say whether the promise is kept."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--documents", type=int, default=10)
    parser.add_argument("--sample", action="store_true")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    kind = "sample" if options.sample else "real" if real_plans_present() else "generated"
    print(f"{describe_machine()}; {kind} plans", flush=True)
    with tempfile.TemporaryDirectory(prefix="pdm-load-") as folder:
        paths = chosen_files(Path(folder), count=options.documents, sample=options.sample)
        with own_service(cache_enabled=False) as (_, service):
            rounds = [send_together(service.url, paths) for _ in range(2)]
    broken, worst = verdict(rounds)
    print(json.dumps({"worst_round": worst, "broken": broken}, indent=1))
    print(
        f"throughput {worst['documents_per_hour'] / DOCUMENTS_PER_HOUR_MIN:.1f} × what is promised, "
        f"p95 {worst['p95_seconds'] / P95_SECONDS_MAX:.2f} × what is allowed"
    )
    if options.out:
        options.out.write_text(
            json.dumps({"machine": describe_machine(), **worst, "broken": broken}, indent=1)
        )
    sys.exit(bool(broken))


if __name__ == "__main__":
    main()
