"""Small parts of the actors, with a clock of the test."""

from __future__ import annotations

import pytest

from actors.aggregator import ARTIFACTS
from actors.throughput import WINDOW_SECONDS, Throughput
from actors.watch import Stopped, Watch
from pipeline import artifacts
from pipeline.errors import LimitExceeded


class Clock:
    """Time that passes when the test says so."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        """Now, in seconds."""
        return self.now


def test_a_stopped_evaluation_does_not_begin_another_step() -> None:
    """After ``stop`` the next step raises, and no later step is reported."""
    watch = Watch(soft_limit_seconds=60)
    watch.observe("embedding", 4, 13)
    watch.stop()
    with pytest.raises(Stopped):
        watch.observe("responsibility_detection", 5, 13)
    assert watch.progress is not None
    assert watch.progress.node == "embedding"


def test_the_soft_limit_ends_a_document_with_timeout() -> None:
    """A step that would begin after the soft limit ends the document with the code ``timeout``."""
    clock = Clock()
    watch = Watch(soft_limit_seconds=60, clock=clock)
    clock.now += 59
    watch.observe("sanitization", 1, 13)
    clock.now += 2
    with pytest.raises(LimitExceeded) as raised:
        watch.observe("plan_processing", 2, 13)
    assert raised.value.kind.code == "timeout"


def test_time_is_booked_on_the_step_it_was_spent_in() -> None:
    """Seconds between two observations belong to the first of them."""
    clock = Clock()
    watch = Watch(soft_limit_seconds=60, clock=clock)
    clock.now += 5
    watch.observe("sanitization", 1, 13)
    clock.now += 2
    watch.observe("plan_processing", 2, 13)
    clock.now += 3
    assert watch.node_seconds() == {"sanitization": 2, "plan_processing": 3}


def test_throughput_counts_hours_of_work_only() -> None:
    """Ten documents in a minute of work are 600 an hour, however long the service was idle before."""
    clock = Clock()
    throughput = Throughput(clock=clock)
    throughput.note(100, working=False)
    clock.now += 200
    throughput.note(100, working=True)
    clock.now += 60
    throughput.note(110, working=False)
    assert throughput.per_hour() == pytest.approx(600)
    clock.now += WINDOW_SECONDS + 1
    throughput.note(110, working=False)
    assert throughput.per_hour() == 0


def test_throughput_survives_another_redis() -> None:
    """A counter that falls back to zero gives no negative figure."""
    clock = Clock()
    throughput = Throughput(clock=clock)
    throughput.note(50, working=True)
    clock.now += 10
    throughput.note(0, working=True)
    assert throughput.per_hour() == 0


def test_the_aggregator_expects_the_artifacts_that_are_written() -> None:
    """The names the aggregator checks are those the pipeline gives to its artifacts."""
    assert {artifacts.EVALUATION_RESULTS, artifacts.EVIDENCE_REGISTRY, artifacts.COVERAGE_REPORT} == ARTIFACTS
