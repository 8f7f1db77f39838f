"""Which registry the stored files belong to, so that a wrong or an empty Redis never makes them disappear.

What the registry does not know is swept from the storage. That is right for the registry in which the files were
accepted, and would be the end of all of them for any other: a wrong address or database number, an append-only file
that was lost, a server that came back empty. So each registry has a random name that is set once, the storage keeps
the name of the one it belongs to, and nothing is swept, or started, or accepted, unless the two are the same.

Only the operator may decide otherwise (``decalogo new-registry``): ``release`` lets the next registry take over.
"""

from __future__ import annotations

import asyncio
import secrets
from typing import TYPE_CHECKING

from cluster.redis_access import RedisAccess, redis_errors

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cluster.jobs import JobStore
    from cluster.storage import Storage

RELEASED = "released"
"""What the storage keeps in place of a name while it may be taken over."""
ASKED_AT_ONCE = 500

SENTENCE = (
    "Los archivos guardados son de otro registro de trabajos: el Redis que responde está vacío o no es el de antes. "
    "No se borra nada. Revise REDIS_URL (servidor y número de base de datos) o recupere los datos de ese Redis; "
    "para empezar de verdad con un registro nuevo: «decalogo new-registry»."
)


class RegistryMismatchError(RuntimeError):
    """The registry that answers is not the one that the stored files belong to. Nothing may be removed."""

    def __init__(self) -> None:
        super().__init__(SENTENCE)


class Identity:
    """The registry's part: its name, and what it knows together with its name."""

    access: RedisAccess

    async def identity(self) -> str | None:
        """The name of this registry; None before ``take_identity``, and of one that was emptied.

        Raises:
            ServiceError: REDIS_UNAVAILABLE.
        """
        with redis_errors():
            name: str | None = await self.access.client.get(self.access.keys.identity)
        return name

    async def take_identity(self) -> str:
        """The name of this registry, which is given one if it has none. Several may call at a time.

        Raises:
            ServiceError: REDIS_UNAVAILABLE.
        """
        key = self.access.keys.identity
        with redis_errors():
            await self.access.client.set(key, secrets.token_hex(16), nx=True)
            name: str = await self.access.client.get(key)
        return name

    async def has_heard_of(self, job_ids: Sequence[str]) -> bool:
        """Whether any of ``job_ids`` is or was a job of this registry: there, expired or deleted.

        Raises:
            ServiceError: REDIS_UNAVAILABLE.
        """
        keys = self.access.keys
        for start in range(0, len(job_ids), ASKED_AT_ONCE):
            asked = job_ids[start : start + ASKED_AT_ONCE]
            names = [name for job_id in asked for name in (keys.job(job_id), keys.tombstone(job_id))]
            with redis_errors():
                if await self.access.client.exists(*names):
                    return True
        return False

    async def unknown_jobs(self, job_ids: Sequence[str], *, registry: str) -> list[str]:
        """Those of ``job_ids`` that ``registry`` no longer has.

        Raises:
            RegistryMismatchError: the one that answers has another name, or none.
            ServiceError: REDIS_UNAVAILABLE.
        """
        return await self._unknown(job_ids, [self.access.keys.job(name) for name in job_ids], registry)

    async def unknown_results(self, result_keys: Sequence[str], *, registry: str) -> list[str]:
        """Those of ``result_keys`` that ``registry`` no longer remembers; errors as of ``unknown_jobs``."""
        return await self._unknown(
            result_keys, [self.access.keys.result(name) for name in result_keys], registry
        )

    async def _unknown(self, names: Sequence[str], keys: Sequence[str], registry: str) -> list[str]:
        unknown: list[str] = []
        for start in range(0, len(names), ASKED_AT_ONCE):
            part = slice(start, start + ASKED_AT_ONCE)
            # In one transaction: a server may be replaced by an empty one between any two commands.
            with redis_errors():
                async with self.access.client.pipeline(transaction=True) as pipeline:
                    pipeline.get(self.access.keys.identity)
                    for key in keys[part]:
                        pipeline.exists(key)
                    name, *found = await pipeline.execute()
            if name != registry:
                raise RegistryMismatchError
            unknown += [each for each, there in zip(names[part], found, strict=True) if not there]
        return unknown


async def pair(store: JobStore, *, storage: Storage) -> str:
    """Make sure that the registry and the storage belong together; gives the name they share.

    A storage that belongs to nobody yet (a new one, one that was released, one from before there were names) is
    taken over, unless it holds jobs of which this registry has never heard.

    Raises:
        RegistryMismatchError: they do not.
        ServiceError: REDIS_UNAVAILABLE, STORAGE_UNAVAILABLE, STORAGE_FULL.
    """
    kept = await asyncio.to_thread(storage.registry)
    if kept is None:
        stored = await asyncio.to_thread(storage.stored_jobs)
        if stored and not await store.has_heard_of(stored):
            raise RegistryMismatchError
    elif kept != RELEASED:
        if await store.identity() != kept:
            raise RegistryMismatchError
        return kept
    name = await store.take_identity()
    await asyncio.to_thread(storage.keep_registry, name)
    return name


def release(storage: Storage) -> None:
    """Let the next registry that asks take over the files; what it does not know is then swept.

    Raises:
        ServiceError: STORAGE_UNAVAILABLE, STORAGE_FULL.
    """
    storage.keep_registry(RELEASED)


async def is_another(store: JobStore, *, storage: Storage) -> bool:
    """Whether the files belong to another registry than the one that answers; only looks.

    Raises:
        ServiceError: REDIS_UNAVAILABLE, STORAGE_UNAVAILABLE.
    """
    kept = await asyncio.to_thread(storage.registry)
    return kept not in {None, RELEASED} and await store.identity() != kept
