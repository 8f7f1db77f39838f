"""Steps that the registry's tests share: real servers, and the usual ways through the life of a job."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import socket
import subprocess
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import pytest
import redis
from redis.asyncio import ConnectionPool, Redis

from cluster.cancellable_connections import CONNECTION_CLASSES
from cluster.embedded_redis import connection_of
from cluster.errors import Refusal, ServiceError
from cluster.identifiers import digest
from cluster.records import Claim, DocumentSummary, Finish, JobMetadata, QueueEntry
from cluster.redis_acl import application_rules, sha256_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable
    from pathlib import Path

    from cluster.jobs import JobStore

PATIENCE_SECONDS = 10.0


@dataclass(frozen=True)
class Server:
    """A Redis or Valkey that tests may use, but not stop; ``url`` names the user that the service has there."""

    url: str
    password: str


_OPERATORS: dict[int, tuple[str, str]] = {}
"""Name and password of the user who may do everything, by port of the server."""


def with_service_user(*, port: int, operator: str, operator_password: str) -> Server:
    """A user with the rights of the service, on any key that begins like ours: tests have prefixes of their own."""
    password = "del-servicio"
    rules = application_rules(
        password_sha256=sha256_of(password), user="registry", key_patterns=("pdm*", "brief*")
    )
    with redis.Redis(port=port, username=operator, password=operator_password) as client:
        client.execute_command("ACL", "SETUSER", *rules)
    _OPERATORS[port] = (operator, operator_password)
    return Server(f"redis://registry@127.0.0.1:{port}/0", password)


@contextlib.asynccontextmanager
async def operator(store: JobStore) -> AsyncIterator[Redis]:
    """What the service itself may not do on its server: look at all keys, configure, forget."""
    port = store.access.client.connection_pool.connection_kwargs["port"]
    own = connection_of(store.access.settings)
    if own is not None and own.port == port:
        _OPERATORS[port] = ("operator", own.operator_password)
    user, password = _OPERATORS[port]
    # The library's own connections may swallow the cancellation of a task that asks without pause: it never ends.
    pool = ConnectionPool(
        connection_class=CONNECTION_CLASSES["redis"],
        port=port,
        username=user,
        password=password,
        decode_responses=True,
    )
    async with Redis.from_pool(pool) as client:
        yield client


class debian_server:  # noqa: N801  used like a function
    """Debian's redis-server as a child of this test."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def __enter__(self) -> Server:
        binary = shutil.which("redis-server")
        if binary is None:
            if os.environ.get("CI"):
                pytest.fail("redis-server is not installed")
            pytest.skip("redis-server is not installed")
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        arguments = [
            "--port",
            str(port),
            "--bind",
            "127.0.0.1",
            "--requirepass",
            "secreta",
            "--dir",
            str(self._folder),
        ]
        log = (self._folder / "log").open("wb")
        with log:
            self._process = subprocess.Popen(
                [binary, *arguments, "--appendonly", "yes"], stdout=log, stderr=log
            )
        client = redis.Redis(port=port, password="secreta")
        deadline = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < deadline:
            try:
                client.ping()
                break
            except redis.RedisError:
                time.sleep(0.02)
        client.close()
        try:
            return with_service_user(port=port, operator="default", operator_password="secreta")
        except BaseException:
            self.__exit__()
            raise

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait()


async def eventually(condition: Callable[[], Awaitable[object]], message: str) -> object:
    """The first true answer of ``condition``."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        answer = await condition()
        if answer:
            return answer
        await asyncio.sleep(0.01)
    pytest.fail(f"not within {PATIENCE_SECONDS} s: {message}")


async def refused(call: Awaitable[object], refusal: Refusal) -> None:
    """The call ends with this row of the table of refusals."""
    with pytest.raises(ServiceError) as caught:
        await call
    assert caught.value.refusal is refusal


async def keys_without_ttl(store: JobStore) -> frozenset[str]:
    """All keys of this registry that would stay for ever."""
    found = await all_keys(store)
    return frozenset([key for key in found if await store.access.client.ttl(key) == -1])


async def all_keys(store: JobStore, *, containing: str = "") -> set[str]:
    """All keys of this registry."""
    pattern = f"{store.access.keys.prefix}[:_]*{containing}*"
    async with operator(store) as client:
        return {key async for key in client.scan_iter(match=pattern)}


async def submitted(store: JobStore, *, documents: int = 1, idempotency_key: str | None = None) -> str:
    """A submitted job with documents of different content."""
    job_id = await store.create(JobMetadata(municipality="Timbiquí", department="Cauca"))
    for number in range(documents):
        await store.add_document(job_id, name=f"plan {number}.pdf", sha256=digest(str(number)), size_bytes=10)
    await store.submit(job_id, idempotency_key=idempotency_key)
    return job_id


async def next_entry(store: JobStore) -> QueueEntry:
    """The next new entry of the queue."""
    (entry,) = await store.next_entries(consumer="dispatcher", count=1, block_ms=500)
    return entry


async def claimed(store: JobStore, entry: QueueEntry | None = None) -> Claim:
    """A claim on ``entry``, by default on the next new one."""
    claim = await store.claim(entry or await next_entry(store), worker_id="evaluator")
    assert isinstance(claim, Claim)
    return claim


async def recovered(store: JobStore) -> QueueEntry:
    """The next entry whose lease has ended."""
    answer = await eventually(lambda: store.recover_expired(consumer="other"), "no lease ended")
    assert isinstance(answer, tuple)
    return answer[0]


async def failed(store: JobStore, claim: Claim, *, retryable: bool = True) -> Finish:
    """The answer to a failure."""
    return await store.fail(claim, code="internal", sentence="Falló.", retryable=retryable, reference="ref")


def summary(result_hash: str = "a" * 64, **more: object) -> DocumentSummary:
    """A result."""
    return replace(DocumentSummary(result_hash=result_hash, answers=300), **more)  # type: ignore[arg-type]
