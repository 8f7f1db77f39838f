"""A callback from the running service: a batch is sent over HTTP, and a server on this machine is told of its end."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from callback_receiver import SECRET, Receiver, reply
from service_steps import replica_pids

from benchmarks.own_service import own_service
from serve_app.client import BatchClient

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from cluster.lifecycle import RunningService
    from cluster.settings import Settings

PLAN = Path(__file__).resolve().parents[2] / "examples" / "puerto-arrayan.pdf"
METADATA = {"municipality": "Prueba", "department": "Caquetá", "year": 2024, "period": "2024-2027"}
PATIENCE_SECONDS = 120.0
"""A sender that dies between answer and note holds its lease for half a minute."""


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """Busy at first, then ready."""
    with Receiver(lambda connection, count: reply(503 if count < 2 else 204)(connection, count)) as listening:
        yield listening


@pytest.fixture
def calling(receiver: Receiver) -> Iterator[tuple[Settings, RunningService]]:
    """A small service of its own that may call the receiver."""
    chosen = {
        "evaluators_min": 1,
        "evaluators_max": 1,
        "callback_hosts": f"http://127.0.0.1:{receiver.port}",
        "callback_private_addresses": True,
        "callback_secret": SECRET,
    }
    with own_service(**chosen) as found:
        yield found


@pytest.mark.service
def test_who_asked_is_told_also_when_the_aggregator_dies_meanwhile(
    calling: tuple[Settings, RunningService], receiver: Receiver
) -> None:
    """After a 503 its sender is killed; the next one tells it again, signed, and the state says so."""
    settings, running = calling
    with BatchClient(running.url) as client:
        job = client.submit(PLAN, callback_url=f"http://127.0.0.1:{receiver.port}/aviso", **METADATA).wait()
        _await(lambda: len(receiver.messages) == 1, what="the first attempt")
        for pid in replica_pids(settings, deployment="Aggregator").values():
            os.kill(pid, signal.SIGKILL)
        _await(lambda: job.status()["callback"]["status"] == "delivered", what="the delivery")
        callback = job.status()["callback"]

    assert callback["attempts"] == 2
    assert [message.path for message in receiver.messages] == ["/aviso", "/aviso"]
    assert len({message.headers["webhook-id"] for message in receiver.messages}) == 1
    assert all(message.signature_holds for message in receiver.messages)
    assert receiver.messages[-1].said["type"] == "job.completed"
    assert receiver.messages[-1].said["data"]["job_id"] == job.job_id


def _await(condition: Callable[[], bool], *, what: str) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, f"waited {PATIENCE_SECONDS:.0f} s for: {what}"
        time.sleep(0.05)
