"""The HTTP applications behind a real socket, with a real Valkey and a real disk; no Ray."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx
import pytest
from http_steps import PlainServer, roomy

from cluster import embedded_redis
from cluster.jobs import JobStore
from cluster.settings import Settings
from cluster.storage import Storage

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator


@pytest.fixture(scope="session")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """Settings of the service that all tests share, its Valkey running."""
    chosen = roomy(data_dir=tmp_path_factory.mktemp("data"))
    embedded_redis.start(chosen)
    yield chosen
    embedded_redis.stop(chosen)


@pytest.fixture(scope="session")
def server(settings: Settings) -> Iterator[PlainServer]:
    """The service on a free port."""
    with PlainServer(settings) as running:
        yield running


@pytest.fixture
def http(server: PlainServer) -> Iterator[httpx.Client]:
    """A client of the service."""
    with httpx.Client(base_url=server.url, timeout=30, trust_env=False) as client:
        yield client


@pytest.fixture
async def store(settings: Settings, server: PlainServer) -> AsyncIterator[JobStore]:
    """The registry, to play the part of evaluators and aggregator."""
    connected = await JobStore.connect(settings)
    yield connected
    await connected.close()


@pytest.fixture(scope="session")
def storage(settings: Settings) -> Storage:
    """The files of the service."""
    return Storage(settings)
