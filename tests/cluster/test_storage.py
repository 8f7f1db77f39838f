"""Files appear whole or not at all, under names nobody else chose."""

from __future__ import annotations

import asyncio
import errno
import hashlib
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from registry_steps import Server, all_keys, claimed, eventually, refused, submitted, summary

from cluster.errors import JOB_EXPIRED, STORAGE_FULL, STORAGE_UNAVAILABLE, ServiceError
from cluster.identifiers import digest, is_document_id, is_job_id, new_job_id
from cluster.lifecycle_processes import free_ports
from cluster.records import JobMetadata
from cluster.settings import Settings
from cluster.storage import Storage
from cluster.sweeping import Swept, sweep

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

from cluster.jobs import JobStore
from cluster.keys import Keys

KEY = digest("result")
ARTIFACTS = {"coverage_report.json": b"{}", "evaluation_results.json": b'{"a": 1}'}


@pytest.fixture(params=["file", "memory", "s3"])
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Storage]:
    """The local disk, a file system that is none, and S3 as a server of its own answers it."""
    if request.param == "s3":
        request.getfixturevalue("s3")
    address = {"file": "", "memory": f"memory://{tmp_path.name}", "s3": f"s3://{new_job_id()}/decalogo"}[
        request.param
    ]
    made = Storage(Settings.load(data_dir=tmp_path, storage_url=address, storage_floor_bytes=0))
    yield made
    if request.param == "memory":
        made._files.store.clear()


@pytest.fixture
def local(tmp_path: Path) -> Storage:
    """The local disk."""
    return Storage(Settings.load(data_dir=tmp_path, storage_floor_bytes=0))


def put(storage: Storage, job_id: str, content: bytes) -> str:
    """Upload in small pieces; gives the hash."""
    with storage.begin_upload(job_id) as writer:
        for start in range(0, len(content), 3):
            writer.write(content[start : start + 3])
        return writer.commit().sha256


def files_of(storage: Storage) -> list[str]:
    """All files there are, half ones included."""
    return sorted(storage._files.find(storage._root))


def test_an_upload_comes_back_under_its_hash(storage: Storage) -> None:
    """Size and hash are those of the bytes; sending them again changes nothing."""
    job_id = new_job_id()
    sha256 = put(storage, job_id, b"%PDF-1.7 plan")
    assert put(storage, job_id, b"%PDF-1.7 plan") == sha256
    assert storage.has_upload(job_id, sha256)
    assert storage.read_upload(job_id, sha256) == b"%PDF-1.7 plan"
    with storage.open_upload(job_id, sha256) as stream:
        assert stream.read(4) == b"%PDF"
    assert len(files_of(storage)) == 1


def test_a_node_sees_what_another_has_just_written(s3: str, tmp_path: Path) -> None:
    """A listing that a node made before is no reason to believe that there is nothing new."""
    settings = Settings.load(data_dir=tmp_path, storage_url=f"s3://{new_job_id()}", storage_floor_bytes=0)
    here, job_id = Storage(settings), new_job_id()
    assert not here.has_upload(job_id, digest("a"))
    assert here.artifact_names(job_id, "d0001") == ()
    put(here, job_id, b"another")
    assert here.stored_jobs() == (job_id,)
    write = (
        "from cluster.settings import Settings; from cluster.storage import Storage\n"
        f"storage = Storage(Settings.load(storage_url={settings.storage_url!r}, storage_floor_bytes=0))\n"
        f"writer = storage.begin_upload({job_id!r}); writer.write(b'plan'); writer.commit()\n"
        f"storage.write_artifacts({job_id!r}, 'd0001', {ARTIFACTS!r})"
    )
    subprocess.run([sys.executable, "-c", write], check=True, timeout=60)
    assert here.read_upload(job_id, hashlib.sha256(b"plan").hexdigest()) == b"plan"
    assert here.has_upload(job_id, hashlib.sha256(b"plan").hexdigest())
    assert here.artifact_names(job_id, "d0001") == tuple(ARTIFACTS)


def test_an_s3_that_does_not_answer_is_unavailable(s3: str, tmp_path: Path) -> None:
    """A refusal that says when to come back, not an error of some library."""
    nowhere = f"http://127.0.0.1:{free_ports(1)[0]}"
    away = f"s3://bucket{new_job_id().lower()}"
    program = (
        "from cluster.settings import Settings; from cluster.storage import Storage\n"
        "from cluster.errors import ServiceError\n"
        f"try: Storage(Settings.load(storage_url={away!r}))\n"
        "except ServiceError as error: print(error.refusal.code)"
    )
    environment = os.environ | {"AWS_ENDPOINT_URL": nowhere, "AWS_MAX_ATTEMPTS": "1"}
    said = subprocess.run(
        [sys.executable, "-c", program],
        check=True,
        timeout=120,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert said.stdout.strip() == STORAGE_UNAVAILABLE.code


def test_an_upload_that_breaks_off_leaves_nothing(storage: Storage) -> None:
    """A cut connection, or a refusal halfway, removes the temporary file."""

    def cut() -> None:
        with storage.begin_upload(new_job_id()) as writer:
            writer.write(b"half")
            raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        cut()
    assert files_of(storage) == []


def test_missing_files_are_missing_files(storage: Storage) -> None:
    """What is not there is told apart from a storage that fails."""
    with pytest.raises(FileNotFoundError):
        storage.read_upload(new_job_id(), digest("a"))
    with pytest.raises(FileNotFoundError):
        storage.read_artifact(new_job_id(), "d0001", "evaluation_results.json")
    assert storage.artifact_names(new_job_id(), "d0001") == ()
    assert not storage.reuse_result(KEY, job_id=new_job_id(), document_id="d0001")


def test_artifacts_go_through_the_cache(storage: Storage) -> None:
    """A document with equal bytes gets the first one's artifacts and keeps them when that goes."""
    first, second = new_job_id(), new_job_id()
    storage.write_artifacts(first, "d0001", ARTIFACTS)
    storage.keep_result(KEY, job_id=first, document_id="d0001")
    storage.keep_result(KEY, job_id=first, document_id="d0001")
    storage.delete_job(first)
    assert storage.reuse_result(KEY, job_id=second, document_id="d0002")
    storage.delete_result(KEY)
    assert storage.artifact_names(second, "d0002") == tuple(ARTIFACTS)
    assert storage.read_artifact(second, "d0002", "evaluation_results.json") == b'{"a": 1}'
    assert storage.stored_jobs() == (second,)
    assert storage.stored_results() == ()


def test_half_a_cached_result_is_none(storage: Storage) -> None:
    """A copy that was interrupted, or swept while it was made, is never given to a document."""
    first, second = new_job_id(), new_job_id()
    storage.write_artifacts(first, "d0001", ARTIFACTS)
    assert storage.keep_result(KEY, job_id=first, document_id="d0001")
    cache = storage._cache_folder(KEY)
    storage._files.rm_file(f"{cache}/coverage_report.json")
    assert not storage.reuse_result(KEY, job_id=second, document_id="d0001")
    assert storage.keep_result(KEY, job_id=first, document_id="d0001")
    assert storage.reuse_result(KEY, job_id=second, document_id="d0001")
    storage._files.rm_file(f"{cache}/_complete")
    assert not storage.reuse_result(KEY, job_id=second, document_id="d0002")
    assert not storage.keep_result(KEY, job_id=new_job_id(), document_id="d0001")


def test_deleting_a_job_removes_all_its_files(storage: Storage) -> None:
    """Uploads and artifacts of that job go, others stay; deleting again is harmless."""
    job_id, other = new_job_id(), new_job_id()
    put(storage, job_id, b"a")
    storage.write_artifacts(job_id, "d0001", ARTIFACTS)
    put(storage, other, b"a")
    storage.delete_job(job_id)
    storage.delete_job(job_id)
    assert storage.stored_jobs() == (other,)


@given(st.text())
def test_no_name_of_a_user_becomes_a_path(name: str) -> None:
    """Only identifiers that this service made are accepted."""
    storage = Storage.__new__(Storage)
    storage._root = "/root"
    job_id = new_job_id()
    if not is_job_id(name):
        with pytest.raises(ValueError, match="job"):
            storage.upload_path(name, digest("a"))
    with pytest.raises(ValueError, match="SHA"):
        storage.upload_path(job_id, name)
    if not is_document_id(name):
        with pytest.raises(ValueError, match="document"):
            storage.artifact_path(job_id, name, "a.json")


@pytest.mark.parametrize("name", ["../a", "a/b", "", ".", "..", ".a", "A.json", "a\n", "a" * 200])
def test_names_of_artifacts_are_plain(local: Storage, name: str) -> None:
    """An artifact cannot be written outside its folder."""
    with pytest.raises(ValueError, match="artifact"):
        local.write_artifacts(new_job_id(), "d0001", {name: b""})


def test_a_disk_below_the_floor_refuses_before_anything_is_read(tmp_path: Path) -> None:
    """Uploads end before the disk does, so that running work can."""
    storage = Storage(Settings.load(data_dir=tmp_path, storage_floor_bytes=2**60, min_free_disk_bytes=2**60))
    with pytest.raises(ServiceError) as caught:
        storage.begin_upload(new_job_id())
    assert caught.value.refusal is STORAGE_FULL
    storage.write_artifacts(new_job_id(), "d0001", ARTIFACTS)


def test_a_full_disk_is_told_as_such_and_leaves_nothing(local: Storage) -> None:
    """A real write error of the kernel: /dev/full answers ENOSPC."""

    def upload() -> None:
        with local.begin_upload(new_job_id()) as writer, Path("/dev/full").open("wb") as full:
            os.dup2(full.fileno(), writer._stream.fileno())
            writer.write(b"x" * 2**20)
            writer.commit()

    with pytest.raises(ServiceError) as caught:
        upload()
    assert caught.value.refusal is STORAGE_FULL
    assert isinstance(caught.value.__cause__, OSError)
    assert caught.value.__cause__.errno == errno.ENOSPC
    assert files_of(local) == []


def test_a_storage_that_cannot_be_written_is_unavailable(tmp_path: Path) -> None:
    """A folder that is a file, as after a lost mount."""
    (tmp_path / "storage").write_bytes(b"")
    with pytest.raises(ServiceError) as caught:
        Storage(Settings.load(data_dir=tmp_path))
    assert caught.value.refusal is STORAGE_UNAVAILABLE


async def test_some_time_after_its_end_nothing_of_a_job_is_left(server: Server, tmp_path: Path) -> None:
    """``ttl_seconds`` after the final state all keys and files are gone; what is left says "expired"."""
    short = Settings.load(
        data_dir=tmp_path,
        redis_url=server.url,
        redis_password=server.password,
        ttl_seconds=1,
        storage_floor_bytes=0,
    )
    store, storage = await JobStore.connect(short, keys=Keys(prefix="brief")), Storage(short)
    job_id = await submitted(store, idempotency_key="k")
    put(storage, job_id, b"plan")
    storage.write_artifacts(job_id, "d0001", ARTIFACTS)
    storage.keep_result(KEY, job_id=job_id, document_id="d0001")
    await store.remember(KEY, value="{}", job_id=job_id)
    await store.finish(await claimed(store), summary=summary(result_key=KEY))
    right = await store.claim_aggregation(job_id)
    assert right
    await store.complete(right, summary={})

    async def swept() -> bool:
        await sweep(store, storage=storage)
        return [path for path in files_of(storage) if not path.endswith("/registry/identity")] == []

    await eventually(swept, "all files are gone")
    assert await all_keys(store) == {
        store.access.keys.tombstone(job_id),
        store.access.keys.queue,
        store.access.keys.totals,
        store.access.keys.identity,
    }
    await refused(store.job(job_id), JOB_EXPIRED)
    await store.close()


async def test_the_sweep_removes_what_no_job_owns(store: JobStore, storage: Storage) -> None:
    """Files of deleted jobs, forgotten results and dead writers go; those of living jobs stay."""
    assert await sweep(store, storage=storage) == Swept(0, 0, 0, 0)
    living, gone = await submitted(store), new_job_id()
    for job_id in (living, gone):
        put(storage, job_id, b"a")
        storage.write_artifacts(job_id, "d0001", ARTIFACTS)
    storage.keep_result(KEY, job_id=living, document_id="d0001")
    storage.keep_result(digest("forgotten"), job_id=living, document_id="d0001")
    await store.remember(KEY, value="{}", job_id=living)
    _, interrupted = storage.open_temporary()
    interrupted.write(b"half")
    interrupted.close()

    swept = await sweep(store, storage=storage)
    assert (swept.jobs, swept.results, swept.temporary_files) == (1, 1, 0)
    assert storage.stored_jobs() == (living,)
    assert storage.stored_results() == (KEY,)
    assert (await sweep(store, storage=storage, temporary_seconds=0.0)).temporary_files == 1

    await store.finish(await claimed(store), summary=summary())
    await store.delete(living)
    assert (await sweep(store, storage=storage)).jobs == 1
    assert storage.stored_jobs() == ()


async def test_the_sweep_forgets_the_names_of_expired_jobs(store: JobStore, storage: Storage) -> None:
    """Batches that nobody went on with expire by themselves: no list and no figure shows them any more."""
    keys = store.access.keys
    living = await submitted(store)
    for owner in ("", "", "oficina"):
        job_id = await store.create(JobMetadata(), owner=owner)
        await store.access.client.delete(*keys.of_job(job_id)[:4])
    assert (await store.queue_figures()).unfinished_jobs == 4

    assert (await sweep(store, storage=storage)).index_names == 3
    assert (await store.queue_figures()).unfinished_jobs == 1
    assert await store.access.client.zrange(keys.jobs, 0, -1) == [living]


def test_what_is_written_keeps_its_name_over_a_power_cut(
    local: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each new file's folder, and those that lead to it, are synced after its entry was made, also for links."""
    changed: set[str] = set()
    """Folders with entries that may not be on the disk."""
    made: list[str] = []

    def noted(call: Callable[..., Any]) -> Callable[..., Any]:
        def change(source: Any, target: Any, **named: Any) -> Any:
            changed.add(str(Path(target).parent))
            made.append(str(target))
            return call(source, target, **named)

        return change

    def sync(descriptor: int, *, real: Callable[[int], None] = os.fsync) -> None:
        real(descriptor)
        changed.discard(str(Path(f"/proc/self/fd/{descriptor}").readlink()))

    def make(path: Any, mode: int = 0o777, *, real: Callable[..., None] = os.mkdir) -> None:
        real(path, mode)
        changed.add(str(Path(path).parent))

    monkeypatch.setattr(os, "replace", noted(os.replace))
    monkeypatch.setattr(os, "link", noted(os.link))
    monkeypatch.setattr(os, "mkdir", make)
    monkeypatch.setattr(os, "fsync", sync)

    job_id, other = new_job_id(), new_job_id()
    steps: dict[str, Callable[[], object]] = {
        "an upload": lambda: put(local, job_id, b"a"),
        "artifacts": lambda: local.write_artifacts(job_id, "d0001", ARTIFACTS),
        "a cached result": lambda: local.keep_result(KEY, job_id=job_id, document_id="d0001"),
        "artifacts from the cache": lambda: local.reuse_result(KEY, job_id=other, document_id="d0001"),
        "a review": lambda: local.write_review(job_id, "d0001", b"{}"),
        "keys": lambda: local.write_keys("oficina", b"{}"),
    }
    for step, write in steps.items():
        made.clear()
        write()
        assert made, step
        assert changed == set(), step
