"""More than one machine: work spreads over nodes, a node dies in the middle of a batch, nothing is lost."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

import httpx
import pytest
from batches import ended, submit
from machines import PATIENCE_SECONDS, Machines, Node, until
from prometheus_client.parser import text_string_to_metric_families

from cluster.jobs import JobStore
from cluster.records import DocumentState, JobState

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator


pytestmark = [pytest.mark.service, pytest.mark.faults, pytest.mark.timeout(900)]

EVALUATORS = 6
DOCUMENTS = 24


@pytest.fixture(scope="module")
def machines(s3: str) -> Iterator[Machines]:
    """A head and two nodes; files in S3, Redis elsewhere, no result cache."""
    with Machines(
        storage_url="s3://several-nodes/decalogo",
        evaluators_min=1,
        evaluators_max=EVALUATORS,
        running_per_node=2,
        cache_enabled=False,
    ) as made:
        made.join()
        made.join()
        made.grow(evaluators=EVALUATORS)
        yield made


@pytest.fixture
async def store(machines: Machines) -> AsyncIterator[JobStore]:
    """The registry that all nodes share."""
    connected = await JobStore.connect(machines.settings)
    yield connected
    await connected.close()


@pytest.fixture
def batch(sample_plans: tuple[bytes, ...]) -> list[bytes]:
    """Plans of different bytes."""
    return [
        sample_plans[number % len(sample_plans)] + f"\n%% {number}\n".encode() for number in range(DOCUMENTS)
    ]


async def _hashes(store: JobStore, job_id: str) -> dict[str, str]:
    documents = await store.documents(job_id)
    return {document.name: document.summary.result_hash for document in documents if document.summary}


def _victim(machines: Machines) -> Node:
    """A node that only works: neither dispatcher nor HTTP application need to move."""
    return max(
        machines.nodes, key=lambda node: sum(node.holds(pid) for pid in machines.evaluators().values())
    )


async def test_evaluators_spread_over_the_nodes_and_all_are_federated(
    machines: Machines, store: JobStore, batch: list[bytes]
) -> None:
    """Every node has evaluators; one page of metrics tells of all of them, each under a name of its own."""
    spread = [sum(node.holds(pid) for pid in machines.evaluators().values()) for node in machines.nodes]
    assert all(spread), spread
    job = await ended(store, await submit(store, machines.settings, batch))
    assert job.state is JobState.COMPLETED
    assert job.summary
    assert job.summary["valid"], job.summary["problems"]
    workers = {document.worker_id for document in await store.documents(job.job_id)}
    here = machines.evaluators()
    for node in machines.nodes:
        assert any(node.holds(here[worker]) for worker in workers if worker in here), "a node without work"

    def reporting() -> set[str]:
        page = httpx.get(f"{machines.running.url}/metrics", trust_env=False, timeout=30).text
        families = {family.name: family for family in text_string_to_metric_families(page)}
        found = families.get("worker_utilization")
        return {sample.labels["worker_id"] for sample in found.samples} if found else set()

    await asyncio.to_thread(until, lambda: len(reporting()) >= EVALUATORS, "all evaluators on one page")


async def test_a_node_that_dies_in_the_middle_of_a_batch_costs_nothing(
    machines: Machines, store: JobStore, batch: list[bytes]
) -> None:
    """Its documents move to other nodes; each is evaluated, with the hash it has when nothing happens."""
    undisturbed = await ended(store, await submit(store, machines.settings, batch))
    expected = await _hashes(store, undisturbed.job_id)
    assert len(expected) == len(batch)
    victim = _victim(machines)
    doomed = {replica for replica, pid in machines.evaluators().items() if victim.holds(pid)}
    job_id = await submit(store, machines.settings, batch)
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not any(
        document.worker_id in doomed and document.state is DocumentState.RUNNING
        for document in await store.documents(job_id)
    ):
        assert time.monotonic() < deadline, "no document is worked on there"
    victim.kill()

    job = await ended(store, job_id)
    assert job.state is JobState.COMPLETED
    assert job.summary
    assert job.summary["valid"], job.summary["problems"]
    assert await _hashes(store, job_id) == expected
    assert any(document.attempt > 1 for document in await store.documents(job_id)), (
        "nothing was at work there"
    )
    await asyncio.to_thread(
        until, lambda: len(machines.evaluators()) >= EVALUATORS, "the pool is whole again"
    )
