"""Evaluators that die: what they were doing is done by another, and gives the same bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from harness import EVALUATOR, variant

from cluster.records import JobState

if TYPE_CHECKING:
    from fault_records import FaultRecord
    from harness import FaultService

REDONE_SECONDS = 60.0
"""A lease of 2 s, an attempt of some seconds, on a machine that is busy with other things."""


@pytest.mark.quick_faults
@pytest.mark.promise("P1", "P2")
def test_a_killed_evaluator_costs_one_attempt(
    victim: FaultService, record: FaultRecord, sample_plans: tuple[bytes, ...]
) -> None:
    """Kill -9 in the middle of a document: another evaluator redoes it with the same bytes as attempt 2."""
    job_id = victim.submit([variant(sample_plans[0], number=1)])
    running = victim.at_work(job_id)
    killed = victim.kill(EVALUATOR, replica_id=running.worker_id)
    job = victim.ended(job_id)
    document = victim.document(job_id)
    assert job.state is JobState.COMPLETED
    assert document.attempt == 2
    assert document.worker_id != running.worker_id
    assert document.finished_at
    assert running.started_at
    record.recovered(
        "document redone", seconds=document.finished_at - running.started_at, bound_seconds=REDONE_SECONDS
    )
    seconds = victim.back(EVALUATOR, count=victim.settings.evaluators_min, without=killed)
    record.recovered("evaluator back", seconds=seconds, bound_seconds=60)
