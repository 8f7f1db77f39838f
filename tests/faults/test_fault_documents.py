"""Documents that name their fault: each costs one child or nothing, and is refused where it is not wanted."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import psutil
import pytest
from fault_pdfs import fault_plan

from pipeline.errors import PipelineError
from pipeline.extraction import ExtractionLimits, ExtractionWorker

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.quick_faults

# A ceiling that is reached well before the clock, however slowly this machine gives out pages.
LIMITS = ExtractionLimits(wall_seconds=3.0, memory_bytes=600 * 2**20)


@pytest.fixture(scope="module")
def obedient() -> Iterator[ExtractionWorker]:
    """A worker that does what such documents ask for."""
    with ExtractionWorker(limits=LIMITS, fault_documents=True) as worker:
        yield worker


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        ("hang", "timeout"),
        ("hang-busy", "timeout"),
        ("hang-gil", "timeout"),
        ("oom", "memory"),
        ("segv", "parser_crash"),
        ("exit", "parser_crash"),
        ("garbage", "child_protocol"),
        ("too-long", "child_protocol"),
        ("no-such-fault", "fault_document"),
    ],
)
def test_each_fault_ends_in_time_with_its_code(
    obedient: ExtractionWorker, sample_plans: tuple[bytes, ...], fault: str, code: str
) -> None:
    """A hang, a crash or rubbish in the child is a code for this document; the next one is read as ever."""
    healthy = obedient.extract(sample_plans[0])
    before = psutil.Process(obedient.child_pid) if obedient.child_pid else None
    began = time.monotonic()
    with pytest.raises(PipelineError) as raised:
        obedient.extract(fault_plan(sample_plans[0], fault=fault))
    assert raised.value.kind.code == code
    assert time.monotonic() - began < LIMITS.wall_seconds + 10
    assert obedient.extract(sample_plans[0]) == healthy
    if code in {"timeout", "parser_crash", "child_protocol"} and before is not None:
        assert not before.is_running()


def test_a_slow_document_is_only_slow(obedient: ExtractionWorker, sample_plans: tuple[bytes, ...]) -> None:
    """A document that takes its time within the limit gives what it gives without."""
    slow = obedient.extract(fault_plan(sample_plans[0], fault="slow:0.5"))
    assert slow.pages == obedient.extract(sample_plans[0]).pages


@pytest.mark.parametrize("fault", ["hang", "segv", "garbage", "evaluator-exit:embedding"])
def test_without_the_setting_they_are_refused(sample_plans: tuple[bytes, ...], fault: str) -> None:
    """Where fault documents are not allowed, they end at once with a code of their own, and do nothing."""
    with ExtractionWorker(limits=LIMITS) as worker:
        worker.extract(sample_plans[0])
        child = worker.child_pid
        with pytest.raises(PipelineError) as raised:
            worker.extract(fault_plan(sample_plans[0], fault=fault))
        assert (raised.value.kind.code, raised.value.kind.retryable) == ("fault_document", False)
        assert worker.child_pid == child
