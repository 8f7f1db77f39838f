"""Whole plans: the passages about a point are weighed together, and more of a plan never takes anything away."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.model import Findings
from pipeline.nodes.embedding import EmbeddingModels, embedding
from pipeline.questionnaire.answers import CLEAR, EVEN, answer_questionnaire
from pipeline.questionnaire.instrument import load_instrument
from pipeline.questionnaire.reading import EVIDENCE, Reading, decided_criteria, likely_about, signs_of, weigh
from pipeline.questionnaire.rules import load_rules
from pipeline.questionnaire.strengths import WHOLE_PLAN, RuleStrengths
from tests.pipeline.questionnaire.documents import document

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pipeline.model import AnswerFinding, CriterionFinding

NEUTRAL = tuple(
    f"El sendero número {number} sube la loma y llega al mirador del oriente." for number in range(WHOLE_PLAN)
)
WOMEN = (
    "[d] Las mujeres cabeza de familia sufren altas tasas de desempleo en la zona rural del municipio.",
    "[d] En 2019 se registraron 84 casos de violencia contra la mujer, según Medicina Legal.",
    "Programa de equidad de género: capacitar 200 mujeres en emprendimiento durante el cuatrienio.",
    "La Secretaría de Gobierno liderará la mesa municipal de mujeres en coordinación con la Gobernación.",
    "Disminuir en 20 % los casos de violencia contra la mujer durante el cuatrienio.",
)


@pytest.fixture(scope="module")
def models() -> EmbeddingModels:
    """Encoder and lexicons, loaded once."""
    return EmbeddingModels.load()


def _answers(passages: Sequence[str], *, models: EmbeddingModels) -> tuple[AnswerFinding, ...]:
    segmentation, profile = document(passages)
    return answer_questionnaire(
        segmentation,
        profile=dataclasses.replace(profile, plan_score=1.0),
        relevance=embedding(segmentation, profile=profile, models=models),
        findings=Findings(),
        instrument=load_instrument(),
    )


def _met(answers: Sequence[AnswerFinding]) -> dict[str, CriterionFinding]:
    return {
        f"{answer.question_id}-{criterion.key}": criterion
        for answer in answers
        for criterion in answer.criteria
        if criterion.met
    }


def test_the_numbers_speak_of_what_can_be_decided() -> None:
    """Criteria have an intercept and shares; of the decision nothing is negative."""
    reading = Reading.load()
    assert set(reading.criteria) < set(decided_criteria())
    assert "D4-Q5-a" not in reading.criteria, "plans before 2016 cannot speak of the ODS"
    assert reading.usual.shape == (10, len(reading.criteria))
    assert ((reading.usual >= 0) & (reading.usual <= 1)).all()
    assert (reading.decision >= 0).all()


@given(
    st.lists(st.floats(0, 1), min_size=12, max_size=60),
    st.lists(st.floats(0, 1), min_size=12, max_size=12),
    st.integers(0, 50),
    st.lists(st.booleans(), min_size=6, max_size=6),
)
def test_one_passage_more_weighs_no_less(
    values: list[float], more: list[float], named: int, shows: list[bool]
) -> None:
    """Removing passages never raises a score."""
    criteria = decided_criteria()[:6]
    size = len(values) // 12
    table = np.array(values[: 12 * size]).reshape(size, 2, 6)
    longer = np.concatenate([table, np.array(more).reshape(1, 2, 6)])
    in_plan = np.arange(6)
    before = weigh(table[:, 0], by_rules=table[:, 1], named=named, in_plan=in_plan, criteria=criteria)
    after = weigh(
        longer[:, 0], by_rules=longer[:, 1], named=named + 1, in_plan=in_plan + shows, criteria=criteria
    )
    assert before.shape == (6, len(EVIDENCE))
    assert (after >= before - 1e-12).all()


def test_a_plan_that_says_nothing_of_a_point_meets_nothing_of_it(models: EmbeddingModels) -> None:
    """What the intercepts say alone is never enough, nor is a criterion met without a passage."""
    assert not _met(_answers(NEUTRAL, models=models))


def test_what_a_whole_plan_says_is_found_with_its_passages(models: EmbeddingModels) -> None:
    """The point that is treated meets criteria, each with a passage about it; the others meet none."""
    met = _met(_answers([*NEUTRAL, *WOMEN], models=models))
    assert "P1-D1-Q1-a" in met
    assert {name.partition("-")[0] for name in met} <= {"P1", "P4"}, "unemployment is of P4"
    assert all(finding.proofs for finding in met.values())


def test_a_clear_passage_is_enough_by_itself(models: EmbeddingModels) -> None:
    """One sentence on people in prison in a plan that says nothing else of them; it says itself how sure that is."""
    passage = (
        "[d] Las personas privadas de la libertad en la cárcel municipal sufren un grave problema de hacinamiento "
        "carcelario."
    )
    action = "Adecuar la cárcel municipal para la población privada de la libertad."
    met = _met(_answers([*NEUTRAL, passage, action], models=models))
    finding = met["P9-D1-Q2-a"]
    assert finding.proofs[0].strength >= CLEAR
    assert finding.confidence < EVEN, "a reader is asked to look"


def test_what_speaks_rather_of_another_point_counts_less(models: EmbeddingModels) -> None:
    """A sentence on victims that comes after one on women counts less for the women than that one does."""
    paragraph = (
        "[d] Las mujeres y la equidad de género son el centro de este programa municipal de gobierno. "
        "Las víctimas del conflicto armado recibirán además la reparación integral que la Ley 1448 les reconoce."
    )
    segmentation, profile = document([paragraph])
    strengths = RuleStrengths(
        segmentation,
        profile=profile,
        relevance=embedding(segmentation, profile=profile, models=models),
        findings=Findings(),
    )
    women, victims = 0, 4
    signs = signs_of(strengths, passages=np.array([0, 1]), point=women)
    assert signs[:, 1:].tolist() == [[0, 0], [1, 1]]
    reading = Reading.load()
    first, second = likely_about(signs, weights=reading.signs, intercept=reading.points[women])
    assert first > second
    of_victims = signs_of(strengths, passages=np.array([1]), point=victims)
    assert likely_about(of_victims, weights=reading.signs, intercept=reading.points[victims]) > second


def test_what_is_implied_is_met_too(models: EmbeddingModels) -> None:
    """No year of a figure without the figure."""
    met = _met(_answers([*NEUTRAL, *WOMEN], models=models))
    rules = load_rules()
    for name in met:
        point, _, criterion = name.partition("-")
        own = rules[criterion].same_as or criterion
        assert all(f"{point}-{need}" in met for need in rules[own].needs)
