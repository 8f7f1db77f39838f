"""Texts that are made to cost go through the eleven nodes and end with an evaluation."""

from __future__ import annotations

import pytest
from text_bombs import document_of, text_bombs

from pipeline.evaluation import Engine, evaluate
from pipeline.model import EvaluationOptions

CHARACTERS = 12_000
BOMBS = dict(text_bombs(characters=CHARACTERS))


@pytest.fixture(scope="module")
def engine() -> Engine:
    """Loaded once."""
    return Engine.load(threads=1)


@pytest.mark.parametrize("name", BOMBS)
def test_a_text_bomb_is_evaluated(name: str, engine: Engine) -> None:
    """Repetition, length and depth end with 300 answers that say how sure they are."""
    found = evaluate(
        document_of(BOMBS[name]), options=EvaluationOptions(evaluate_non_plans=True), engine=engine
    )

    assert len(found.answers) == 300
    assert all(0 <= criterion.confidence <= 1 for answer in found.answers for criterion in answer.criteria)
