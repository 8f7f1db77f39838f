"""The criteria whose answer is not sure: a reader looks at them before quoting them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

DOUBTFUL = 0.6
"""Of what the evaluation says with less confidence, half is as a careful reader says (benchmarks/accuracy.md)."""


@dataclass(frozen=True, slots=True)
class UnsureCriterion:
    """A criterion that a reader should look at: of which point, which question, which of its four, and whether met."""

    point: str
    question: str
    key: str
    met: bool


def is_unsure(criterion: Mapping[str, Any]) -> bool:
    """Whether a criterion is answered with less confidence than ``DOUBTFUL`` and nobody has corrected it."""
    return bool(criterion["confidence"] < DOUBTFUL and "correction" not in criterion)


def unsure_criteria(answers: Iterable[Mapping[str, Any]]) -> tuple[UnsureCriterion, ...]:
    """The unsure criteria of points that apply, the least sure first."""
    found = [
        (
            criterion["confidence"],
            UnsureCriterion(answer["point"], answer["question_id"], key, criterion["met"]),
        )
        for answer in answers
        if answer["applicable"]
        for key, criterion in sorted(answer["criteria"].items())
        if is_unsure(criterion)
    ]
    return tuple(one for _, one in sorted(found, key=lambda pair: pair[0]))
