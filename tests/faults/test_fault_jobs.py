"""What senders do at the wrong moment: cancel at every stage, send twice at once, download what expires."""

from __future__ import annotations

import io
import time
import zipfile
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import httpx
import pytest
from fault_pdfs import fault_plan
from harness import FIELDS, variant
from invariants import KEYS

from actors.bench import WRITING
from cluster.records import DocumentState, JobState
from cluster.sweeping import sweep
from pipeline.flow import NODES, STEPS_AFTER_NODES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fault_records import FaultRecord
    from harness import FaultService

STAGES = ("extraction", *(node.name for node in NODES), *STEPS_AFTER_NODES, WRITING)
CANCELLED_SECONDS = 30.0


def cancel_at(victim: FaultService, record: FaultRecord, plan: bytes, *, stage: str, number: int) -> None:
    """Cancel a batch whose document stands at ``stage``, and check how it ends."""
    pdf = variant(fault_plan(plan, fault=f"evaluator-wait:{stage}:1"), number=number)
    job_id = victim.submit([pdf])
    victim.at_work(job_id, node=stage)
    began = time.monotonic()
    with victim.client() as client:
        client.cancel(job_id)
    assert victim.ended(job_id).state is JobState.CANCELLED
    record.recovered(
        f"cancelled at {stage}", seconds=time.monotonic() - began, bound_seconds=CANCELLED_SECONDS
    )
    assert victim.document(job_id).state is DocumentState.CANCELLED


@pytest.mark.promise("P1")
def test_a_batch_is_cancelled_before_and_after_its_result_is_made(
    victim: FaultService, record: FaultRecord, sample_plans: tuple[bytes, ...]
) -> None:
    """Cancelled while it is read, and when only the result is missing: cancelled once, not resurrected."""
    for number, stage in enumerate(("extraction", WRITING)):
        cancel_at(victim, record, sample_plans[0], stage=stage, number=400 + number)


@pytest.mark.promise("P1")
def test_a_batch_is_cancelled_at_every_stage(
    victim: FaultService, record: FaultRecord, sample_plans: tuple[bytes, ...]
) -> None:
    """The same at each of the eleven nodes and the steps around them."""
    for number, stage in enumerate(STAGES):
        cancel_at(victim, record, sample_plans[1], stage=stage, number=410 + number)


@pytest.mark.promise("P6")
def test_cancelling_ends_a_reader_that_hangs(
    victim: FaultService, record: FaultRecord, sample_plans: tuple[bytes, ...]
) -> None:
    """The child that reads a hanging document is killed with the cancellation, before its own limit."""
    job_id = victim.submit([fault_plan(sample_plans[0], fault="hang-gil")])
    victim.at_work(job_id, node="extraction")
    began = time.monotonic()
    with victim.client() as client:
        client.cancel(job_id)
    assert victim.ended(job_id).state is JobState.CANCELLED
    record.recovered("cancelled", seconds=time.monotonic() - began, bound_seconds=CANCELLED_SECONDS)


@pytest.mark.quick_faults
@pytest.mark.promise("P1", "P2")
def test_twenty_equal_requests_at_once_make_one_job(
    victim: FaultService, record: FaultRecord, sample_plans: tuple[bytes, ...]
) -> None:
    """Twenty parallel posts with one Idempotency-Key: the same job for all that are taken, and one submission."""
    assert record
    pdf = variant(sample_plans[2], number=440)
    before = victim.totals()["jobs_submitted"]

    def post(_number: int) -> httpx.Response:
        files = [("files", ("plan.pdf", pdf, "application/pdf"))]
        data = {name: str(value) for name, value in FIELDS.items()}
        headers = {"Idempotency-Key": "twenty"}
        url = f"{victim.url}/upload"
        return httpx.post(url, data=data, files=files, headers=headers, timeout=120, trust_env=False)

    with ThreadPoolExecutor(20) as threads:
        answers = list(threads.map(post, range(20)))
    statuses = {answer.status_code for answer in answers}
    # The limit of simultaneous uploads refuses some, and says when to come again.
    assert statuses <= {httpx.codes.ACCEPTED, httpx.codes.TOO_MANY_REQUESTS}
    assert all("Retry-After" in answer.headers for answer in answers if answer.status_code == 429)
    (job_id,) = {answer.json()["job_id"] for answer in answers if answer.status_code == 202}
    assert post(0).json()["job_id"] == job_id
    victim.accepted(job_id, [pdf])
    assert victim.totals()["jobs_submitted"] == before + 1


@pytest.mark.promise("P8")
def test_a_download_that_outlives_its_job_is_whole_or_fails_cleanly(
    victim: FaultService, record: FaultRecord, sample_plans: tuple[bytes, ...]
) -> None:
    """The job expires and is swept while its archive is read slowly: a whole archive, or an error; never a torso."""
    assert record
    job_id = victim.submit([variant(plan, number=450) for plan in sample_plans])
    assert victim.ended(job_id).state is JobState.COMPLETED
    expected = victim.ask(lambda store: store.documents(job_id))
    url = f"{victim.url}/results/{job_id}"
    with httpx.stream("GET", url, params={"format": "zip"}, timeout=120, trust_env=False) as answer:
        chunks = answer.iter_raw(4096)
        content = next(chunks)
        expire(victim, job_id)
        content += b"".join(slowly(chunks))
    assert answer.status_code == httpx.codes.OK
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert archive.testzip() is None
        names = archive.namelist()
    assert sum(name.endswith("evaluation_results.json") for name in names) == len(expected)
    gone = httpx.get(url, timeout=60, trust_env=False)
    assert (gone.status_code, gone.json()["code"]) == (httpx.codes.GONE, "job_expired")
    assert job_id not in victim.storage().stored_jobs()


def expire(victim: FaultService, job_id: str) -> None:
    """Let the job expire now, and sweep as the dispatcher does every few minutes."""
    victim.jobs.remove(job_id)
    with victim.redis_client() as client:
        client.delete(*KEYS.of_job(job_id)[:4])
    victim.ask(lambda store: sweep(store, storage=victim.storage()))


def slowly(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """A reader that is slower than the sweep."""
    for chunk in chunks:
        time.sleep(0.001)
        yield chunk
