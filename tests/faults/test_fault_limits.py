"""Limits and recycling: each is a setting, and each is felt by real processes."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest
from fault_pdfs import fault_plan
from harness import EVALUATOR, until, variant

from actors.evaluator import extraction_limits
from cluster.records import DocumentState, JobState
from cluster.settings import Settings
from pipeline.errors import PipelineError
from pipeline.extraction import ExtractionWorker

if TYPE_CHECKING:
    from fault_records import FaultRecord
    from harness import FaultService


@pytest.mark.quick_faults
def test_the_settings_limit_the_reader(sample_plans: tuple[bytes, ...]) -> None:
    """Seconds and memory for reading, and documents per child, are what the settings say."""
    settings = Settings.load(extraction_seconds=2, extraction_memory_bytes=400 * 2**20, child_documents=2)
    limits = extraction_limits(settings)
    with ExtractionWorker(limits=limits, fault_documents=True) as worker:
        assert worker.sandbox_report()["memory_bytes"] == str(400 * 2**20)
        for number in range(5):
            worker.extract(variant(sample_plans[0], number=number))
        assert worker.restarts == 2
        for fault, code in (("hang", "timeout"), ("oom", "memory")):
            with pytest.raises(PipelineError) as raised:
                worker.extract(fault_plan(sample_plans[0], fault=fault))
            assert raised.value.kind.code == code


def test_the_defaults_are_those_of_the_design() -> None:
    """540 s soft, 600 s hard, a new reader every 100 documents."""
    settings = Settings.load()
    assert (settings.soft_limit_seconds, settings.hard_limit_seconds) == (540, 600)
    assert (settings.child_documents, settings.max_attempts) == (100, 4)
    assert settings.watchdog_seconds < settings.lease_seconds


@pytest.mark.promise("P3", "P4")
def test_the_soft_limit_ends_a_document(
    victim: FaultService, record: FaultRecord, sample_plans: tuple[bytes, ...]
) -> None:
    """A step that lasts beyond the soft limit: ``timeout``, final at once; the evaluator lives on."""
    before = victim.pids(EVALUATOR)
    seconds = victim.settings.soft_limit_seconds + 1
    began = time.monotonic()
    job_id = victim.submit([fault_plan(sample_plans[0], fault=f"evaluator-wait:embedding:{seconds}")])
    victim.ended(job_id)
    record.recovered("ended", seconds=time.monotonic() - began, bound_seconds=90)
    document = victim.document(job_id)
    assert (document.state, document.code, document.attempt) == (DocumentState.FAILED, "timeout", 1)
    assert before.items() <= victim.pids(EVALUATOR).items()


@pytest.mark.promise("P3", "P4", "P6")
def test_the_hard_limit_ends_the_evaluator_that_does_not_stop(
    victim: FaultService, record: FaultRecord, sample_plans: tuple[bytes, ...]
) -> None:
    """A step that never ends: ``timeout``, final at once; the process that cannot be stopped is replaced."""
    began = time.monotonic()
    job_id = victim.submit([fault_plan(sample_plans[0], fault="evaluator-wait:embedding:600")])
    worker = victim.at_work(job_id).worker_id
    pid = victim.pid(EVALUATOR, replica_id=worker)
    victim.ended(job_id)
    document = victim.document(job_id)
    assert (document.state, document.code, document.attempt) == (DocumentState.FAILED, "timeout", 1)
    until(lambda: worker not in victim.pids(EVALUATOR), what="the end of the stuck evaluator")
    victim.back(EVALUATOR, count=victim.settings.evaluators_min, without=pid)
    record.recovered("evaluator replaced", seconds=time.monotonic() - began, bound_seconds=150)


@pytest.mark.promise("P1", "P6")
def test_an_evaluator_that_has_grown_leaves_between_documents(
    victim: FaultService, record: FaultRecord, sample_plans: tuple[bytes, ...]
) -> None:
    """Memory beyond the setting: the evaluator ends its document, leaves, and costs no document an attempt."""
    grown = victim.settings.evaluator_growth_bytes // 2**20 + 200
    plans = [variant(sample_plans[number % len(sample_plans)], number=500 + number) for number in range(8)]
    plans.insert(2, fault_plan(sample_plans[0], fault=f"evaluator-grow:embedding:{grown}"))
    deaths = victim.totals()["leases_expired"]
    began = time.monotonic()
    job_id = victim.submit(plans)
    assert victim.ended(job_id).state is JobState.COMPLETED
    documents = victim.documents(job_id)
    assert {document.attempt for document in documents} == {1}
    until(
        lambda: documents[2].worker_id not in victim.pids(EVALUATOR), what="the end of the one that has grown"
    )
    victim.back(EVALUATOR, count=victim.settings.evaluators_min)
    record.recovered("evaluator replaced", seconds=time.monotonic() - began, bound_seconds=120)
    assert victim.totals()["leases_expired"] == deaths
