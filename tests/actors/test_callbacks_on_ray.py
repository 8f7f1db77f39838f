"""A callback from the running service: a batch is sent over HTTP, and a server on this machine is told of its end."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from callback_receiver import SECRET, Receiver, reply

from benchmarks.own_service import own_service
from serve_app.client import BatchClient

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cluster.lifecycle import RunningService

PLAN = Path(__file__).resolve().parents[2] / "examples" / "puerto-arrayan.pdf"
METADATA = {"municipality": "Prueba", "department": "Caquetá", "year": 2024, "period": "2024-2027"}
PATIENCE_SECONDS = 60.0


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """Busy at first, then ready."""
    with Receiver(lambda connection, count: reply(503 if count < 2 else 204)(connection, count)) as listening:
        yield listening


@pytest.fixture
def calling(receiver: Receiver) -> Iterator[RunningService]:
    """A small service of its own that may call the receiver."""
    chosen = {
        "evaluators_min": 1,
        "evaluators_max": 1,
        "callback_hosts": f"http://127.0.0.1:{receiver.port}",
        "callback_private_addresses": True,
        "callback_secret": SECRET,
    }
    with own_service(**chosen) as (_, running):
        yield running


@pytest.mark.service
def test_who_asked_is_told_when_the_batch_has_ended(calling: RunningService, receiver: Receiver) -> None:
    """Tried again after a 503, signed, once delivered said so in the state."""
    with BatchClient(calling.url) as client:
        job = client.submit(PLAN, callback_url=f"http://127.0.0.1:{receiver.port}/aviso", **METADATA).wait()
        deadline = time.monotonic() + PATIENCE_SECONDS
        while (callback := job.status()["callback"])["status"] != "delivered":
            assert time.monotonic() < deadline, callback
            time.sleep(0.1)

    assert callback["attempts"] == 2
    assert [message.path for message in receiver.messages] == ["/aviso", "/aviso"]
    assert all(message.signature_holds for message in receiver.messages)
    assert receiver.messages[-1].said["type"] == "job.completed"
    assert receiver.messages[-1].said["data"]["job_id"] == job.job_id
