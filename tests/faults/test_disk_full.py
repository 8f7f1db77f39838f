"""Disks that are full, of uploads and of Redis: refused before anything is promised, and well again by itself."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import httpx
import pytest
from ground import Ground, until, variant
from harness import FIELDS
from invariants import check_invariants
from redis_server import RedisServer
from service_parts import done, http_service, sent
from small_disk import SmallDisk

from benchmarks.stored_files import stored_uploads
from cluster.records import JobState

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from fault_records import FaultRecord

DISK_BYTES = 24 * 2**20
REDIS_DISK_BYTES = 8 * 2**20
FLOOR_BYTES = 4 * 2**20
BACK_SECONDS = 60.0


@pytest.fixture
def disk() -> Iterator[SmallDisk]:
    """Where uploads and artifacts are."""
    with SmallDisk(size_bytes=DISK_BYTES) as small:
        yield small


@pytest.fixture(
    params=[
        pytest.param(0, id="to the last byte", marks=pytest.mark.quick_faults),
        pytest.param(FLOOR_BYTES, id="to the floor"),
    ]
)
def ground(request: pytest.FixtureRequest, disk: SmallDisk) -> Iterator[Ground]:
    """A Redis on a large disk and a storage on the small one, with and without a floor."""
    floor = request.param
    with Ground(
        storage_url=f"file://{disk.path}/storage", storage_floor_bytes=floor, min_free_disk_bytes=floor
    ) as prepared:
        yield prepared


def files(storage: Path) -> list[Path]:
    """All uploads and what was to become one."""
    return sorted(stored_uploads(storage))


@pytest.mark.promise("P1", "P5")
def test_uploads_to_a_full_disk_are_refused_and_leave_nothing(
    ground: Ground, disk: SmallDisk, unchecked_record: FaultRecord, sample_plans: tuple[bytes, ...]
) -> None:
    """507 or 503 before anything is accepted, no partial file; with space again the same batch goes its way."""
    plan = sample_plans[0]
    with http_service(ground) as client:
        before = sent(client, variant(plan, number=1))
        assert before.status_code == httpx.codes.ACCEPTED
        ground.accepted(before.json()["job_id"], [variant(plan, number=1)])
        stored = files(disk.path / "storage")
        opened = client.post("/upload/jobs", json=FIELDS).json()["job_id"]
        disk.fill(leave_bytes=len(plan) // 2)
        refusals = [sent(client, variant(plan, number=2)) for _ in range(3)]
        refusals.append(client.put(f"/upload/jobs/{opened}/files/a.pdf", content=plan))
        for refused in refusals:
            assert refused.status_code in {503, 507}, refused.text
            assert refused.json()["code"] == "storage_full"
        assert files(disk.path / "storage") == stored
        assert client.get(f"/status/{before.json()['job_id']}").status_code == httpx.codes.OK
        assert ground.totals()["jobs_submitted"] == 1
        disk.empty()
        began = time.monotonic()
        after = sent(client, variant(plan, number=2))
        assert after.status_code == httpx.codes.ACCEPTED
        unchecked_record.recovered("uploads accepted", seconds=time.monotonic() - began, bound_seconds=10)
        ground.accepted(after.json()["job_id"], [variant(plan, number=2)])
    for _ in range(2):
        done(ground, "evaluate")
    for job_id in ground.jobs:
        done(ground, "aggregate", job_id)
        assert ground.job(job_id).state is JobState.COMPLETED
    check_invariants(ground, unchecked_record)


@pytest.mark.promise("P1", "P5", "P7")
@pytest.mark.parametrize("policy", ["always", "everysec"])
def test_a_registry_that_cannot_write_accepts_nothing(
    unchecked_record: FaultRecord, sample_plans: tuple[bytes, ...], policy: str
) -> None:
    """The disk of the append-only file is full: 503, never 202; what had been accepted is all there afterwards.

    With fsync at every write the server ends itself and must be started again (by systemd, or `up
    --foreground`); with fsync every second it refuses to write until there is space.
    """
    with SmallDisk(size_bytes=REDIS_DISK_BYTES) as disk, Ground() as ground:
        ground.redis.kill()
        ground.redis = RedisServer(
            disk.path / "redis",
            port=ground.redis.port,
            password=ground.redis.password,
            options={"appendfsync": policy},
        )
        ground.redis.start()
        with http_service(ground) as client:
            number = 0

            def send() -> int:
                nonlocal number
                number += 1
                plan = variant(sample_plans[0], number=number)
                answer = sent(client, plan)
                if answer.status_code == httpx.codes.ACCEPTED:
                    ground.accepted(answer.json()["job_id"], [plan])
                else:
                    assert (answer.status_code, answer.json()["code"]) == (503, "redis_unavailable")
                    assert int(answer.headers["Retry-After"]) > 0
                return answer.status_code

            assert send() == httpx.codes.ACCEPTED
            disk.fill()
            until(lambda: send() == httpx.codes.SERVICE_UNAVAILABLE, what="a refusal", within_seconds=60)
            for _ in range(3):
                assert send() == httpx.codes.SERVICE_UNAVAILABLE
            unchecked_record.facts["server_ended_itself"] = not ground.redis.runs
            disk.empty()
            ground.redis.start()
            seconds = until(lambda: send() == httpx.codes.ACCEPTED, what="uploads accepted again")
            unchecked_record.recovered("uploads accepted", seconds=seconds, bound_seconds=BACK_SECONDS)
        for job_id in ground.jobs:
            assert ground.job(job_id).state is JobState.QUEUED
            done(ground, "evaluate")
        for job_id in ground.jobs:
            done(ground, "aggregate", job_id)
        check_invariants(ground, unchecked_record)
