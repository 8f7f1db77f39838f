"""Real servers for the registry's tests: our Valkey and, where Debian's is installed, redis-server."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import pytest
from registry_steps import Server, debian_server, keys_without_ttl, with_service_user

from cluster import embedded_redis
from cluster.jobs import JobStore
from cluster.keys import Keys
from cluster.settings import Settings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

_numbers = itertools.count()


@pytest.fixture(scope="session", params=["valkey", pytest.param("redis-server", marks=pytest.mark.external)])
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One server of each kind for the whole run."""
    folder = tmp_path_factory.mktemp(request.param)
    if request.param == "valkey":
        settings = Settings.load(data_dir=folder)
        address = embedded_redis.start(settings)
        yield with_service_user(
            port=address.port, operator="operator", operator_password=address.operator_password
        )
        embedded_redis.stop(settings)
        return
    with debian_server(folder) as found:
        yield found


@pytest.fixture
def settings(server: Server, tmp_path: Path) -> Settings:
    """Settings whose leases and delays are short; only a server that is away makes Redis time out."""
    return Settings.load(
        data_dir=tmp_path,
        redis_url=server.url,
        redis_password=server.password,
        # Short enough to wait for, long enough that a busy machine does not end a lease between two lines.
        lease_seconds=0.8,
        lease_renewal_seconds=0.2,
        redis_timeout_seconds=10.0,
        retry_base_seconds=0.05,
        retry_cap_seconds=0.1,
        max_attempts=3,
        ttl_seconds=3600,
        storage_floor_bytes=0,
    )


@pytest.fixture
def keys() -> Keys:
    """Keys of this test alone."""
    return Keys(prefix=f"pdm{next(_numbers)}")


@pytest.fixture
async def store(settings: Settings, keys: Keys) -> AsyncIterator[JobStore]:
    """A registry; afterwards no key of it may be without a TTL outside the list in ``keys``."""
    connected = await JobStore.connect(settings, keys=keys)
    yield connected
    forever = await keys_without_ttl(connected)
    await connected.close()
    assert forever <= keys.without_ttl
