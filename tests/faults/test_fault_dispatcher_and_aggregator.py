"""The dispatcher and the aggregator own nothing: they die, come back, and nothing is lost meanwhile."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest
from fault_pdfs import fault_plan
from harness import AGGREGATOR, DISPATCHER, until, variant

from cluster import lifecycle
from cluster.lifecycle_ray import ray_token
from cluster.lifecycle_serve import ServeClient, effective_config
from cluster.records import JobState

if TYPE_CHECKING:
    from fault_records import FaultRecord
    from harness import FaultService

BACK_SECONDS = 60.0


@pytest.mark.quick_faults
@pytest.mark.promise("P1")
def test_a_killed_dispatcher_loses_nothing(
    victim: FaultService, record: FaultRecord, sample_plans: tuple[bytes, ...]
) -> None:
    """Kill -9 with entries in its hands: what runs ends as attempt 1, what waited is given out again at once."""
    plans = [fault_plan(sample_plans[0], fault="evaluator-wait:embedding:1")]
    job_id = victim.submit([variant(plans[0], number=300 + number) for number in range(8)])
    victim.at_work(job_id, node="embedding")
    began = time.monotonic()
    killed = victim.kill(DISPATCHER)
    victim.back(DISPATCHER, without=killed)
    record.recovered("dispatcher back", seconds=time.monotonic() - began, bound_seconds=BACK_SECONDS)
    assert victim.ended(job_id).state is JobState.COMPLETED
    assert {document.attempt for document in victim.documents(job_id)} == {1}
    again = time.monotonic()
    after = victim.submit([variant(sample_plans[1], number=310)])
    assert victim.ended(after).state is JobState.COMPLETED
    record.recovered("next batch", seconds=time.monotonic() - again, bound_seconds=BACK_SECONDS)


@pytest.mark.promise("P1")
def test_a_killed_aggregator_loses_nothing(
    victim: FaultService, record: FaultRecord, sample_plans: tuple[bytes, ...]
) -> None:
    """Kill -9 while it checks a batch: another one completes the job, with its report."""
    slow = fault_plan(sample_plans[0], fault="slow:2")
    job_id = victim.submit([variant(slow, number=320), variant(slow, number=321)])

    def checking() -> bool:
        # The smaller document is being evaluated a second time.
        return all(document.state.final for document in victim.documents(job_id))

    until(checking, what="the end of the documents")
    began = time.monotonic()
    killed = victim.kill(AGGREGATOR)
    job = victim.ended(job_id)
    record.recovered("job completed", seconds=time.monotonic() - began, bound_seconds=BACK_SECONDS)
    assert job.state is JobState.COMPLETED
    assert job.summary is not None
    victim.back(AGGREGATOR, without=killed)


@pytest.mark.promise("P1", "P2")
def test_a_deployment_under_load_loses_nothing(
    victim: FaultService, record: FaultRecord, sample_plans: tuple[bytes, ...]
) -> None:
    """All evaluators are replaced by new ones while documents run: each document is evaluated once."""
    slow = fault_plan(sample_plans[0], fault="evaluator-wait:embedding:1")
    before = set(victim.pids("Evaluator").values())
    job_id = victim.submit([variant(slow, number=330 + number) for number in range(10)])
    victim.at_work(job_id)
    service = victim.running
    config = effective_config(victim.settings.model_copy(update={"http_port": service.http_port}))
    for application in config["applications"]:
        for deployment in application.get("deployments", []):
            if deployment["name"] == "Evaluator":
                deployment["ray_actor_options"] = {"num_cpus": 0.14}
    client = ServeClient(dashboard_port=service.dashboard_port, token=ray_token(victim.settings))
    began = time.monotonic()
    client.deploy(config)
    client.close()
    assert victim.ended(job_id).state is JobState.COMPLETED
    assert {document.attempt for document in victim.documents(job_id)} == {1}
    until(
        lambda: (
            not before & set(victim.pids("Evaluator").values())
            and len(victim.pids("Evaluator")) >= victim.settings.evaluators_min
        ),
        what="the new evaluators",
    )
    record.recovered("evaluators replaced", seconds=time.monotonic() - began, bound_seconds=120)
    assert lifecycle.status(victim.settings)
