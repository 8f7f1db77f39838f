"""The whole service on hostile PDFs: what each ends with, what it costs, and that nothing dies of it.

    python -m benchmarks.hostile [--folder DIR] [--files N] [--seed N] [--out FILE]

Starts a service of its own (fresh data folder, free ports, shorter limits than as configured), sends every PDF of the
folder in batches of up to 100 over HTTP, the sample plans among them, and ends the service. Exit code 1 when a document
did not end as promised: with a result or a coded error within its limits, every sample plan with the same hash each
time, the evaluators that were there at the start still there, and their memory back within ``MARGIN_BYTES``.
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import tempfile
import time
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import httpx
import psutil

from benchmarks.machine import describe_machine
from benchmarks.plans import ROOT, SHARED
from cluster import lifecycle
from cluster.settings import Settings
from pipeline.errors import FAULTS
from serve_app.client import BatchClient

METADATA = {
    "municipality": "Documentos hostiles",
    "department": "Colombia",
    "year": "2024",
    "period": "2024-2027",
    # Text of documents that are no plans goes through all nodes as well.
    "evaluate_non_plans": "true",
}
BATCH_FILES = 100
MIB = 2**20
MARGIN_BYTES = 250 * MIB
"""How much larger an evaluator may be at the end than after its first plans: arenas of the allocator, caches of
the embedding and of regular expressions. A leak of a quarter of a megabyte a document would show."""
EVALUATORS = 2
LIMITS = {"extraction_seconds": 20.0, "soft_limit_seconds": 60.0, "hard_limit_seconds": 90.0}
SLOWEST_SHOWN = 12
DOOR_CODES = frozenset({"upload_not_pdf", "upload_empty", "file_too_large"})
CODES = frozenset(kind.code for kind in FAULTS) - {"internal", "freeze_mismatch", "fault_document"}
"""How a document may end when the service is sound."""


@dataclass(frozen=True, slots=True)
class Ending:
    """How one document ended."""

    file: str
    outcome: str
    seconds: float
    attempts: int
    result_hash: str


def hostile_files(folder: Path, *, count: int | None, seed: int) -> list[Path]:
    """All PDFs below ``folder``, or a sample of them that depends on ``seed`` alone."""
    paths = sorted(path for path in folder.rglob("*.pdf") if path.is_file())
    if count is not None and count < len(paths):
        paths = sorted(random.Random(seed).sample(paths, count))  # noqa: S311  repeatable
    return paths


def evaluators_of(settings: Settings) -> dict[str, int]:
    """Replica id → process id of every evaluator."""
    return {r.replica_id: r.pid for r in lifecycle.replicas(settings) if "Evaluator" in r.deployment}


def resident_bytes(pids: list[int]) -> list[int]:
    """Resident set of each process alone, without its extraction child; 0 when it is gone."""
    return [psutil.Process(pid).memory_info().rss if psutil.pid_exists(pid) else 0 for pid in sorted(pids)]


def send_batch(url: str, paths: list[Path], *, root: Path) -> list[Ending]:
    """One batch in one multipart request; waits for its end and deletes it."""
    parts = [
        ("files", (f"{number:03} {path.name}", path.read_bytes(), "application/pdf"))
        for number, path in enumerate(paths)
    ]
    with httpx.Client(base_url=url, timeout=300, trust_env=False) as http, BatchClient(url) as client:
        answer = http.post("/upload", data=METADATA, files=parts)
        assert answer.status_code == 202, answer.text
        final = list(client.watch(answer.json()["job_id"]))[-1]
        for kind in ("json", "csv", "pdf", "zip"):
            made = http.get(f"/results/{final['job_id']}", params={"format": kind})
            assert made.status_code == 200, (kind, made.text[:300])
        client.delete(final["job_id"])
    by_number = {int(document["name"][:3]): document for document in final["documents"]}
    return [_ending(by_number[number], file=_shown(path, root=root)) for number, path in enumerate(paths)]


def _shown(path: Path, *, root: Path) -> str:
    return str(path.relative_to(root)) if path.is_relative_to(root) else path.name


def _ending(document: dict[str, Any], *, file: str) -> Ending:
    return Ending(
        file,
        document["error_code"] or document["status"],
        round(document["seconds"] or 0.0, 2),
        document["attempts"],
        document["deterministic_hash"] or "",
    )


def complaints(endings: list[Ending], *, samples: set[str]) -> list[str]:
    """What did not end as promised."""
    allowed = CODES | DOOR_CODES | {"succeeded"}
    found = [f"{one.file}: {one.outcome}" for one in endings if one.outcome not in allowed]
    most = LIMITS["hard_limit_seconds"]
    found += [f"{one.file}: {one.seconds} s" for one in endings if one.seconds > most]
    for sample in sorted(samples):
        hashes = {one.result_hash for one in endings if one.file == sample}
        if len(hashes) != 1 or "" in hashes:
            found.append(f"{sample}: {len(hashes)} different results")
    return found


def measure(settings: Settings, *, url: str, paths: list[Path], root: Path) -> dict[str, Any]:
    """Send everything; figures and complaints."""
    samples = sorted((ROOT / "examples").glob("*.pdf"))
    for _ in range(2 * EVALUATORS):
        send_batch(url, samples, root=root)  # every evaluator has read plans before it is weighed
    before = evaluators_of(settings)
    weight_before = resident_bytes(list(before.values()))
    endings: list[Ending] = []
    began = time.perf_counter()
    step = BATCH_FILES - len(samples)
    for start in range(0, len(paths), step):
        endings += send_batch(url, [*paths[start : start + step], *samples], root=root)
        print(f"{start + step:5} of {len(paths)}, {time.perf_counter() - began:.0f} s", flush=True)
    after = evaluators_of(settings)
    weight_after = resident_bytes(list(before.values()))
    wrong = complaints(endings, samples={path.name for path in samples})
    if after != before:
        wrong.append(f"evaluators {sorted(before.values())} became {sorted(after.values())}")
    if any(late - early > MARGIN_BYTES for early, late in zip(weight_before, weight_after, strict=True)):
        wrong.append("an evaluator has grown")
    slowest = sorted(endings, key=lambda one: -one.seconds)[:SLOWEST_SHOWN]
    return {
        "documents": len(endings),
        "seconds": round(time.perf_counter() - began, 1),
        "outcomes": dict(Counter(one.outcome for one in endings).most_common()),
        "slowest": [asdict(one) for one in slowest],
        "retried": [asdict(one) for one in endings if one.attempts > 1],
        "evaluators_before": before,
        "evaluators_after": after,
        "evaluator_mb_before": [size // MIB for size in weight_before],
        "evaluator_mb_after": [size // MIB for size in weight_after],
        "service_pss_mb_after": lifecycle.footprint(settings).pss_bytes // MIB,
        "complaints": wrong,
        "endings": [asdict(one) for one in endings],
    }


def service_settings(data_dir: Path) -> Settings:
    """A small pool without a result cache: every document is really read."""
    return Settings.load(
        data_dir=data_dir,
        http_port=0,
        dashboard_port=0,
        evaluators_min=EVALUATORS,
        evaluators_max=EVALUATORS,
        running_per_node=EVALUATORS,
        min_free_memory_bytes=0,
        min_free_disk_bytes=0,
        storage_floor_bytes=0,
        cache_enabled=False,
        allow_anonymous=True,
        uploads_per_minute=100_000,
        requests_per_minute=100_000,
        **LIMITS,
    )


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--folder", type=Path, default=SHARED / "hostile")
    parser.add_argument("--files", type=int, help="a sample of so many instead of all")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, default=Path("var/hostile.json"))
    options = parser.parse_args()
    paths = hostile_files(options.folder, count=options.files, seed=options.seed)
    if not paths:
        parser.error(f"no PDF below {options.folder}")
    settings = service_settings(Path(tempfile.mkdtemp(prefix="pdm-hostile-")))
    print(describe_machine())
    try:
        service = lifecycle.up(settings)
        result = measure(settings, url=service.url, paths=paths, root=options.folder)
    finally:
        lifecycle.down(settings)
        shutil.rmtree(settings.data_dir, ignore_errors=True)
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(
        json.dumps({"machine": describe_machine(), "limits": LIMITS, **result}, indent=1), encoding="utf-8"
    )
    print(json.dumps({key: value for key, value in result.items() if key != "endings"}, indent=1))
    return int(bool(result["complaints"]))


if __name__ == "__main__":
    raise SystemExit(main())
