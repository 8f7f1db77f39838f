"""The way to Redis refused, slow, cut again and again, or half closed, below the running service."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest
from harness import until, variant
from outages import Burden, accepts, assert_refuses, opened

from cluster.records import JobState

if TYPE_CHECKING:
    from fault_records import FaultRecord
    from harness import FaultService

pytestmark = pytest.mark.usefixtures("healed")

BACK_SECONDS = 60.0
AWAY_SECONDS = 6.0
"""Long enough for the pauses between two tries to have grown."""
SLOW_SECONDS = 0.5
"""Per piece and direction: an answer takes twice as long, two thirds of the time-out."""
CUT_BYTES = 3000
"""A few calls of the registry, or the half of one that sends a script."""


def batch(victim: FaultService, sample_plans: tuple[bytes, ...], *, first: int, count: int = 4) -> str:
    """A job of plans that no other test has sent, of which one is at work."""
    pdfs = [
        variant(sample_plans[number % len(sample_plans)], number=first + number) for number in range(count)
    ]
    job_id = victim.submit(pdfs)
    victim.at_work(job_id)
    return job_id


def assert_done(victim: FaultService, record: FaultRecord, job_id: str) -> None:
    """Uploads are accepted again and the batch is completed, within the bounds."""
    back = until(lambda: accepts(victim), what="uploads accepted again")
    record.recovered("uploads accepted", seconds=back, bound_seconds=BACK_SECONDS)
    began = time.monotonic()
    assert victim.ended(job_id).state is JobState.COMPLETED
    record.recovered("batch done", seconds=time.monotonic() - began, bound_seconds=BACK_SECONDS)


@pytest.mark.promise("P1", "P5")
@pytest.mark.parametrize("fault", ["refused", "half closed"])
def test_a_dead_link_is_refused_at_once_and_survived(
    victim: FaultService, record: FaultRecord, sample_plans: tuple[bytes, ...], fault: str
) -> None:
    """Nobody connects, or nobody is answered: 503 with Retry-After, growing pauses, few log lines; then all is done."""
    job_id = batch(victim, sample_plans, first=2000 if fault == "refused" else 2100)
    with Burden(victim) as burden:
        if fault == "refused":
            victim.proxy.refuse()
        else:
            victim.proxy.half_close()
        until_seconds = time.monotonic() + AWAY_SECONDS
        waits = []
        while time.monotonic() < until_seconds:
            waits.append(assert_refuses(victim))
            time.sleep(0.5)
    victim.proxy.pass_through()
    assert_done(victim, record, job_id)
    record.facts |= {"refused_seconds_max": round(max(waits), 2), **burden.facts}
    burden.assert_light()


@pytest.mark.promise("P1")
def test_a_slow_link_only_slows(
    victim: FaultService, record: FaultRecord, sample_plans: tuple[bytes, ...]
) -> None:
    """Half a second each way: calls that need one answer succeed, a batch is completed once it is fast again."""
    job_id = batch(victim, sample_plans, first=2200)
    with Burden(victim) as burden:
        victim.proxy.delay(SLOW_SECONDS)
        until_seconds = time.monotonic() + AWAY_SECONDS
        while time.monotonic() < until_seconds:
            assert opened(victim).status in {201, 503}
    victim.proxy.pass_through()
    assert_done(victim, record, job_id)
    record.facts |= burden.facts
    burden.assert_light()


@pytest.mark.promise("P1", "P2")
def test_a_link_that_breaks_again_and_again_is_survived(
    victim: FaultService, record: FaultRecord, sample_plans: tuple[bytes, ...]
) -> None:
    """Each connection is reset after 3,000 bytes, in the middle of commands and of replies: each document ends once."""
    job_id = batch(victim, sample_plans, first=2300)
    with Burden(victim) as burden:
        victim.proxy.cut_after(CUT_BYTES)
        time.sleep(AWAY_SECONDS / 2)
    victim.proxy.pass_through()
    assert_done(victim, record, job_id)
    record.facts |= burden.facts
    assert burden.cpu_share_max < 1.0, burden.facts
