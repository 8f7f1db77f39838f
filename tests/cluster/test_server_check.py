"""An operator is told when a Redis cannot keep the promises."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from registry_steps import operator

from cluster.server_check import _openings, _weaknesses, server_weaknesses

if TYPE_CHECKING:
    from cluster.jobs import JobStore


async def test_a_durable_server_has_no_weakness(store: JobStore) -> None:
    """Neither our Valkey nor a redis-server with an append-only file is complained about."""
    assert await server_weaknesses(store) == ()


async def test_a_server_that_may_lose_jobs_is_named(store: JobStore) -> None:
    """A server that evicts has its own sentence, with the policy in force."""
    async with operator(store) as client:
        await client.config_set("maxmemory-policy", "allkeys-lru")
        try:
            (weakness,) = await server_weaknesses(store)
        finally:
            await client.config_set("maxmemory-policy", "noeviction")
    assert weakness.code == "redis_eviction"
    assert "allkeys-lru" in weakness.sentence


def test_old_clustered_and_forgetful_servers_are_named() -> None:
    """What the information of such a server says leads to its own codes."""
    facts = {"redis_version": "6.2.14", "cluster_enabled": 1, "aof_enabled": 0}
    codes = [weakness.code for weakness in _weaknesses(facts) if weakness]
    assert codes == ["redis_version", "redis_cluster", "redis_durability"]


@pytest.mark.parametrize(
    ("url", "codes"),
    [
        ("", []),
        ("unix:///run/redis.sock", []),
        ("redis://decalogo@127.0.0.1:6379/0", []),
        ("rediss://decalogo@redis.interno:6379/0", []),
        ("redis://127.0.0.1:6379/0", ["redis_user"]),
        ("redis://:clave@redis.interno:6379/0", ["redis_user", "redis_tls"]),
        ("redis://decalogo@redis.interno:6379/0", ["redis_tls"]),
    ],
)
def test_an_open_server_is_named(url: str, codes: list[str]) -> None:
    """A user who may do everything, and passwords in clear on a network."""
    assert [weakness.code for weakness in _openings(url) if weakness] == codes
