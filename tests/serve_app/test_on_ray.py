"""The same contract through Serve's proxy and replicas, with evaluators that evaluate."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import httpx
import psutil
import pytest
from http_steps import FIELDS, pdf, refused, until, upload
from prometheus_client.parser import text_string_to_metric_families

from benchmarks.stored_files import stored_uploads
from cluster import lifecycle
from serve_app.client import BatchClient

if TYPE_CHECKING:
    from collections.abc import Iterator

    from conftest import Service

MIB = 2**20

pytestmark = pytest.mark.service


@pytest.fixture
def proxied(service: Service) -> Iterator[httpx.Client]:
    """A client of the real service."""
    with httpx.Client(base_url=service.url, timeout=60, trust_env=False) as client:
        yield client


def test_a_batch_is_evaluated_and_a_bad_file_fails_alone(
    proxied: httpx.Client, service: Service, sample_plans: tuple[bytes, ...]
) -> None:
    """Events come through the proxy until the end; good documents have 300 answers, the bad one its code."""
    answer = upload(proxied, ("plan.pdf", sample_plans[0]), ("carta.pdf", b"hola"))
    job_id = answer.json()["job_id"]

    with BatchClient(service.url) as client:
        events = list(client.events(job_id))
        results = client.results(job_id)

    assert events[-1].data == {"state": "failed"}
    assert {event.kind for event in events} >= {"job", "document"}
    evaluated, refused_one = results["results"]
    assert len(evaluated["evaluation"]["answers"]) == 300
    assert refused_one["evaluation"] is None
    assert refused_one["error_code"] == "upload_not_pdf"
    assert results["summary"]
    assert [document["error_code"] for document in results["job"]["documents"]] == [None, "upload_not_pdf"]


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("/nada", "not_found"),
        ("/upload/nada", "not_found"),
        ("/status/nada", "job_not_found"),
        ("/status/nada/events", "job_not_found"),
        ("/results/nada", "job_not_found"),
    ],
)
def test_every_application_answers_errors_as_problems(proxied: httpx.Client, path: str, code: str) -> None:
    """Neither the proxy nor Serve puts a page of its own before the applications'."""
    refused(proxied.get(path), status=404, code=code)


def test_metrics_of_the_nodes_are_federated(proxied: httpx.Client) -> None:
    """What evaluators report appears on the page, without Ray's prefix, and evaluators make the service ready."""

    def families() -> set[str]:
        return {family.name for family in text_string_to_metric_families(proxied.get("/metrics").text)}

    # Ray exports some seconds late.
    until(lambda: "worker_utilization" in families(), "Ray's metrics do not appear")
    assert "documents_processed" in families()
    assert proxied.get("/readyz").json()["evaluators"] >= 1


def test_what_operators_ask_first_is_on_the_page(proxied: httpx.Client) -> None:
    """Evaluators and their memory and processor time, free space, Redis, bytes received, refusals by code."""
    refused(proxied.post("/upload", data=FIELDS), status=415, code="unsupported_media_type")

    def samples() -> dict[tuple[str, str], float]:
        page = proxied.get("/metrics").text
        return {
            (sample.name, sample.labels.get("code") or sample.labels.get("worker_id") or ""): sample.value
            for family in text_string_to_metric_families(page)
            for sample in family.samples
        }

    until(
        lambda: samples().get(("uploads_refused_total", "unsupported_media_type"), 0) >= 1,
        "the refusal is not counted",
    )
    until(lambda: samples().get(("evaluator_cpu_seconds_total", ""), 0) > 0, "no processor time is counted")
    seen = samples()
    assert seen["evaluators_alive", ""] >= 1
    # Which numbers evaluators have depends on those that died before.
    assert max(value for (name, _), value in seen.items() if name == "evaluator_memory_bytes") > 50 * MIB
    assert seen["storage_free_bytes", ""] > 0
    assert seen["redis_up", ""] == 1
    assert seen["upload_bytes_total", ""] > 0


def test_a_large_request_does_not_fill_the_replica(proxied: httpx.Client, service: Service) -> None:
    """160 MB in one request pass through the upload replica without staying in its memory."""
    (replica,) = (found for found in lifecycle.replicas(service.settings) if found.application == "upload")
    process = psutil.Process(replica.pid)
    before = most = process.memory_info().rss
    ended = threading.Event()

    def watch() -> None:
        nonlocal most
        while not ended.wait(0.02):
            most = max(most, process.memory_info().rss)

    watching = threading.Thread(target=watch)
    watching.start()
    files = [("files", (f"{number}.pdf", pdf(40 * MIB, mark=str(number)))) for number in range(4)]
    try:
        answer = proxied.post("/upload", data=FIELDS, files=files)
    finally:
        ended.set()
        watching.join()

    assert answer.status_code == 202, answer.text
    proxied.delete(f"/results/{answer.json()['job_id']}")
    assert most - before < 60 * MIB


def test_a_sender_that_leaves_midway_leaves_nothing(proxied: httpx.Client, service: Service) -> None:
    """The cut reaches the replica through the proxy: no job, no file."""
    jobs = [job["job_id"] for job in proxied.get("/status").json()["jobs"]]
    storage = service.settings.data_dir / "storage"
    before = stored_uploads(storage)

    files_of_request = [("files", ("a.pdf", pdf(8 * MIB)))]
    request = proxied.build_request("POST", "/upload", data=FIELDS, files=files_of_request)
    body = request.read()

    def cut() -> Iterator[bytes]:
        yield body[: 6 * MIB]
        until(lambda: stored_uploads(storage) - before, "nothing was written yet")
        raise InterruptedError

    with pytest.raises(InterruptedError):
        proxied.post("/upload", content=cut(), headers=dict(request.headers))

    until(lambda: stored_uploads(storage) == before, "something stayed behind")
    assert [job["job_id"] for job in proxied.get("/status").json()["jobs"]] == jobs
