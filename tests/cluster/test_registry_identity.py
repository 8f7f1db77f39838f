"""Stored files belong to one registry: a wrong or an empty Redis never makes them disappear."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
from registry_steps import Server, operator, submitted

from cluster.identifiers import digest, new_job_id
from cluster.jobs import JobStore
from cluster.keys import Keys
from cluster.registry_identity import RegistryMismatchError, is_another, pair, release
from cluster.settings import Settings
from cluster.storage import Storage
from cluster.sweeping import sweep
from cluster.validators import before_batch

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

KEY = digest("result")


@dataclass
class Ground:
    """A storage with one job of ``store``; ``other`` is a registry in the same Redis that knows nothing of it."""

    store: JobStore
    other: JobStore
    storage: Storage
    job_id: str

    def files(self) -> set[str]:
        """All files of jobs and results."""
        found = self.storage._files.find(self.storage._root)
        return {path for path in found if not path.endswith(("/registry/identity", "/temporary/new"))}


@pytest.fixture(params=["file", "s3"])
async def ground(
    request: pytest.FixtureRequest, store: JobStore, settings: Settings, keys: Keys, tmp_path: Path
) -> AsyncIterator[Ground]:
    """An upload, a result, a correction and a cached result, on the local disk and on S3."""
    address = ""
    if request.param == "s3":
        request.getfixturevalue("s3")
        address = f"s3://{new_job_id()}/decalogo"
    storage = Storage(Settings.load(data_dir=tmp_path, storage_url=address, storage_floor_bytes=0))
    # Being written by somebody: no folder of an object store is ever empty.
    storage._files.pipe_file(f"{storage._root}/temporary/new", b"half")
    job_id = await submitted(store)
    with storage.begin_upload(job_id) as writer:
        writer.write(b"%PDF-1.7 plan")
        writer.commit()
    storage.write_artifacts(job_id, "d0001", {"evaluation_results.json": b"{}"})
    storage.write_review(job_id, "d0001", b'{"corrections": []}')
    storage.keep_result(KEY, job_id=job_id, document_id="d0001")
    await store.remember(KEY, value="{}", job_id=job_id)
    other = await JobStore.connect(settings, keys=Keys(prefix=f"{keys.prefix}other"))
    yield Ground(store, other, storage, job_id)
    await other.close()


async def test_another_registry_sweeps_nothing(ground: Ground) -> None:
    """A wrong address or database, or a fresh server: everything stays, however often it tries."""
    await sweep(ground.store, storage=ground.storage)
    there = ground.files()
    assert len(there) == 5

    await ground.other.take_identity()
    for _ in range(2):
        with pytest.raises(RegistryMismatchError, match="REDIS_URL"):
            await sweep(ground.other, storage=ground.storage)
    assert await is_another(ground.other, storage=ground.storage)

    assert ground.files() == there
    assert not await is_another(ground.store, storage=ground.storage)
    assert (await sweep(ground.store, storage=ground.storage)).jobs == 0
    assert ground.files() == there


async def test_a_registry_that_was_emptied_sweeps_nothing(ground: Ground, server: Server) -> None:
    """The same server without its data, as after a lost append-only file: it has no name any more."""
    await sweep(ground.store, storage=ground.storage)
    there = ground.files()
    async with operator(ground.store) as client:
        async for key in client.scan_iter(match=f"{ground.store.access.keys.prefix}[:_]*"):
            await client.delete(key)

    with pytest.raises(RegistryMismatchError):
        await sweep(ground.store, storage=ground.storage)
    assert ground.files() == there
    modest = ground.storage.settings.model_copy(update={"min_free_memory_bytes": 0, "min_free_disk_bytes": 0})
    short = await before_batch(modest, store=ground.store, storage=ground.storage, evaluators_alive=1)
    assert [shortage.code for shortage in short] == ["registry"]
    await ground.store.ensure_group()


async def test_files_from_before_there_were_names_go_to_the_registry_that_knows_them(ground: Ground) -> None:
    """After an upgrade the storage has no name: a registry that has heard of none of its jobs does not get it."""
    with pytest.raises(RegistryMismatchError):
        await pair(ground.other, storage=ground.storage)
    assert ground.storage.registry() is None

    name = await pair(ground.store, storage=ground.storage)
    assert ground.storage.registry() == name == await ground.store.identity()
    with pytest.raises(RegistryMismatchError):
        await pair(ground.other, storage=ground.storage)


async def test_jobs_that_have_expired_are_known_as_well(ground: Ground) -> None:
    """An upgrade after a quiet day: all jobs are gone from the registry, their tombstones are not."""
    keys = ground.store.access.keys
    await ground.store.access.client.delete(keys.job(ground.job_id))
    await pair(ground.store, storage=ground.storage)
    assert (await sweep(ground.store, storage=ground.storage)).jobs == 1


async def test_a_name_is_given_once(ground: Ground) -> None:
    """Whoever asks, and however often, is told the same."""
    first = await ground.store.take_identity()
    assert await ground.store.take_identity() == first
    assert await ground.other.take_identity() != first


async def test_the_operator_may_begin_with_a_new_registry(ground: Ground) -> None:
    """Only when told so: then the next registry takes over and sweeps what it does not know."""
    await pair(ground.store, storage=ground.storage)
    release(ground.storage)
    assert not await is_another(ground.other, storage=ground.storage)
    swept = await sweep(ground.other, storage=ground.storage)
    assert (swept.jobs, swept.results) == (1, 1)
    assert await is_another(ground.store, storage=ground.storage)


async def test_a_registry_that_changes_during_the_sweep_removes_nothing(ground: Ground) -> None:
    """A fail-over to an empty replica between two commands: what it does not know is not taken for expired."""
    name = await pair(ground.store, storage=ground.storage)
    await ground.store.access.client.set(ground.store.access.keys.identity, "of another")
    for ask in (ground.store.unknown_jobs, ground.store.unknown_results):
        with pytest.raises(RegistryMismatchError):
            await ask([new_job_id()], registry=name)
