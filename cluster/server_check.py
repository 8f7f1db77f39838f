"""Whether a Redis that somebody else runs can keep our promises: version, durability, no eviction, closed."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from cluster.jobs import JobStore
from cluster.redis_access import redis_errors
from cluster.validators import Shortage

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cluster.settings import Settings

OLDEST_MAJOR = 7
"""Flags of scripts and PEXPIRE NX came with Redis 7.0."""

UNUSABLE = frozenset({"redis_version", "redis_cluster"})
"""Codes of weaknesses with which the service cannot work at all."""

LOOPBACK_NAMES = frozenset({"127.0.0.1", "::1", "localhost"})


async def server_weaknesses(store: JobStore) -> tuple[Shortage, ...]:
    """What the server lacks, for operators; empty for the embedded Valkey.

    ``redis_version`` and ``redis_cluster`` mean that the service cannot work; ``redis_durability`` and
    ``redis_eviction`` that accepted jobs may be lost; ``redis_user`` and ``redis_tls`` that others may get in.

    Raises:
        ServiceError: REDIS_UNAVAILABLE.
    """
    with redis_errors():
        facts: dict[str, Any] = await store.access.client.info("everything")
    return tuple(
        weakness
        for weakness in (*_weaknesses(facts), *_openings(store.access.settings.redis_url or ""))
        if weakness
    )


def _openings(url: str) -> tuple[Shortage | None, ...]:
    """Of an address that an operator gave; empty is the embedded Valkey, which is closed."""
    parts = urlsplit(url)
    if not url or parts.scheme == "unix":
        return ()
    return (
        Shortage(
            "redis_user",
            "El servicio entra a Redis como usuario «default», que lo puede todo; cree uno limitado con "
            "«python -m cluster.redis_acl».",
        )
        if parts.username in {None, "", "default"}
        else None,
        Shortage(
            "redis_tls",
            "La conexión con Redis no está cifrada; use rediss:// fuera de esta máquina.",
        )
        if parts.scheme == "redis" and parts.hostname not in LOOPBACK_NAMES
        else None,
    )


def ask_server(settings: Settings) -> tuple[Shortage, ...]:
    """Connect, ask and disconnect; blocks.

    Raises:
        ServiceError: REDIS_UNAVAILABLE.
    """

    async def ask() -> tuple[Shortage, ...]:
        store = JobStore.lazily(settings)
        try:
            return await server_weaknesses(store)
        finally:
            await store.close()

    return asyncio.run(ask())


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
