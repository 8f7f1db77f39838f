"""Batches through the real service: Ray, Serve, Valkey, extraction children, the whole pipeline."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from typing import TYPE_CHECKING

import pytest
from service_steps import at_work, ended, long_plan, replica_pids, submit, until, variant

from cluster.jobs import JobStore
from cluster.records import DocumentState, JobState
from cluster.storage import Storage
from serve_app.cli.doctor import findings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from conftest import Service

pytestmark = pytest.mark.service


@pytest.fixture
async def store(service: Service) -> AsyncIterator[JobStore]:
    """The registry of the running service."""
    connected = await JobStore.connect(service.settings)
    yield connected
    await connected.close()


async def test_a_batch_is_evaluated_and_checked(
    service: Service, store: JobStore, sample_plans: tuple[bytes, ...]
) -> None:
    """Every plan of a batch ends with 300 answers and three artifacts, and the job says that all is well."""
    job = await ended(store, await submit(store, service.settings, sample_plans))
    assert job.state is JobState.COMPLETED
    assert job.summary is not None
    assert job.summary["valid"], job.summary["problems"]
    assert job.summary["second_evaluation"]["equal"]
    for document in await store.documents(job.job_id):
        assert document.summary is not None
        assert document.summary.answers == 300
        names = Storage(service.settings).artifact_names(job.job_id, document.document_id)
        assert names == ("coverage_report.json", "evaluation_results.json", "evidence_registry.json")


async def test_the_second_evaluation_is_on_another_evaluator(
    service: Service, store: JobStore, sample_plans: tuple[bytes, ...]
) -> None:
    """Wherever two were there all the time; when the other one is busy for long, a later batch must show it."""
    for number in range(200, 212, 3):
        plans = [variant(sample_plans[0], number=number + one) for one in range(3)]
        before = replica_pids(service.settings, deployment="Evaluator")
        job = await ended(store, await submit(store, service.settings, plans))
        assert job.summary is not None
        all_the_time = before.keys() & replica_pids(service.settings, deployment="Evaluator")
        if job.summary["second_evaluation"]["another_evaluator"] or len(all_the_time) <= 1:
            return
    pytest.fail("four batches were checked on the evaluator that had evaluated them, with another one there")


async def test_doctor_tells_how_the_last_batch_went(
    service: Service, store: JobStore, sample_plans: tuple[bytes, ...]
) -> None:
    """Evaluators, and the outcome of checking the batch that ended last, are among what it says."""
    await ended(store, await submit(store, service.settings, sample_plans))
    said = {finding.topic: finding for finding in await asyncio.to_thread(list, findings(service.settings))}
    assert said["Evaluadores"].state == "bien"
    assert said["Último lote"].state == "bien"
    assert f"{len(sample_plans)} de {len(sample_plans)} documentos evaluados" in said["Último lote"].sentence


async def test_equal_documents_have_one_hash_and_are_evaluated_once(
    service: Service, store: JobStore, sample_plans: tuple[bytes, ...]
) -> None:
    """The same PDF five times in a batch gives one hash; sent again, it is answered from the cache."""
    pdf = variant(sample_plans[0], number=1)
    first = await ended(store, await submit(store, service.settings, [pdf] * 5))
    again = await ended(store, await submit(store, service.settings, [pdf]))
    summaries = [
        document.summary
        for job in (first, again)
        for document in await store.documents(job.job_id)
        if document.summary
    ]
    assert len(summaries) == 6
    assert len({summary.result_hash for summary in summaries}) == 1
    assert [summary.cached for summary in summaries].count(False) == 1
    assert summaries[-1].cached


async def test_a_bad_document_harms_no_other(
    service: Service, store: JobStore, sample_plans: tuple[bytes, ...]
) -> None:
    """What is no PDF fails at once, with its own code and a sentence; the plan beside it succeeds."""
    job = await ended(
        store, await submit(store, service.settings, [b"no pdf", variant(sample_plans[0], number=2)])
    )
    bad, good = await store.documents(job.job_id)
    assert (bad.state, bad.code, bad.attempt) == (DocumentState.FAILED, "not_a_pdf", 1)
    assert bad.sentence
    assert bad.reference
    assert good.state is DocumentState.SUCCEEDED
    assert job.state is JobState.FAILED


async def test_options_reach_the_nodes(
    service: Service, store: JobStore, sample_plans: tuple[bytes, ...]
) -> None:
    """A node that the batch switched off is recorded as skipped in the results."""
    options = {"enable_causal_analysis": False}
    job_id = await submit(store, service.settings, [variant(sample_plans[0], number=3)], options=options)
    assert (await ended(store, job_id)).state is JobState.COMPLETED
    content = Storage(service.settings).read_artifact(job_id, "d0001", "evaluation_results.json")
    nodes = {node["name"]: node["status"] for node in json.loads(content)["nodes"]}
    assert nodes["causal_detection"] == "skipped"
    assert nodes["monetary_detection"] == "ran"


async def test_a_killed_evaluator_costs_one_attempt(
    service: Service, store: JobStore, sample_plans: tuple[bytes, ...]
) -> None:
    """An evaluator killed in the middle of a document: another one evaluates it, as the second attempt."""
    pdf = long_plan(sample_plans[0])
    job_id = await submit(store, service.settings, [pdf])
    document = await at_work(store, job_id)
    pids = await asyncio.to_thread(replica_pids, service.settings, deployment="Evaluator")
    os.kill(pids[document.worker_id], signal.SIGKILL)
    job = await ended(store, job_id)
    (after,) = await store.documents(job_id)
    assert job.state is JobState.COMPLETED
    assert after.attempt == 2
    assert after.worker_id != document.worker_id


async def test_a_killed_dispatcher_loses_nothing(
    service: Service, store: JobStore, sample_plans: tuple[bytes, ...]
) -> None:
    """The dispatcher killed with entries in its hands: running documents end, waiting ones are evaluated."""
    job_id = await submit(
        store, service.settings, [variant(sample_plans[1], number=number) for number in range(10, 16)]
    )
    await at_work(store, job_id)
    (pid,) = (await asyncio.to_thread(replica_pids, service.settings, deployment="Dispatcher")).values()
    os.kill(pid, signal.SIGKILL)
    job = await ended(store, job_id)
    assert job.state is JobState.COMPLETED
    assert [document.attempt for document in await store.documents(job_id)] == [1] * 6


async def test_cancelling_stops_what_runs(
    service: Service, store: JobStore, sample_plans: tuple[bytes, ...]
) -> None:
    """A cancelled job ends as such, its running document is stopped, the evaluator serves the next one."""
    job_id = await submit(store, service.settings, [variant(long_plan(sample_plans[2]), number=4)])
    await at_work(store, job_id)
    await store.cancel(job_id)
    job = await ended(store, job_id)
    (document,) = await store.documents(job_id)
    assert job.state is JobState.CANCELLED
    assert document.state is DocumentState.CANCELLED
    assert Storage(service.settings).artifact_names(job_id, "d0001") == ()
    after = await submit(store, service.settings, [variant(sample_plans[2], number=5)])
    assert (await ended(store, after)).state is JobState.COMPLETED


async def test_nothing_is_left_in_the_queue(service: Service, store: JobStore) -> None:
    """After all batches have ended, no entry is pending and nobody waits."""

    async def empty() -> bool:
        figures = await store.queue_figures()
        return (figures.depth, figures.delayed, figures.pending) == (0, 0, 0)

    await until(empty, what="an empty queue")
