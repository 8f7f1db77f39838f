"""The simulation of many machines says the same each time, and what a queue must do."""

from __future__ import annotations

import tomllib

import pytest

from benchmarks.simulation import INPUTS, Outcome, report, simulate


def _outcome(*, evaluators: int, seed: int = 1, **assumed: float) -> Outcome:
    inputs = tomllib.loads(INPUTS.read_text("utf-8"))
    inputs["assumed"] |= assumed
    return simulate(2000, evaluators=evaluators, seed=seed, inputs=inputs)


def test_a_seed_repeats_it() -> None:
    """Equal seeds give equal outcomes, others do not."""
    assert _outcome(evaluators=25) == _outcome(evaluators=25)
    assert _outcome(evaluators=25) != _outcome(evaluators=25, seed=2)


def test_no_document_is_lost_when_nodes_die() -> None:
    """Each is worked on once to its end, however many attempts that takes; and it takes longer."""
    calm, deadly = (
        _outcome(evaluators=16, node_deaths_per_hour=0.001),
        _outcome(evaluators=16, node_deaths_per_hour=100.0),
    )
    assert len(calm.started) == len(deadly.started) == 2000
    assert calm.repeated == 0
    assert deadly.repeated > 0
    assert deadly.seconds > calm.seconds


def test_two_evaluators_that_are_there_take_half_the_time_of_one() -> None:
    """Without waiting for machines the throughput is that of the evaluators."""
    one, two = (_outcome(evaluators=number, first_nodes=8) for number in (1, 2))
    assert two.seconds == pytest.approx(one.seconds / 2, rel=0.05)


def test_the_oldest_document_waits_to_the_end() -> None:
    """The age of the queue, in minutes, is never more than the whole time."""
    row = report(_outcome(evaluators=8), tomllib.loads(INPUTS.read_text("utf-8")))
    assert 0 < row["queue_age_p50_minutes"] <= row["queue_age_p95_minutes"] <= 60 * row["hours"] + 1
