"""A reply that never arrives, or that nobody waits for any more, changes nothing about what happened."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest
import uvloop
from registry_steps import PATIENCE_SECONDS, claimed, failed, next_entry, refused, submitted, summary

from cluster.errors import REDIS_UNAVAILABLE
from cluster.identifiers import digest
from cluster.jobs import JobStore
from cluster.records import Claim, DocumentState, JobMetadata

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from cluster.keys import Keys
    from cluster.settings import Settings


class LossyLink:
    """A TCP link to Redis that, when told to, cuts the line instead of passing the next replies on."""

    def __init__(self, *, port: int) -> None:
        self._port = port
        self.replies_to_lose = 0
        self.lost = 0
        self._writers: list[asyncio.StreamWriter] = []

    def reset(self) -> None:
        """Break all lines as a network does: neither side is asked."""
        for writer in self._writers:
            linger_off = struct.pack("ii", 1, 0)
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger_off)
            writer.transport.abort()
        self._writers.clear()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection."""
        self._writers.append(writer)
        upstream, to_redis = await asyncio.open_connection("127.0.0.1", self._port)
        forward = asyncio.create_task(self._forward(reader, to_redis))
        with contextlib.suppress(ConnectionError):
            while data := await upstream.read(65536):
                if self.replies_to_lose > 0:
                    self.replies_to_lose -= 1
                    self.lost += 1
                    break
                writer.write(data)
                await writer.drain()
        forward.cancel()
        for side in (writer, to_redis):
            side.close()

    @staticmethod
    async def _forward(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            while data := await reader.read(65536):
                writer.write(data)
                await writer.drain()


@pytest.fixture
async def lossy(settings: Settings, keys: Keys) -> AsyncIterator[tuple[JobStore, LossyLink]]:
    """A registry behind a lossy link, with its connection already made."""
    port = urlsplit(settings.redis_url or "").port
    assert port
    link = LossyLink(port=port)
    server = await asyncio.start_server(link.serve, "127.0.0.1", 0)
    own_port = server.sockets[0].getsockname()[1]
    secret = settings.redis_password
    assert secret
    store = await JobStore.connect(
        settings.with_redis(
            url=f"redis://registry@127.0.0.1:{own_port}/0", password=secret.get_secret_value()
        ),
        keys=keys,
    )
    yield store, link
    await store.close()
    server.close()


async def test_every_change_can_lose_its_reply(lossy: tuple[JobStore, LossyLink]) -> None:
    """The call is repeated on a new connection: each change happens once and is reported as done."""
    store, link = lossy

    async def with_lost_reply(call):  # noqa: ANN001, ANN202  any coroutine and its answer
        link.replies_to_lose = 1
        before = link.lost
        answer = await call
        assert link.lost == before + 1
        return answer

    told = JobMetadata(callback_url="https://receiver.example.org/")
    job_id = await with_lost_reply(store.create(told))
    for name in ("a", "b"):
        await with_lost_reply(store.add_document(job_id, name=name, sha256=digest(name), size_bytes=1))
    assert await with_lost_reply(store.reserve_idempotency("k", fingerprint="f")) is None
    assert (await with_lost_reply(store.submit(job_id, idempotency_key="k"))).document_count == 2

    claim = await with_lost_reply(store.claim(await next_entry(store), worker_id="w"))
    assert isinstance(claim, Claim)
    assert claim.attempt == 1
    assert await with_lost_reply(store.renew(claim))
    assert (await with_lost_reply(store.finish(claim, summary=summary()))).applied

    # A script that the server does not know yet loses only the reply that says so.
    assert await store.claim_aggregation(job_id) is None
    assert await store.claim_callback(job_id) is None
    second = await claimed(store)
    assert (await with_lost_reply(failed(store, second, retryable=False))).applied
    right = await with_lost_reply(store.claim_aggregation(job_id))
    assert right
    assert right.attempt == 1
    await with_lost_reply(store.complete(right, summary={}))
    call = await with_lost_reply(store.claim_callback(job_id))
    assert call
    assert call.attempt == 1
    assert await with_lost_reply(store.end_callback(call))

    totals = await store.totals()
    assert totals["documents_submitted"] == 2
    assert (totals["documents_succeeded"], totals["documents_failed"]) == (1, 1)
    assert (totals["claims"], totals["retries"], totals["duplicates_equal"]) == (2, 0, 0)
    assert totals["jobs_failed"] == 1


async def test_a_link_that_stays_down_is_a_refusal(lossy: tuple[JobStore, LossyLink]) -> None:
    """After a few tries the caller is told; later the same call goes through."""
    store, link = lossy
    job_id = await submitted(store)
    claim = await claimed(store)
    link.replies_to_lose = 1000
    await refused(store.finish(claim, summary=summary()), REDIS_UNAVAILABLE)
    link.replies_to_lose = 0
    assert (await store.finish(claim, summary=summary())).applied
    assert (await store.job(job_id)).counts[DocumentState.SUCCEEDED] == 1


def test_on_the_loop_of_the_replicas_a_reset_line_is_made_anew(settings: Settings, keys: Keys) -> None:
    """On uvloop a line that was reset while it was idle is no error at all: the call finds another one."""

    async def ask_over_and_over() -> None:
        port = urlsplit(settings.redis_url or "").port
        assert port
        link = LossyLink(port=port)
        server = await asyncio.start_server(link.serve, "127.0.0.1", 0)
        own_port = server.sockets[0].getsockname()[1]
        store = await JobStore.connect(
            settings.model_copy(update={"redis_url": f"redis://registry@127.0.0.1:{own_port}/0"}), keys=keys
        )
        job_id = await submitted(store)
        for _ in range(5):
            link.reset()
            for _ in range(10):  # the loop comes round and learns of it
                await asyncio.sleep(0)
            assert (await store.job(job_id)).document_count == 1
        await store.close()
        server.close()

    uvloop.run(ask_over_and_over())


async def test_a_lost_delivery_comes_back(lossy: tuple[JobStore, LossyLink]) -> None:
    """Entries whose delivery was lost are recovered; the read is not simply repeated."""
    store, link = lossy
    await submitted(store)
    await store.next_entries(consumer="dispatcher", count=1, block_ms=0)
    await submitted(store)
    link.replies_to_lose = 1
    await refused(store.next_entries(consumer="dispatcher", count=1, block_ms=0), REDIS_UNAVAILABLE)
    assert await store.next_entries(consumer="dispatcher", count=1, block_ms=0) == ()
    assert (await store.queue_figures()).pending == 2


async def test_a_cancellation_is_never_swallowed(store: JobStore) -> None:
    """A task that does nothing but ask Redis ends at the first cancellation, whenever it arrives.

    The client library, on Python 3.11, lost a quarter of them: loops went on for ever.
    """

    async def loop() -> None:
        while True:
            await store.ping()

    for pauses in range(60):
        task = asyncio.create_task(loop())
        for _ in range(pauses % 12 + 1):
            await asyncio.sleep(0)
        task.cancel()
        done, _ = await asyncio.wait({task}, timeout=PATIENCE_SECONDS)
        assert done


async def test_cancelled_calls_do_not_mix_up_replies(store: JobStore) -> None:
    """A call that is given up must not hand its reply to the next one on the same connection."""
    jobs = [await submitted(store) for _ in range(5)]

    async def ask(number: int) -> None:
        job_id = jobs[number % 5]
        assert (await store.job(job_id)).job_id == job_id
        assert (await store.documents(job_id))[0].name == "plan 0.pdf"

    tasks = [asyncio.create_task(ask(number)) for number in range(200)]
    for number, task in enumerate(tasks):
        await asyncio.sleep(0)
        if number % 3 == 0:
            task.cancel()
    answers = await asyncio.gather(*tasks, return_exceptions=True)
    assert {type(answer) for answer in answers} <= {type(None), asyncio.CancelledError}
    await asyncio.gather(*(ask(number) for number in range(50)))
