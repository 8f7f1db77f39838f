"""From criteria to scores: question → dimension → point → plan, in exact arithmetic.

The score of a question is 3 × criteria met / 4. Every mean is the mean of the questions below it, so a point's
score is the mean of its 30 questions. Points marked as not applicable leave every average.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from itertools import product
from typing import TYPE_CHECKING

from pipeline.model import DIMENSION_IDS, POINT_IDS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from pipeline.model import AnswerFinding

SCALE_MAX = 3
CRITERIA_PER_QUESTION = 4
SCORE_DECIMALS = 4

BANDS: tuple[tuple[Fraction, str], ...] = (
    (Fraction(3, 4), "ausente"),
    (Fraction(3, 2), "insuficiente"),
    (Fraction(9, 4), "aceptable"),
)
"""Upper bounds (exclusive) of the bands of a mean score, as the questionnaire states them."""
HIGHEST_BAND = "satisfactorio"

LEVELS: tuple[str, ...] = ("ausente", "incipiente", "parcial", "avanzado", "completo")
"""Name of a question's level by the number of criteria met, 0 to 4."""


HUNDREDTH = Decimal("0.01")


def hundredths(value: float) -> Decimal:
    """A score as people read it, wherever it stands: two decimals, a half goes up (0.825 is 0.83)."""
    return Decimal(str(value)).quantize(HUNDREDTH, rounding=ROUND_HALF_UP)


@dataclass(frozen=True, slots=True)
class Score:
    """A mean score 0..3 with its band and the criteria it rests on. ``value`` is None where nothing applies."""

    value: Fraction | None
    criteria_met: int
    criteria_total: int

    @property
    def number(self) -> float | None:
        """The value rounded to 4 decimals, for output."""
        return None if self.value is None else float(round(self.value, SCORE_DECIMALS))

    @property
    def band(self) -> str:
        """Band of the exact value, ``no_aplica`` where nothing applies."""
        return "no_aplica" if self.value is None else band(self.value)


@dataclass(frozen=True, slots=True)
class Scores:
    """Scores of the whole plan. ``cells`` are keyed by point and dimension."""

    overall: Score
    points: dict[str, Score]
    dimensions: dict[str, Score]
    cells: dict[tuple[str, str], Score]


def band(value: Fraction) -> str:
    """Band of a mean score."""
    return next((name for bound, name in BANDS if value < bound), HIGHEST_BAND)


def criteria_met(answer: AnswerFinding) -> int:
    """Number of criteria of a question that are met, 0 to 4."""
    return sum(criterion.met for criterion in answer.criteria)


def question_score(met: int) -> Fraction:
    """Score of a question with ``met`` criteria met: 3 × met / 4."""
    return Fraction(SCALE_MAX * met, CRITERIA_PER_QUESTION)


def mean_score(met_counts: Iterable[int]) -> Score:
    """Mean score of questions given their numbers of criteria met."""
    counts = list(met_counts)
    if not counts:
        return Score(None, 0, 0)
    met, total = sum(counts), CRITERIA_PER_QUESTION * len(counts)
    return Score(Fraction(SCALE_MAX * met, total), met, total)


def aggregate(answers: Sequence[AnswerFinding], *, not_applicable: Sequence[str] = ()) -> Scores:
    """Aggregate the answers of a plan.

    A point that is not applicable keeps its own scores (they show what was found) but is left out of the
    dimensions and of the overall score.
    """
    cells: dict[tuple[str, str], list[int]] = {(p, d): [] for p in POINT_IDS for d in DIMENSION_IDS}
    for answer in answers:
        cells[answer.point, answer.dimension].append(criteria_met(answer))
    applicable = [point for point in POINT_IDS if point not in not_applicable]

    def mean(points: Iterable[str], *, dimensions: Iterable[str] = DIMENSION_IDS) -> Score:
        return mean_score(met for cell in product(points, dimensions) for met in cells[cell])

    return Scores(
        overall=mean(applicable),
        points={point: mean([point]) for point in POINT_IDS},
        dimensions={dimension: mean(applicable, dimensions=[dimension]) for dimension in DIMENSION_IDS},
        cells={cell: mean_score(counts) for cell, counts in cells.items()},
    )
