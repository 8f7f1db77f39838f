"""Clocks that are wrong or jump: durations are monotonic, and what expires, expires by the clock of Redis."""

from __future__ import annotations

import os
import shutil
import time
from datetime import datetime
from typing import TYPE_CHECKING

import httpx
import pytest
from ground import Ground, variant
from invariants import check_invariants
from service_parts import done, http_service, sent, started

from cluster.failpoints import EXIT_STATUS, Failpoint
from cluster.records import DocumentState, JobState

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fault_records import FaultRecord

pytestmark = pytest.mark.external

HOUR_SECONDS = 3600
NEAR_SECONDS = 600
"""Far below an hour, far above what the slowest machine needs."""


def clock_wrong_by(seconds: int) -> tuple[str, ...]:
    """Starts a program whose wall clock is wrong; its monotonic clock goes on as it should."""
    program = shutil.which("faketime")
    if program is None:
        (pytest.fail if os.environ.get("CI") else pytest.skip)("faketime is not installed")
    return (program, "--exclude-monotonic", "-f", f"{seconds:+d}s")


@pytest.fixture
def ground() -> Iterator[Ground]:
    """A Redis and a storage; the processes that use them are started by the tests."""
    with Ground() as prepared:
        yield prepared


@pytest.mark.promise("P1", "P8")
@pytest.mark.parametrize("wrong_by", [HOUR_SECONDS, -HOUR_SECONDS], ids=["fast", "slow"])
def test_processes_whose_clock_is_wrong_do_their_work(
    ground: Ground, unchecked_record: FaultRecord, sample_plans: tuple[bytes, ...], wrong_by: int
) -> None:
    """An hour fast or slow: times shown are those of Redis, durations are true, nothing ends early or late."""
    prefix = clock_wrong_by(wrong_by)
    with http_service(ground, prefix=prefix) as client:
        answer = sent(client, sample_plans[0])
        assert answer.status_code == httpx.codes.ACCEPTED
        job_id = answer.json()["job_id"]
        ground.accepted(job_id, sample_plans[:1])
        accepted_at = datetime.fromisoformat(answer.json()["submission_time"]).timestamp()
        assert abs(accepted_at - time.time()) < NEAR_SECONDS
        # A document that is being worked on, by a process that has died.
        dead = started(
            ground,
            "evaluate",
            prefix=prefix,
            chosen={"DECALOGO_FAILPOINTS": Failpoint.ARTIFACTS_STORED.value},
        )
        assert dead.wait(120) == EXIT_STATUS
        (running,) = client.get(f"/status/{job_id}").json()["documents"]
        assert 0 <= running["seconds"] < NEAR_SECONDS
        done(ground, "evaluate", prefix=prefix)
        done(ground, "aggregate", job_id, prefix=prefix)
        job = ground.job(job_id)
        assert job.state is JobState.COMPLETED
        assert job.expires_at
        assert job.finished_at
        assert job.expires_at - job.finished_at == pytest.approx(ground.settings.ttl_seconds, abs=1)
        document = ground.document(job_id)
        assert document.summary
        assert 0 < document.summary.seconds < NEAR_SECONDS
        assert client.get(f"/results/{job_id}").status_code == httpx.codes.OK
    check_invariants(ground, unchecked_record)


@pytest.mark.promise("P1", "P2")
def test_a_registry_whose_clock_jumps_ahead_loses_nothing(
    ground: Ground, unchecked_record: FaultRecord, sample_plans: tuple[bytes, ...]
) -> None:
    """Redis an hour ahead from one moment to the next: what was accepted lives, what was begun is redone."""
    pdfs = [variant(sample_plans[0], number=number) for number in range(2)]
    job_ids = []
    with http_service(ground) as client:
        for pdf in pdfs:
            job_ids.append(sent(client, pdf).json()["job_id"])
            ground.accepted(job_ids[-1], [pdf])
    dead = started(ground, "evaluate", chosen={"DECALOGO_FAILPOINTS": Failpoint.DOCUMENT_CLAIMED.value})
    assert dead.wait(120) == EXIT_STATUS
    ground.redis.kill()
    ground.redis.prefix = clock_wrong_by(HOUR_SECONDS)
    ground.redis.start()
    assert {ground.job(job_id).state.final for job_id in job_ids} == {False}
    for _ in pdfs:
        done(ground, "evaluate")
    for job_id in job_ids:
        done(ground, "aggregate", job_id)
        assert ground.document(job_id).state is DocumentState.SUCCEEDED
        assert ground.job(job_id).state is JobState.COMPLETED
    check_invariants(ground, unchecked_record)
