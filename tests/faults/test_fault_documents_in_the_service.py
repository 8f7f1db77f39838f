"""Documents that misbehave inside a running service: each harms itself only."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest
from fault_pdfs import fault_plan
from harness import EVALUATOR, variant

from cluster.records import DocumentState

if TYPE_CHECKING:
    from fault_records import FaultRecord
    from harness import FaultService

DISTINCT = 15
"""So many different contents have the good documents: all are compared with undisturbed evaluations."""
IN_THE_CHILD = {
    "hang": ("timeout", 1),
    "hang-busy": ("timeout", 1),
    "hang-gil": ("timeout", 1),
    "oom": ("memory", 1),
    "segv": ("parser_crash", 2),
    "exit": ("parser_crash", 2),
    "garbage": ("child_protocol", 2),
    "too-long": ("child_protocol", 2),
}
"""Fault → code and attempts. What reaches a limit is final at once; a crash gets one more try in a fresh child."""


@pytest.mark.quick_faults
@pytest.mark.promise("P3", "P4", "P6")
def test_a_document_that_misbehaves_costs_one_child(
    victim: FaultService, record: FaultRecord, sample_plans: tuple[bytes, ...]
) -> None:
    """Hangs, crashes, bombs and rubbish end with their codes; the plans beside them succeed, no evaluator dies."""
    before = victim.pids(EVALUATOR)
    began = time.monotonic()
    pdfs = [fault_plan(sample_plans[0], fault=fault) for fault in IN_THE_CHILD]
    pdfs += [variant(plan, number=200) for plan in sample_plans]
    job_id = victim.submit([*pdfs, fault_plan(sample_plans[0], fault="slow:1")])
    victim.ended(job_id)
    record.recovered("all documents final", seconds=time.monotonic() - began, bound_seconds=120)
    documents = victim.documents(job_id)
    ends = {fault: (end.code, end.attempt) for fault, end in zip(IN_THE_CHILD, documents, strict=False)}
    assert ends == IN_THE_CHILD
    assert {end.state for end in documents[len(IN_THE_CHILD) :]} == {DocumentState.SUCCEEDED}
    assert before.items() <= victim.pids(EVALUATOR).items()


def poisoned(
    victim: FaultService, record: FaultRecord, plans: tuple[bytes, ...], *, good: int, poison: int
) -> None:
    """Send ``good`` plans among which ``poison`` end every evaluator that touches them, and check the ends."""
    letters = victim.totals()["dead_letters"]
    distinct = min(good, DISTINCT)
    pdfs = [variant(plans[0], number=1000 * good + number % distinct) for number in range(good)]
    for number in range(poison):
        bad = variant(fault_plan(plans[0], fault="evaluator-exit:embedding"), number=1000 * good + number)
        pdfs.insert((number + 1) * len(pdfs) // (poison + 1), bad)
    began = time.monotonic()
    job_id = victim.submit(pdfs)
    victim.ended(job_id, within_seconds=240)
    record.recovered("all documents final", seconds=time.monotonic() - began, bound_seconds=240)
    ends = [(document.state, document.code, document.attempt) for document in victim.documents(job_id)]
    exhausted = (DocumentState.FAILED, "attempts_exhausted", victim.settings.max_attempts)
    assert ends.count(exhausted) == poison
    assert [state for state, _, _ in ends].count(DocumentState.SUCCEEDED) == good
    assert victim.totals()["dead_letters"] == letters + poison
    # The plans beside the poison were never tried more often than it was their own evaluator that died.
    record.facts["attempts of good documents"] = sum(
        attempt for state, _, attempt in ends if state is DocumentState.SUCCEEDED
    )
    victim.back(EVALUATOR, count=victim.settings.evaluators_min)


@pytest.mark.promise("P3", "P6")
def test_a_poison_document_becomes_a_dead_letter(
    victim: FaultService, record: FaultRecord, sample_plans: tuple[bytes, ...]
) -> None:
    """A document that ends each evaluator is tried as often as allowed and no more; the others succeed."""
    poisoned(victim, record, sample_plans, good=6, poison=1)


@pytest.mark.promise("P3", "P6")
def test_three_poison_documents_among_fifty(
    victim: FaultService, record: FaultRecord, sample_plans: tuple[bytes, ...]
) -> None:
    """The same with 50 good documents and 3 poisonous ones."""
    poisoned(victim, record, sample_plans, good=50, poison=3)
