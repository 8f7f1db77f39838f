"""What is short before a batch is named; what is wrong after it is found."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from registry_steps import summary

from cluster.identifiers import digest
from cluster.records import DocumentRecord, DocumentState
from cluster.settings import Settings
from cluster.storage import Storage
from cluster.validators import after_batch, before_batch, percentile

if TYPE_CHECKING:
    from pathlib import Path

    from cluster.jobs import JobStore


async def test_nothing_is_short_on_a_machine_that_suffices(store: JobStore) -> None:
    """With Redis, storage, one evaluator and modest demands the list is empty."""
    modest = Settings.load(
        data_dir=store.access.settings.data_dir,
        min_free_memory_bytes=1,
        min_free_disk_bytes=1,
        storage_floor_bytes=0,
    )
    shortages = await before_batch(modest, store=store, storage=Storage(modest), evaluators_alive=1)
    assert shortages == ()


async def test_everything_that_is_short_is_named(store: JobStore, tmp_path: Path) -> None:
    """Each shortage has its code and a Spanish sentence with the figures."""
    greedy = Settings.load(data_dir=tmp_path, min_free_memory_bytes=2**60, min_free_disk_bytes=2**60)
    found = await before_batch(greedy, store=None, storage=Storage(greedy), evaluators_alive=0)
    assert [shortage.code for shortage in found] == ["memory", "disk", "redis", "evaluators"]
    assert "se necesitan 1073741824,0 GB" in found[0].sentence
    (missing, *_) = await before_batch(
        Settings.load(data_dir=tmp_path, min_free_memory_bytes=0),
        store=store,
        storage=None,
        evaluators_alive=1,
    )
    assert missing.code == "storage"


def document(number: int, *, content: str = "", **more: object) -> DocumentRecord:
    """A document that succeeded in ``number`` seconds."""
    record = DocumentRecord(
        document_id=f"d{number:04d}",
        name="plan.pdf",
        sha256=digest(content or str(number)),
        size_bytes=1,
        state=DocumentState.SUCCEEDED,
        attempt=1,
        queued_at=100.0,
        finished_at=100.0 + number,
        summary=summary(seconds=float(number)),
    )
    return replace(record, **more)  # type: ignore[arg-type]


def test_a_good_batch_has_its_figures() -> None:
    """Twenty documents of 1 to 20 seconds, the last one after 20: 3,600 an hour."""
    report = after_batch([document(number) for number in range(1, 21)])
    assert report.valid
    assert (report.mean_seconds, report.p50_seconds, report.p95_seconds) == (10.5, 10.0, 19.0)
    assert (report.wall_seconds, report.documents_per_hour, report.error_rate) == (20.0, 3600.0, 0.0)


def test_cached_documents_do_not_flatter_the_times() -> None:
    """Only what was evaluated counts for mean and percentiles."""
    cached = document(2, summary=summary(seconds=0.001, cached=True))
    report = after_batch([document(4), cached])
    assert (report.mean_seconds, report.cached, report.succeeded) == (4.0, 1, 2)


def test_an_evaluation_without_all_answers_is_a_problem() -> None:
    """299 answers are not 300."""
    report = after_batch([document(1), document(2, summary=summary(answers=299))])
    assert [(problem.code, problem.document_ids) for problem in report.problems] == [
        ("incomplete", ("d0002",))
    ]


def test_equal_bytes_must_give_equal_hashes() -> None:
    """Two documents with one content and two results: both are named; another freeze may differ."""
    twins = [document(1, content="x"), document(2, content="x", summary=summary("b" * 64))]
    (problem,) = after_batch(twins).problems
    assert (problem.code, problem.document_ids) == ("not_deterministic", ("d0001", "d0002"))
    upgraded = [twins[0], document(2, content="x", summary=summary("b" * 64, freeze_hash="new"))]
    assert after_batch(upgraded).valid


def test_a_second_evaluation_must_agree() -> None:
    """The hash of the repetition is compared with that of the result."""
    documents = [document(1), document(2)]
    assert after_batch(documents, second_hashes={"d0001": "a" * 64}).valid
    (problem,) = after_batch(documents, second_hashes={"d0002": "c" * 64}).problems
    assert (problem.code, problem.document_ids) == ("not_reproduced", ("d0002",))


def test_failures_count_as_errors_and_cancellations_do_not() -> None:
    """One of two that ended failed: half; a batch with nothing in it has no rate."""
    report = after_batch(
        [
            document(1),
            document(2, state=DocumentState.FAILED, summary=None),
            document(3, state=DocumentState.CANCELLED, summary=None),
        ]
    )
    assert (report.error_rate, report.failed, report.cancelled) == (0.5, 1, 1)
    assert after_batch([]).error_rate == 0
    (problem,) = after_batch([document(1, state=DocumentState.RUNNING)]).problems
    assert problem.code == "unfinished"


@pytest.mark.parametrize(("share", "value"), [(0.0, 1), (0.5, 2), (0.75, 3), (0.76, 4), (1.0, 4)])
def test_percentiles_are_values_that_occurred(share: float, value: float) -> None:
    """Nearest rank, no interpolation."""
    assert percentile([1, 2, 3, 4], share=share) == value
