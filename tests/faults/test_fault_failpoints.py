"""Processes that end between two effects: whatever the other side was told is true, and nothing is done twice."""

from __future__ import annotations

import ast
import contextlib
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING
from unittest import mock

import httpx
import pytest
import structlog
from failing_process import main
from ground import Ground, until, variant
from invariants import KEYS, check_invariants

from cluster.failpoints import EXIT_STATUS, Failpoint, reach
from cluster.lifecycle_processes import free_ports
from cluster.records import DocumentState, JobMetadata, JobState
from cluster.settings import Settings, SettingsError
from cluster.sweeping import sweep

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fault_records import FaultRecord

    from cluster.jobs import JobStore

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
FIELDS = {"municipality": "Timbiquí", "department": "Cauca", "year": "2024", "period": "2024-2027"}
PROCESS_SECONDS = 120


@pytest.fixture(scope="module")
def ground() -> Iterator[Ground]:
    """A Redis and a storage; the processes that use them are started by the tests."""
    with Ground() as prepared:
        yield prepared


@pytest.fixture(scope="module")
def healthy(ground: Ground) -> Iterator[str]:
    """The HTTP applications without a failpoint."""
    with served(ground) as url:
        yield url


@pytest.fixture
def record(ground: Ground, unchecked_record: FaultRecord) -> Iterator[FaultRecord]:
    """As for the tests of a whole service."""
    yield unchecked_record
    check_invariants(ground, unchecked_record)


def command(ground: Ground, *arguments: str, failpoint: Failpoint | None = None) -> subprocess.Popen[bytes]:
    """Start a part of the service that ends at ``failpoint``."""
    armed = ground.settings.model_copy(update={"failpoints": failpoint.value if failpoint else ""})
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("DECALOGO_")}
    # A setting that was changed in a copy is passed on as one that was chosen.
    chosen = armed.to_environment() | ({"DECALOGO_FAILPOINTS": failpoint.value} if failpoint else {})
    return subprocess.Popen(
        [sys.executable, str(HERE / "failing_process.py"), *arguments],
        env={**inherited, **chosen},
        cwd=ROOT,
        stderr=subprocess.DEVNULL,
    )


def run(ground: Ground, *arguments: str, failpoint: Failpoint | None = None) -> None:
    """Run a part of the service; in a process of its own if it is to end at ``failpoint``."""
    if failpoint is None:
        try:
            with mock.patch.dict(os.environ, ground.settings.to_environment()):
                main(*arguments)
        finally:
            # The part has chosen to log where this test writes, which is closed when the test ends.
            structlog.reset_defaults()
    else:
        assert command(ground, *arguments, failpoint=failpoint).wait(PROCESS_SECONDS) == EXIT_STATUS


@contextlib.contextmanager
def served(ground: Ground, *, failpoint: Failpoint | None = None) -> Iterator[str]:
    """The HTTP applications while they live; ends only this process."""
    port = free_ports(1)[0]
    process = command(ground, "serve", str(port), failpoint=failpoint)
    url = f"http://127.0.0.1:{port}"

    def answers() -> bool:
        assert process.poll() is None
        with contextlib.suppress(httpx.TransportError):
            return httpx.get(f"{url}/healthz", trust_env=False).status_code == httpx.codes.OK
        return False

    try:
        until(answers, what="the HTTP applications")
        yield url
        if failpoint:
            assert process.wait(PROCESS_SECONDS) == EXIT_STATUS
    finally:
        process.terminate()
        process.wait(PROCESS_SECONDS)


def post(url: str, pdf: bytes, *, key: str) -> httpx.Response:
    """Send a batch in one request."""
    files = [("files", ("plan.pdf", pdf, "application/pdf"))]
    return httpx.post(
        f"{url}/upload",
        data=FIELDS,
        files=files,
        headers={"Idempotency-Key": key},
        timeout=60,
        trust_env=False,
    )


def submit(ground: Ground, pdf: bytes) -> str:
    """A batch of one document, accepted without HTTP."""

    async def accept(store: JobStore) -> str:
        job_id = await store.create(JobMetadata())
        with ground.storage().begin_upload(job_id) as writer:
            writer.write(pdf)
            stored = writer.commit()
        await store.add_document(job_id, name="a.pdf", sha256=stored.sha256, size_bytes=stored.size_bytes)
        await store.submit(job_id)
        return job_id

    job_id = ground.ask(accept)
    ground.accepted(job_id, [pdf])
    return job_id


@pytest.mark.promise("P1")
def test_a_file_that_was_stored_and_not_accepted_is_swept(
    ground: Ground, healthy: str, record: FaultRecord, sample_plans: tuple[bytes, ...]
) -> None:
    """Kill between rename and enqueue: no 202; the repetition makes one job; what was left is swept."""
    assert record
    pdf = variant(sample_plans[0], number=1)
    before = ground.totals()["jobs_submitted"]
    with served(ground, failpoint=Failpoint.UPLOAD_STORED) as url, pytest.raises(httpx.TransportError):
        post(url, pdf, key="stored")
    (orphan,) = set(ground.storage().stored_jobs()) - set(ground.jobs)
    answer = post(healthy, pdf, key="stored")
    assert answer.status_code == httpx.codes.ACCEPTED
    job_id = answer.json()["job_id"]
    ground.accepted(job_id, [pdf])
    assert ground.totals()["jobs_submitted"] == before + 1
    with ground.redis_client() as client:
        # As after the 24 h for which an open batch is kept.
        client.delete(*(KEYS.of_job(orphan)[:4]))
    ground.ask(lambda store: sweep(store, storage=ground.storage(), temporary_seconds=0))
    assert orphan not in ground.storage().stored_jobs()
    run(ground, "evaluate")
    run(ground, "aggregate", job_id)
    assert ground.job(job_id).state is JobState.COMPLETED


@pytest.mark.promise("P1")
def test_a_batch_that_was_accepted_is_found_by_its_key(
    ground: Ground, healthy: str, record: FaultRecord, sample_plans: tuple[bytes, ...]
) -> None:
    """Kill after the acceptance and before the 202: the repetition with the same key gets the same job."""
    assert record
    pdf = variant(sample_plans[1], number=2)
    before = ground.totals()["jobs_submitted"]
    with served(ground, failpoint=Failpoint.BATCH_ACCEPTED) as url, pytest.raises(httpx.TransportError):
        post(url, pdf, key="accepted")
    assert ground.totals()["jobs_submitted"] == before + 1
    first, second = (post(healthy, pdf, key="accepted").json()["job_id"] for _ in range(2))
    assert first == second
    ground.accepted(first, [pdf])
    assert ground.totals()["jobs_submitted"] == before + 1
    run(ground, "evaluate")
    run(ground, "aggregate", first)


@pytest.mark.promise("P1", "P2")
@pytest.mark.parametrize("failpoint", [Failpoint.DOCUMENT_CLAIMED, Failpoint.ARTIFACTS_STORED])
def test_an_attempt_that_ended_before_its_result_counted_is_repeated(
    ground: Ground, record: FaultRecord, sample_plans: tuple[bytes, ...], failpoint: Failpoint
) -> None:
    """Kill after the claim, or between storage and registry: the next attempt gives the same bytes."""
    assert record
    job_id = submit(ground, variant(sample_plans[2], number=10 + list(Failpoint).index(failpoint)))
    run(ground, "evaluate", failpoint=failpoint)
    assert ground.document(job_id).state is DocumentState.RUNNING
    run(ground, "evaluate")
    assert ground.document(job_id).attempt == 2
    run(ground, "aggregate", job_id)
    assert ground.job(job_id).state is JobState.COMPLETED


@pytest.mark.quick_faults
@pytest.mark.promise("P2")
def test_a_result_that_was_taken_stays(
    ground: Ground, record: FaultRecord, sample_plans: tuple[bytes, ...]
) -> None:
    """Kill after the finish script and before its reply: the result is final, and nobody evaluates again."""
    assert record
    job_id = submit(ground, variant(sample_plans[0], number=20))
    run(ground, "evaluate", failpoint=Failpoint.RESULT_TAKEN)
    taken = ground.document(job_id)
    assert (taken.state, taken.attempt) == (DocumentState.SUCCEEDED, 1)
    assert ground.ask(lambda store: store.recover_expired(consumer="test")) == ()
    run(ground, "aggregate", job_id)
    assert ground.document(job_id) == taken


@pytest.mark.promise("P1")
def test_a_job_whose_aggregator_died_is_completed_by_the_next(
    ground: Ground, record: FaultRecord, sample_plans: tuple[bytes, ...]
) -> None:
    """Kill between the checks and the completion of a job: the next aggregator completes it once."""
    assert record
    job_id = submit(ground, variant(sample_plans[1], number=30))
    run(ground, "evaluate")
    run(ground, "aggregate", job_id, failpoint=Failpoint.SUMMARY_MADE)
    assert not ground.job(job_id).state.final
    run(ground, "aggregate", job_id)
    job = ground.job(job_id)
    assert job.state is JobState.COMPLETED
    assert job.summary is not None


@pytest.mark.quick_faults
def test_no_failpoint_does_anything_unless_it_is_armed() -> None:
    """By default none is armed; reaching any of them, or any but the one that is armed, is harmless."""
    assert Settings.model_fields["failpoints"].default == ""
    nothing = Settings.load()
    one = nothing.model_copy(update={"failpoints": Failpoint.UPLOAD_STORED.value})
    for point in Failpoint:
        reach(point, settings=nothing)
        if point is not Failpoint.UPLOAD_STORED:
            reach(point, settings=one)


@pytest.mark.quick_faults
def test_a_failpoint_that_does_not_exist_is_refused() -> None:
    """A typing mistake in the setting is an error at the start, not a test that tests nothing."""
    with pytest.raises(SettingsError, match="failpoints"):
        Settings.load(failpoints="upload-stored, no-such-point")


@pytest.mark.quick_faults
def test_failpoints_stand_only_where_the_list_says() -> None:
    """Each failpoint of the list is reached at exactly one place of the code, and nothing else ends a process."""
    reached = []
    for package in ("actors", "cluster", "pipeline", "serve_app"):
        for path in (ROOT / package).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text("utf-8"))):
                if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "reach":
                    assert isinstance(node.args[0], ast.Attribute)
                    reached.append(node.args[0].attr)
    assert sorted(reached) == sorted(point.name for point in Failpoint)
