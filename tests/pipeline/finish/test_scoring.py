"""Scores: exact, bounded, and as the instrument defines them."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.model import DIMENSION_IDS, POINT_IDS, AnswerFinding, CriterionFinding
from pipeline.scoring import aggregate, band, mean_score, question_score

any_speed = settings(deadline=None, max_examples=40)
"""How fast this machine is today says nothing about the scores."""

met_counts = st.lists(st.integers(min_value=0, max_value=4), min_size=300, max_size=300)


def answers_with(counts: list[int]) -> tuple[AnswerFinding, ...]:
    """300 answers of which the i-th meets ``counts[i]`` criteria."""
    ids = [(p, d, q) for p in POINT_IDS for d in DIMENSION_IDS for q in range(1, 6)]
    return tuple(
        AnswerFinding(
            f"{p}-{d}-Q{q}", p, d, tuple(_criterion(key, met=i < count) for i, key in enumerate("abcd"))
        )
        for (p, d, q), count in zip(ids, counts, strict=True)
    )


def _criterion(key: str, *, met: bool) -> CriterionFinding:
    return CriterionFinding(key, met, (), 1.0, "")


@pytest.mark.parametrize(("met", "score"), [(0, 0.0), (1, 0.75), (2, 1.5), (3, 2.25), (4, 3.0)])
def test_a_question_scores_three_quarters_for_each_criterion(met: int, score: float) -> None:
    """Score = 3 × met / 4."""
    assert float(question_score(met)) == score


@pytest.mark.parametrize(
    ("score", "name"),
    [
        (Fraction(74, 100), "ausente"),
        (Fraction(3, 4), "insuficiente"),
        (Fraction(3, 2), "aceptable"),
        (Fraction(9, 4), "satisfactorio"),
    ],
)
def test_bands_begin_exactly_at_their_bounds(score: Fraction, name: str) -> None:
    """A mean on a bound belongs to the upper band, without floating-point doubt."""
    assert band(score) == name


@any_speed
@given(met_counts)
def test_the_overall_score_is_the_mean_of_all_questions(counts: list[int]) -> None:
    """Means of points and of dimensions have the same mean as the questions themselves."""
    scores = aggregate(answers_with(counts))
    points = [score.value for score in scores.points.values()]
    dimensions = [score.value for score in scores.dimensions.values()]

    expected = Fraction(3 * sum(counts), 4 * 300)
    assert scores.overall.value == expected
    assert sum(v for v in points if v is not None) / 10 == expected
    assert sum(v for v in dimensions if v is not None) / 6 == expected


@any_speed
@given(met_counts, st.integers(min_value=0, max_value=299))
def test_meeting_one_more_criterion_never_lowers_a_score(counts: list[int], position: int) -> None:
    """Scores are monotone in what is met."""
    more = list(counts)
    more[position] = min(4, more[position] + 1)
    before, after = aggregate(answers_with(counts)), aggregate(answers_with(more))

    assert (after.overall.value or 0) >= (before.overall.value or 0)
    assert all((after.points[p].value or 0) >= (before.points[p].value or 0) for p in POINT_IDS)


@any_speed
@given(met_counts)
def test_a_point_that_does_not_apply_leaves_the_averages(counts: list[int]) -> None:
    """With P10 not applicable, its answers change neither the overall score nor a dimension."""
    without = aggregate(answers_with(counts), not_applicable=("P10",))
    emptied = counts[:270] + [0] * 30

    assert without.overall == aggregate(answers_with(emptied), not_applicable=("P10",)).overall
    assert without.overall.criteria_total == 1080


def test_nothing_applicable_has_no_score() -> None:
    """A mean of nothing is no number and has a band of its own."""
    assert mean_score([]).number is None
    assert mean_score([]).band == "no_aplica"
