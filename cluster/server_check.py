"""Whether a Redis that somebody else runs can keep our promises: version, durability, no eviction."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cluster.redis_access import redis_errors
from cluster.validators import Shortage

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cluster.jobs import JobStore

OLDEST_MAJOR = 7
"""Flags of scripts and PEXPIRE NX came with Redis 7.0."""


async def server_weaknesses(store: JobStore) -> tuple[Shortage, ...]:
    """What the server lacks, for operators; empty for the embedded Valkey.

    ``redis_version`` and ``redis_cluster`` mean that the service cannot work; ``redis_durability`` and
    ``redis_eviction`` that accepted jobs may be lost.

    Raises:
        ServiceError: REDIS_UNAVAILABLE.
    """
    with redis_errors():
        facts: dict[str, Any] = await store.access.client.info("everything")
    return tuple(weakness for weakness in _weaknesses(facts) if weakness)


def _weaknesses(facts: Mapping[str, Any]) -> tuple[Shortage | None, ...]:
    version = str(facts.get("redis_version", "0"))
    policy = str(facts.get("maxmemory_policy", "noeviction"))
    return (
        Shortage(
            "redis_version", f"La versión {version} de Redis es muy antigua; se necesita la 7.0 o posterior."
        )
        if int(version.partition(".")[0]) < OLDEST_MAJOR
        else None,
        Shortage("redis_cluster", "Redis está en modo clúster; se necesita un solo nodo, con o sin réplicas.")
        if facts.get("cluster_enabled")
        else None,
        Shortage(
            "redis_durability",
            "Redis no escribe en disco cada cambio (appendonly no); un corte puede perder trabajos aceptados.",
        )
        if not facts.get("aof_enabled")
        else None,
        Shortage(
            "redis_eviction",
            f"Redis puede descartar datos cuando se llena (maxmemory-policy {policy}); configure noeviction.",
        )
        if policy != "noeviction"
        else None,
    )
