"""Spans of the running service, as a collector receives them: one trace per job, from upload to aggregation."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from span_collector import SpanCollector

from benchmarks.own_service import own_service
from cluster import tracing
from pipeline.flow import NODES
from serve_app.client import BatchClient

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cluster.lifecycle import RunningService

ROOT = Path(__file__).resolve().parents[2]
METADATA = {"municipality": "Prueba", "department": "Caquetá", "year": 2024, "period": "2024-2027"}
PATIENCE_SECONDS = 60.0


@pytest.fixture
def collector() -> Iterator[SpanCollector]:
    """Listens before the service begins to send."""
    with SpanCollector() as listening:
        yield listening


@pytest.fixture
def traced(collector: SpanCollector) -> Iterator[RunningService]:
    """A small service of its own that sends spans."""
    chosen = {"evaluators_min": 1, "evaluators_max": 1, "otlp_endpoint": collector.endpoint}
    with own_service(**chosen) as (_, running):
        yield running


@pytest.mark.service
def test_a_job_is_one_trace_from_upload_to_aggregation(
    traced: RunningService, collector: SpanCollector, tmp_path: Path
) -> None:
    """Upload, queue wait, each step, finish and aggregation are spans of one tree, inside their parents' time."""
    plan, broken = tmp_path / "plan.pdf", tmp_path / "broken.pdf"
    plan.write_bytes((ROOT / "examples" / "puerto-arrayan.pdf").read_bytes() + b"\n%% traced\n")
    broken.write_bytes(b"%PDF-1.7\nnothing more")
    with BatchClient(traced.url) as client:
        job_id = client.send([plan, broken], metadata=METADATA)
        final = list(client.watch(job_id))[-1]
    trace = f"{tracing.trace_id(job_id):032x}"
    root = f"{tracing.span_id(job_id, tracing.ROOT):016x}"

    deadline = time.monotonic() + PATIENCE_SECONDS
    while not {"job", "aggregate"} <= {span.name for span in collector.of(trace)} or (
        sum(span.name == "document" for span in collector.of(trace)) < 2
    ):
        assert time.monotonic() < deadline, [span.name for span in collector.of(trace)]
        time.sleep(0.1)

    spans = collector.of(trace)
    by_id = {span.span: span for span in spans}
    assert len(by_id) == len(spans)
    assert by_id[root].name == "job"
    assert [span.name for span in spans if not span.parent] == ["job"]
    assert all(span.parent in by_id for span in spans if span.parent)
    assert sum(span.name == "upload file" for span in spans) == 2
    whole, failed = sorted(
        (span for span in spans if span.name == "document"),
        key=lambda span: str(span.attributes["decalogo.status"]),
        reverse=True,
    )
    steps = [span.name for span in spans if span.parent == whole.span]
    assert {"queue wait", "finish", *(node.name for node in NODES)} <= set(steps)
    for span in spans:
        if span.parent == whole.span:
            assert whole.began - 0.01 <= span.began <= span.ended <= whole.ended + 0.01
    (said,) = (document for document in final["documents"] if document["error_code"])
    assert failed.attributes["decalogo.code"] == said["error_code"]
    assert failed.attributes["decalogo.reference"] == said["error_reference"]
    assert "plan.pdf" not in str(spans)


def test_without_an_endpoint_nothing_is_loaded_or_sent() -> None:
    """Off by default: the libraries are not even imported, and handing over a span does nothing."""
    code = """
import sys
from cluster import tracing
from cluster.settings import Settings
tracing.configure(Settings.load(), component="test")
tracing.emit("job", tracing.Span("upload", 0.0, 1.0, "upload"))
print(sorted(name for name in sys.modules if name.startswith("opentelemetry")))
"""
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert ran.stdout.strip() == "[]"


def test_a_collector_that_is_away_costs_nothing_but_spans() -> None:
    """With nobody at the endpoint, handing over a thousand spans returns at once and raises nothing."""
    code = """
import time
from cluster import tracing
from cluster.settings import Settings
settings = Settings.load(otlp_endpoint="http://127.0.0.1:9/v1/traces")
tracing.configure(settings, component="test")
began = time.monotonic()
for number in range(1000):
    tracing.emit("job", tracing.Span("upload", 0.0, 1.0, f"upload/{number}"))
print(time.monotonic() - began < 5)
"""
    ran = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT, timeout=120
    )
    assert ran.stdout.strip() == "True"
