"""Evaluators that die, leave or are paused: another does their work, and what they still say does not count."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from typing import TYPE_CHECKING

import psutil
import pytest
from fault_pdfs import fault_plan
from harness import DISPATCHER, EVALUATOR, until, variant

from cluster.jobs import JobStore
from cluster.keys import GROUP, Keys
from cluster.records import Claim, DocumentState, DocumentSummary, JobState, RefusalReason

if TYPE_CHECKING:
    from fault_records import FaultRecord
    from harness import FaultService

    from cluster.records import DocumentRecord, Finish

KEYS = Keys()
REDONE_SECONDS = 60.0
"""A lease of 2 s and an attempt of some seconds, on a machine that is busy with other things."""
BACK_SECONDS = 90.0


def redone(victim: FaultService, job_id: str, *, first: DocumentRecord) -> DocumentRecord:
    """The document at its end, evaluated by somebody else than ``first`` says."""
    assert victim.ended(job_id).state is JobState.COMPLETED
    document = victim.document(job_id)
    assert document.worker_id != first.worker_id
    return document


@pytest.mark.quick_faults
@pytest.mark.promise("P1", "P2")
def test_a_killed_evaluator_costs_one_attempt(
    victim: FaultService, record: FaultRecord, sample_plans: tuple[bytes, ...]
) -> None:
    """Kill -9 in the middle of a document: another evaluator redoes it, same bytes, attempt 2; a new one comes."""
    count = len(victim.pids(EVALUATOR))
    job_id = victim.submit([fault_plan(sample_plans[0], fault="evaluator-wait:embedding:2")])
    running = victim.at_work(job_id, node="embedding")
    began = time.monotonic()
    killed = victim.kill(EVALUATOR, replica_id=running.worker_id)
    document = redone(victim, job_id, first=running)
    record.recovered("document redone", seconds=time.monotonic() - began, bound_seconds=REDONE_SECONDS)
    assert document.attempt == 2
    victim.back(EVALUATOR, count=count, without=killed)
    record.recovered("evaluator back", seconds=time.monotonic() - began, bound_seconds=BACK_SECONDS)
    # Warm: it evaluates as the others do.
    assert victim.ended(victim.submit([variant(sample_plans[0], number=100)])).state is JobState.COMPLETED


@pytest.mark.promise("P1")
def test_an_evaluator_that_is_told_to_leave_wastes_no_attempt(
    victim: FaultService, record: FaultRecord, sample_plans: tuple[bytes, ...]
) -> None:
    """SIGTERM in the middle of a document: it is finished or given back, counted once, and the process goes."""
    job_id = victim.submit([fault_plan(sample_plans[1], fault="evaluator-wait:embedding:2")])
    running = victim.at_work(job_id, node="embedding")
    began = time.monotonic()
    pid = victim.signal(EVALUATOR, signal.SIGTERM, replica_id=running.worker_id)
    assert victim.ended(job_id).state is JobState.COMPLETED
    record.recovered("document ended", seconds=time.monotonic() - began, bound_seconds=REDONE_SECONDS)
    document = victim.document(job_id)
    record.facts["finished by the one that left"] = document.worker_id == running.worker_id
    until(lambda: not psutil.pid_exists(pid), what="the end of the evaluator", within_seconds=30)
    with victim.redis_client() as client:
        returned = client.hget(KEYS.documents(job_id), "d0001.returned")
    assert document.attempt - int(returned or 0) == 1
    victim.back(EVALUATOR, count=victim.settings.evaluators_min, without=pid)


@pytest.mark.promise("P2")
def test_a_paused_evaluator_that_wakes_up_writes_nothing(
    victim: FaultService, record: FaultRecord, sample_plans: tuple[bytes, ...]
) -> None:
    """SIGSTOP past the lease, then SIGCONT: what it was doing no longer counts, the next attempt's result does."""
    job_id = victim.submit([fault_plan(sample_plans[2], fault="evaluator-wait:writing:1.5")])
    running = victim.at_work(job_id, node="writing")
    pid = victim.signal(EVALUATOR, signal.SIGSTOP, replica_id=running.worker_id)
    began = time.monotonic()
    try:
        # What comes next may be given to the very one that is paused.
        until(
            lambda: _deliveries(victim) > 1 or victim.document(job_id).attempt > 1, what="a second delivery"
        )
        claimed = victim.document(job_id).attempt > 1
    finally:
        os.kill(pid, signal.SIGCONT)
    assert victim.ended(job_id).state is JobState.COMPLETED
    record.recovered("document redone", seconds=time.monotonic() - began, bound_seconds=REDONE_SECONDS)
    document = victim.document(job_id)
    # Given to the very one that slept, the document is its own again if it renews its lease before it claims anew.
    assert document.attempt == 2 or not claimed
    again = victim.submit([variant(sample_plans[2], number=number) for number in range(110, 113)])
    assert victim.ended(again).state is JobState.COMPLETED
    assert victim.document(job_id) == document


def _deliveries(victim: FaultService) -> int:
    with victim.redis_client() as client:
        rows = client.xpending_range(KEYS.queue, GROUP, min="-", max="+", count=10)
    return max((int(row["times_delivered"]) for row in rows), default=0)


@pytest.mark.promise("P2")
def test_a_late_duplicate_is_compared_and_counted(
    victim: FaultService, record: FaultRecord, sample_plans: tuple[bytes, ...]
) -> None:
    """An evaluator (this test) that loses its lease while working hands in last: refused, compared, counted."""
    dispatcher = victim.signal(DISPATCHER, signal.SIGSTOP)
    try:
        # What it has asked for already would still be given to it.
        with victim.redis_client() as client:
            until(lambda: client.info("clients")["blocked_clients"] == 0, what="the end of its last read")
        pdf = variant(sample_plans[0], number=120)
        job_id = victim.submit([pdf])
        claim = victim.ask(lambda store: _claim_of(store, job_id))
    finally:
        os.kill(dispatcher, signal.SIGCONT)
    began = time.monotonic()
    assert victim.ended(job_id).state is JobState.COMPLETED
    record.recovered("document redone", seconds=time.monotonic() - began, bound_seconds=REDONE_SECONDS)
    before = victim.totals()["duplicates_equal"]
    summary = DocumentSummary(victim.golden.result_hash(pdf, options=claim.metadata.options))
    late: Finish = victim.ask(lambda store: store.finish(claim, summary=summary))
    assert (late.applied, late.reason) == (False, RefusalReason.DUPLICATE)
    assert victim.totals()["duplicates_equal"] == before + 1
    assert victim.document(job_id).attempt == 2


async def _claim_of(store: JobStore, job_id: str) -> Claim:
    async with asyncio.timeout(30):
        while True:
            for entry in await store.next_entries(consumer="slow", count=1, block_ms=200):
                claim = await store.claim(entry, worker_id="slow")
                assert isinstance(claim, Claim)
                assert claim.job_id == job_id
                return claim


@pytest.mark.promise("P6")
def test_a_hang_that_holds_the_interpreter_ends_with_its_evaluator(
    victim: FaultService, record: FaultRecord, sample_plans: tuple[bytes, ...]
) -> None:
    """C code that never returns and holds the interpreter lock: the watchdog ends each evaluator that tries it."""
    before = set(victim.pids(EVALUATOR).values())
    began = time.monotonic()
    job_id = victim.submit(
        [
            fault_plan(sample_plans[0], fault="evaluator-hang-gil:embedding"),
            variant(sample_plans[1], number=130),
        ]
    )
    victim.ended(job_id)
    record.recovered("all documents final", seconds=time.monotonic() - began, bound_seconds=120)
    bad, good = victim.documents(job_id)
    assert (bad.state, bad.code) == (DocumentState.FAILED, "attempts_exhausted")
    assert bad.attempt == victim.settings.max_attempts
    assert good.state is DocumentState.SUCCEEDED
    victim.back(EVALUATOR, count=victim.settings.evaluators_min)
    until(
        lambda: not before & {pid for pid in before if psutil.pid_exists(pid)} or _all_react(victim),
        what="no evaluator hangs",
    )


def _all_react(victim: FaultService) -> bool:
    """Whether nobody among the evaluators is held: each takes part in another batch."""
    return all(
        psutil.Process(pid).status() in {psutil.STATUS_SLEEPING, psutil.STATUS_RUNNING}
        for pid in victim.pids(EVALUATOR).values()
    )
