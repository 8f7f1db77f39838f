"""Hostile documents through the whole service: each ends, none harms another, and no evaluator dies."""

from __future__ import annotations

import random
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import psutil
import pytest
from bombs import (
    cyclic_forms,
    cyclic_pages,
    deep_states,
    encrypted,
    giant_image,
    million_pages,
    ten_thousand_updates,
)

from cluster import lifecycle
from pipeline.errors import FAULTS
from serve_app.client import BatchClient

if TYPE_CHECKING:
    from conftest import Service

HOSTILE = Path(__file__).resolve().parents[2] / ".." / "shared" / "hostile"
SEED = 20260401
SAMPLE = 25
GROWTH_BYTES = 250 * 2**20
"""Arenas of the allocator and caches; a leak would not stop there."""
FIELDS = {
    "municipality": "X",
    "department": "Y",
    "year": "2024",
    "period": "2024-2027",
    "evaluate_non_plans": "true",
}
BOMBS = (
    cyclic_forms, cyclic_pages, deep_states, encrypted, giant_image, million_pages, ten_thousand_updates,
)  # fmt: skip
ENDINGS = {kind.code for kind in FAULTS} - {"internal", "freeze_mismatch"} | {
    "upload_not_pdf",
    "upload_empty",
}

pytestmark = [pytest.mark.service, pytest.mark.faults]


def _evaluators(service: Service) -> dict[str, int]:
    return {r.replica_id: r.pid for r in lifecycle.replicas(service.settings) if "Evaluator" in r.deployment}


def _send(service: Service, files: list[tuple[str, bytes]]) -> list[dict[str, object]]:
    with httpx.Client(base_url=service.url, timeout=300, trust_env=False) as http:
        parts = [("files", (name, content, "application/pdf")) for name, content in files]
        answer = http.post("/upload", data=FIELDS, files=parts)
        assert answer.status_code == 202, answer.text
    with BatchClient(service.url) as client:
        return list(list(client.watch(answer.json()["job_id"]))[-1]["documents"])


def _harmless(service: Service, files: list[tuple[str, bytes]], plan: bytes) -> None:
    first = _send(service, [("plan.pdf", plan)])
    before = _evaluators(service)
    weights = {pid: psutil.Process(pid).memory_info().rss for pid in before.values()}
    ended = _send(service, [*files, ("plan al final.pdf", plan)])

    outcomes = {str(one["name"]): str(one["error_code"] or one["status"]) for one in ended}
    assert set(outcomes.values()) <= ENDINGS | {"succeeded"}, outcomes
    (last,) = (one for one in ended if one["name"] == "plan al final.pdf")
    assert last["deterministic_hash"] == first[0]["deterministic_hash"]
    after = _evaluators(service)
    assert {name: after.get(name) for name in before} == before
    for pid, weight in weights.items():
        assert psutil.Process(pid).memory_info().rss - weight < GROWTH_BYTES


def test_bombs_in_a_batch_end_and_harm_nobody(service: Service, sample_plans: tuple[bytes, ...]) -> None:
    """Bombs and a good plan in one batch: each ends with its code, the plan with the same hash as alone."""
    _harmless(service, [(f"{bomb.__name__}.pdf", bomb()) for bomb in BOMBS], sample_plans[0])


@pytest.mark.skipif(not HOSTILE.is_dir(), reason="the collection of hostile PDFs is not here")
def test_a_sample_of_hostile_documents_ends_and_harms_nobody(
    service: Service, sample_plans: tuple[bytes, ...]
) -> None:
    """A seeded sample of the collection; all of it: ``python -m benchmarks.hostile``."""
    paths = random.Random(SEED).sample(sorted(HOSTILE.rglob("*.pdf")), SAMPLE)
    _harmless(
        service,
        [(f"{number} {path.name}", path.read_bytes()) for number, path in enumerate(paths)],
        sample_plans[0],
    )
