"""Which criteria a reviewer is sent to first."""

from __future__ import annotations

from typing import Any

from pipeline.report.doubt import DOUBTFUL, unsure_criteria


def _answer(question: str, *, applicable: bool = True, **criteria: dict[str, Any]) -> dict[str, Any]:
    return {
        "question_id": question,
        "point": question.partition("-")[0],
        "applicable": applicable,
        "criteria": criteria,
    }


def test_the_least_sure_come_first() -> None:
    """Sure ones, those that someone corrected, and points that do not apply are left out."""
    answers = [
        _answer(
            "P1-D1-Q1",
            a={"confidence": 0.55, "met": True},
            b={"confidence": DOUBTFUL, "met": True},
            c={"confidence": 0.52, "correction": {"reviewer": "Ana"}},
        ),
        _answer("P2-D3-Q4", d={"confidence": 0.31, "met": False}, a={"confidence": 0.99}),
        _answer("P10-D1-Q1", applicable=False, a={"confidence": 0.5}),
    ]

    found = [(one.point, one.question, one.key, one.met) for one in unsure_criteria(answers)]

    assert found == [("P2", "P2-D3-Q4", "d", False), ("P1", "P1-D1-Q1", "a", True)]
