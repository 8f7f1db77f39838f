"""What the running service writes: one JSON object per change of state, with what ties them together."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from cluster.lifecycle_watching import LOGS_LINK
from serve_app.client import BatchClient

if TYPE_CHECKING:
    from conftest import Service

pytestmark = pytest.mark.service

ROOT = Path(__file__).resolve().parents[2]
METADATA = {"municipality": "Prueba", "department": "Caquetá", "year": 2024, "period": "2024-2027"}
PATIENCE_SECONDS = 60.0


def lines_about(service: Service, job_id: str) -> list[dict[str, Any]]:
    """All events of a job in the logs of all processes, by time."""
    found = (
        json.loads(line)
        for path in (service.settings.data_dir / LOGS_LINK).glob("worker-*.err")
        for line in path.read_text("utf-8", errors="replace").splitlines()
        if job_id in line and line.startswith("{")
    )
    return sorted(found, key=lambda event: str(event["timestamp"]))


def test_each_change_of_state_is_one_line(service: Service, tmp_path: Path) -> None:
    """Accepted, claimed, ended, job ended: with job, document, attempt and node, and the reference that users see."""
    plan, broken = tmp_path / "plan.pdf", tmp_path / "broken.pdf"
    plan.write_bytes((ROOT / "examples" / "puerto-arrayan.pdf").read_bytes() + b"\n%% logged\n")
    broken.write_bytes(b"%PDF-1.7\nnothing more")
    with BatchClient(service.url) as client:
        job_id = client.send([plan, broken], metadata=METADATA)
        final = list(client.watch(job_id))[-1]
    deadline = time.monotonic() + PATIENCE_SECONDS
    while "job_ended" not in {event["event"] for event in lines_about(service, job_id)}:
        assert time.monotonic() < deadline
        time.sleep(0.1)

    events = lines_about(service, job_id)
    names = [event["event"] for event in events]
    assert [name for name in names if name in {"job_accepted", "job_ended"}] == ["job_accepted", "job_ended"]
    assert all(event["node"] for event in events)
    for document in final["documents"]:
        mine = [event for event in events if event.get("document_id") == document["document_id"]]
        assert {"document_claimed", "attempt_ended"} <= {event["event"] for event in mine}
        assert {event["attempt"] for event in mine} == {1}
        ended = next(event for event in mine if event["event"] == "attempt_ended")
        assert ended["status"] == document["status"]
        assert ended["code"] == document["error_code"]
        assert ended["reference"] == document["error_reference"]
    assert "plan.pdf" not in str(events)
