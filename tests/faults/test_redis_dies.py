"""Redis killed, torn, hung, full, emptied or robbed of its scripts, below the running service."""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING

import httpx
import pytest
from harness import DISPATCHER, until, variant
from outages import Burden, accepts, asked, assert_refuses, opened

from cluster.keys import GROUP, Keys
from cluster.records import JobState
from cluster.registry_identity import RegistryMismatchError, release
from cluster.sweeping import sweep

if TYPE_CHECKING:
    from collections.abc import Iterator

    import redis
    from fault_records import FaultRecord
    from harness import FaultService

pytestmark = pytest.mark.usefixtures("healed")

BACK_SECONDS = 60.0
"""Pauses grow to 5 s at most; then a batch goes on. The rest is for a machine with other work."""
HUNG_SECONDS = 30.0
KEYS = Keys()


@contextlib.contextmanager
def administrator(victim: FaultService) -> Iterator[redis.Redis]:
    """What no process of the service may do."""
    with contextlib.closing(victim.redis_client()) as client:
        yield client


def plans(sample_plans: tuple[bytes, ...], *, first: int, count: int) -> list[bytes]:
    """Plans of different content that no other test has sent."""
    return [
        variant(sample_plans[number % len(sample_plans)], number=first + number) for number in range(count)
    ]


@pytest.mark.quick_faults
@pytest.mark.promise("P1", "P5", "P7")
def test_a_killed_redis_costs_time_and_nothing_else(
    victim: FaultService, record: FaultRecord, sample_plans: tuple[bytes, ...]
) -> None:
    """Kill -9 in the middle of a batch: refusals meanwhile, nobody turns in circles, then all of it is done."""
    job_id = victim.submit(plans(sample_plans, first=1000, count=6))
    victim.at_work(job_id)
    with Burden(victim) as burden:
        victim.redis.kill()
        record.facts["refused_seconds"] = assert_refuses(victim)
        time.sleep(2)  # long enough for a loop without pauses to show
    victim.redis.start()
    back = until(lambda: accepts(victim), what="uploads accepted again")
    record.recovered("uploads accepted", seconds=back, bound_seconds=BACK_SECONDS)
    began = time.monotonic()
    assert victim.ended(job_id).state is JobState.COMPLETED
    record.recovered("batch done", seconds=time.monotonic() - began, bound_seconds=BACK_SECONDS)
    record.facts |= burden.facts
    burden.assert_light()


@pytest.mark.promise("P1", "P2", "P7")
def test_a_torn_last_write_loses_no_document(
    victim: FaultService, record: FaultRecord, sample_plans: tuple[bytes, ...]
) -> None:
    """With the last 10 bytes of the append-only file gone, every accepted document still ends once."""
    job_id = victim.submit(plans(sample_plans, first=1100, count=6))
    victim.at_work(job_id)
    victim.redis.kill()
    victim.redis.tear_last_write(size_bytes=10)
    victim.redis.start()
    began = time.monotonic()
    assert victim.ended(job_id).state is JobState.COMPLETED
    record.recovered("batch done", seconds=time.monotonic() - began, bound_seconds=BACK_SECONDS)


@pytest.mark.promise("P1", "P2")
def test_without_scripts_and_group_the_work_goes_on(
    victim: FaultService, record: FaultRecord, sample_plans: tuple[bytes, ...]
) -> None:
    """SCRIPT FLUSH again and again, and the consumer group destroyed: scripts and group are made again."""
    job_id = victim.submit(plans(sample_plans, first=1200, count=6))
    victim.at_work(job_id)
    flushed = 0
    with administrator(victim) as client:
        client.xgroup_destroy(KEYS.queue, GROUP)
        while not victim.job(job_id).state.final:
            client.script_flush()
            flushed += 1
            time.sleep(0.02)  # several times per script that the service runs
        until(lambda: _groups(client) == [GROUP], what="the group")
    record.facts["script_flushes"] = flushed
    assert flushed > 1
    assert victim.job(job_id).state is JobState.COMPLETED


def _groups(client: redis.Redis) -> list[str]:
    return [str(group["name"]) for group in client.xinfo_groups(KEYS.queue)]


@pytest.mark.promise("P1", "P2", "P5")
def test_a_hung_redis_is_refused_at_once_and_worked_past(
    victim: FaultService, record: FaultRecord, sample_plans: tuple[bytes, ...]
) -> None:
    """SIGSTOP for 30 s: refusals in the time of one time-out, results handed in afterwards, each once."""
    job_id = victim.submit(plans(sample_plans, first=1300, count=3))
    victim.at_work(job_id)
    totals = victim.totals()
    victim.redis.stop_signal()
    began = time.monotonic()
    waits = []
    try:
        with Burden(victim) as burden:
            while time.monotonic() - began < HUNG_SECONDS:
                waits.append(assert_refuses(victim))
                time.sleep(1)
    finally:
        victim.redis.continue_signal()
    record.facts |= {"refused_seconds_max": max(waits), **burden.facts}
    burden.assert_light()
    back = until(lambda: accepts(victim), what="uploads accepted again")
    record.recovered("uploads accepted", seconds=back, bound_seconds=BACK_SECONDS)
    began = time.monotonic()
    assert victim.ended(job_id).state is JobState.COMPLETED
    record.recovered("batch done", seconds=time.monotonic() - began, bound_seconds=BACK_SECONDS)
    assert victim.totals()["documents_succeeded"] - totals["documents_succeeded"] <= 3


@pytest.mark.promise("P1", "P5")
def test_a_full_redis_takes_nothing_new_and_ends_what_runs(
    victim: FaultService, record: FaultRecord, sample_plans: tuple[bytes, ...]
) -> None:
    """At maxmemory with noeviction uploads are 503, the batch that runs is completed, then all is as before."""
    job_id = victim.submit(plans(sample_plans, first=1400, count=4))
    with administrator(victim) as client:
        before = str(client.config_get("maxmemory")["maxmemory"])
        client.config_set("maxmemory", "1mb")
        try:
            record.facts["refused_seconds"] = _assert_full(victim)
            assert victim.ended(job_id).state is JobState.COMPLETED
            assert asked(victim, "GET", f"/status/{job_id}").status == 200
            _assert_full(victim)
        finally:
            client.config_set("maxmemory", before)
    back = until(lambda: accepts(victim), what="uploads accepted again")
    record.recovered("uploads accepted", seconds=back, bound_seconds=BACK_SECONDS)


def _assert_full(victim: FaultService) -> float:
    said = opened(victim)
    assert (said.status, said.code) == (503, "redis_unavailable")
    assert int(said.retry_after) > 0
    return said.seconds


@pytest.mark.promise("P4", "P8", "P9")
def test_a_redis_that_lost_everything_is_said_aloud(
    victim: FaultService, record: FaultRecord, sample_plans: tuple[bytes, ...]
) -> None:
    """Started empty: jobs are unknown with a clear code, nothing is accepted or swept until the operator decides."""
    # Something that the dispatcher has seen, and will miss.
    victim.ended(victim.submit(plans(sample_plans, first=1550, count=1)))
    until(lambda: _gauge(victim, "batch_throughput_per_hour") > 0, what="figures of the dispatcher")
    job_id = victim.submit(plans(sample_plans, first=1500, count=4))
    victim.at_work(job_id)
    losses = _losses(victim)
    victim.redis.kill()
    victim.redis.lose_data()
    victim.redis.start()
    victim.forget_jobs()
    until(lambda: asked(victim, "GET", f"/status/{job_id}").status == 404, what="an unknown job")
    assert asked(victim, "GET", f"/status/{job_id}").code == "job_not_found"
    assert asked(victim, "GET", f"/results/{job_id}").code == "job_not_found"
    seconds = until(lambda: _losses(victim) > losses, what="the loss counted")
    record.recovered("loss told", seconds=seconds, bound_seconds=BACK_SECONDS)
    storage = victim.storage()
    kept = storage.stored_jobs()
    assert job_id in kept
    assert _gauge(victim, "registry_mismatch") == 1
    said = opened(victim)
    assert (said.status, said.code) == (503, "not_ready")
    assert asked(victim, "GET", "/readyz").status == 503
    # A dispatcher sweeps when it begins, and every five minutes.
    killed = victim.kill(DISPATCHER)
    victim.back(DISPATCHER, without=killed)
    with pytest.raises(RegistryMismatchError):
        victim.ask(lambda store: sweep(store, storage=storage))
    assert storage.stored_jobs() == kept

    release(storage)
    until(lambda: accepts(victim), what="uploads accepted")
    killed = victim.kill(DISPATCHER)
    victim.back(DISPATCHER, without=killed)
    seconds = until(lambda: job_id not in storage.stored_jobs(), what="the files swept")
    record.recovered("files swept", seconds=seconds, bound_seconds=BACK_SECONDS)
    assert _gauge(victim, "registry_mismatch") == 0
    new = victim.submit(plans(sample_plans, first=1600, count=2))
    assert victim.ended(new).state is JobState.COMPLETED


def _losses(victim: FaultService) -> float:
    return _gauge(victim, "registry_data_losses_total")


def _gauge(victim: FaultService, name: str) -> float:
    lines = httpx.get(f"{victim.url}/metrics", timeout=60, trust_env=False).text.splitlines()
    return sum(float(line.rpartition(" ")[2]) for line in lines if line.startswith(name))
