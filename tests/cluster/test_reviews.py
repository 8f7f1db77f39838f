"""Which review holds: of two reviewers who began with the same one, one is told; it lives as long as its job."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from registry_steps import claimed, keys_without_ttl, refused, submitted, summary

from cluster.errors import (
    DOCUMENT_NOT_FOUND,
    DOCUMENT_WITHOUT_RESULT,
    JOB_DELETED,
    JOB_NOT_FOUND,
    REVIEW_CONFLICT,
    ServiceError,
)
from cluster.identifiers import digest, new_job_id
from cluster.records import ReviewPointer
from cluster.storage import REVIEW_SECONDS, Storage

if TYPE_CHECKING:
    from cluster.jobs import JobStore
    from cluster.settings import Settings

ONE, TWO, THREE = digest("1"), digest("2"), digest("3")


async def evaluated(store: JobStore) -> str:
    """A job whose only document succeeded."""
    job_id = await submitted(store)
    await store.finish(await claimed(store), summary=summary())
    return job_id


async def test_a_review_follows_the_one_before(store: JobStore) -> None:
    """Revisions are counted from 1, and the document names the one that holds; its result stays as it was."""
    job_id = await evaluated(store)
    before = await store.document(job_id, "d0001")

    assert before.review is None
    assert await store.review(job_id, "d0001", base=0, sha256=ONE) == ReviewPointer(1, ONE)
    assert await store.review(job_id, "d0001", base=1, sha256=TWO) == ReviewPointer(2, TWO)
    document = await store.document(job_id, "d0001")
    assert document.review == ReviewPointer(2, TWO)
    assert document.summary == before.summary
    assert (await store.documents(job_id))[0].review == document.review


async def test_of_two_reviewers_at_once_one_is_told(store: JobStore) -> None:
    """Ten begin with the same revision: exactly one is saved, and nobody's is overwritten."""
    job_id = await evaluated(store)
    answers = await asyncio.gather(
        *(store.review(job_id, "d0001", base=0, sha256=digest(f"r{n}")) for n in range(10)),
        return_exceptions=True,
    )
    saved = [answer for answer in answers if isinstance(answer, ReviewPointer)]
    told = [answer.refusal for answer in answers if isinstance(answer, ServiceError)]

    assert len(saved) == 1
    assert told == [REVIEW_CONFLICT] * 9
    assert (await store.document(job_id, "d0001")).review == saved[0]


async def test_the_same_call_again_is_no_conflict(store: JobStore) -> None:
    """Whose reply was lost sends again and is told what holds."""
    job_id = await evaluated(store)
    first = await store.review(job_id, "d0001", base=0, sha256=ONE)

    assert await store.review(job_id, "d0001", base=0, sha256=ONE) == first


async def test_only_what_has_a_result_is_reviewed(store: JobStore) -> None:
    """A document that still waits, one that is not there, a job that is gone: each has its refusal."""
    waiting = await submitted(store)
    await refused(store.review(waiting, "d0001", base=0, sha256=ONE), DOCUMENT_WITHOUT_RESULT)
    await refused(store.review(waiting, "d0009", base=0, sha256=ONE), DOCUMENT_NOT_FOUND)
    await refused(store.review(new_job_id(), "d0001", base=0, sha256=ONE), JOB_NOT_FOUND)
    await store.delete(waiting)
    await refused(store.review(waiting, "d0001", base=0, sha256=ONE), JOB_DELETED)


async def test_a_review_expires_with_its_job(store: JobStore) -> None:
    """It neither prolongs the life of a job nor outlives it."""
    job_id = await evaluated(store)
    claim = await store.claim_aggregation(job_id)
    assert claim
    await store.complete(claim, summary={})
    key = store.access.keys.documents(job_id)
    before = await store.access.client.pttl(key)
    await store.review(job_id, "d0001", base=0, sha256=ONE)

    assert 0 < await store.access.client.pttl(key) <= before
    assert not {name for name in await keys_without_ttl(store) if job_id in name}


@pytest.fixture
def storage(settings: Settings) -> Storage:
    return Storage(settings)


def test_reviews_are_stored_under_their_hash_and_go_with_the_job(storage: Storage) -> None:
    """What was written is read back; deleting the job removes it; a job with nothing else is known to the sweep."""
    job_id = new_job_id()
    sha256 = storage.write_review(job_id, "d0001", b"{}")

    assert sha256 == digest("{}")
    assert storage.read_review(job_id, "d0001", sha256) == b"{}"
    assert storage.stored_jobs() == (job_id,)
    storage.delete_job(job_id)
    assert storage.stored_jobs() == ()
    with pytest.raises(FileNotFoundError):
        storage.read_review(job_id, "d0001", sha256)


def test_reviews_are_no_artifacts(storage: Storage) -> None:
    """Another job with the same document gets the machine's result from the cache, and no review."""
    job_id, other = new_job_id(), new_job_id()
    storage.write_artifacts(job_id, "d0001", {"evaluation_results.json": b"{}"})
    storage.write_review(job_id, "d0001", b"{}")
    assert storage.keep_result(THREE, job_id=job_id, document_id="d0001")
    assert storage.reuse_result(THREE, job_id=other, document_id="d0001")

    assert storage.artifact_names(other, "d0001") == ("evaluation_results.json",)


def test_older_reviews_go_when_nobody_can_be_reading_them(storage: Storage) -> None:
    """Only what is old and does not hold is removed."""
    job_id = new_job_id()
    old, recent, held = (storage.write_review(job_id, "d0001", mark) for mark in (b"a", b"b", b"c"))
    for sha256 in (old, held):
        path = Path(storage._review_path(job_id, "d0001", sha256))
        os.utime(path, times=(path.stat().st_mtime - REVIEW_SECONDS - 1,) * 2)
    storage.prune_reviews(job_id, "d0001", keep=held)

    assert storage.read_review(job_id, "d0001", recent) == b"b"
    assert storage.read_review(job_id, "d0001", held) == b"c"
    with pytest.raises(FileNotFoundError):
        storage.read_review(job_id, "d0001", old)
