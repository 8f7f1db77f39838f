"""Passages of whole plans are read one by one: what each reads like, and that nothing but the passage decides it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from pipeline.model import Findings
from pipeline.nodes.embedding import EmbeddingModels, embedding
from pipeline.questionnaire import passage_reader
from pipeline.questionnaire.passage_reader import UNIT, PassageReader, all_tokens, describe, read_criteria
from pipeline.questionnaire.strengths import RuleStrengths
from tests.pipeline.questionnaire.documents import document

if TYPE_CHECKING:
    from collections.abc import Sequence

FIGURE = "[d] En 2019 se registraron 84 casos de violencia contra la mujer, según Medicina Legal."
PRODUCT = "Capacitar 200 mujeres rurales en emprendimiento durante el cuatrienio, a cargo de la Secretaría de Gobierno."
CAUSE = "[d] La violencia contra la mujer es un problema cuyas causas son la falta de ingresos y la cultura machista."
LAW = "[d] La Ley 1257 de 2008 dicta normas de prevención de las formas de violencia contra las mujeres."
GREETING = (
    "Las mujeres del municipio recorrieron con el alcalde la plaza en una jornada muy animada de la campaña."
)
PASSAGES = (FIGURE, PRODUCT, CAUSE, LAW, GREETING)
READS_BEST = {
    "D1-Q1-a": FIGURE,
    "D1-Q1-b": FIGURE,
    "D1-Q1-c": FIGURE,
    "D2-Q1-a": PRODUCT,
    "D2-Q2-b": PRODUCT,
    "D3-Q1-c": PRODUCT,
    "D2-Q3-a": CAUSE,
    "D1-Q5-a": LAW,
}
ALWAYS_LIKE = 0.2
"""A passage that says nothing reads like no proof of a criterion by more than this."""


@pytest.fixture(scope="module")
def models() -> EmbeddingModels:
    """Encoder and lexicons, loaded once."""
    return EmbeddingModels.load()


def _strengths(passages: Sequence[str], *, models: EmbeddingModels) -> RuleStrengths:
    segmentation, profile = document(passages)
    relevance = embedding(segmentation, profile=profile, models=models)
    return RuleStrengths(segmentation, profile=profile, relevance=relevance, findings=Findings())


@pytest.mark.parametrize("criterion", READS_BEST)
def test_the_passage_that_shows_a_criterion_reads_most_like_its_proof(
    criterion: str, models: EmbeddingModels
) -> None:
    """A figure, a product, a cause and a law are told apart; a friendly mention of women is none of them."""
    readings = PassageReader.load().read(_strengths(PASSAGES, models=models))
    chances = readings.of(np.arange(len(PASSAGES)))[:, readings.column[criterion]]
    assert PASSAGES[int(chances.argmax())] == READS_BEST[criterion]
    assert chances[PASSAGES.index(GREETING)] < ALWAYS_LIKE


def test_all_that_is_weighed_can_be_seen(models: EmbeddingModels) -> None:
    """Every token of the file is one of this release, and all read criteria are ones that a passage can show."""
    reader = PassageReader.load()
    strengths = _strengths(PASSAGES, models=models)
    assert set(reader.tokens) <= set(all_tokens(strengths))
    assert set(reader.criteria) <= set(read_criteria())
    seen = describe(strengths, passages=np.arange(len(PASSAGES)))
    assert ((seen >= 0) & (seen <= UNIT) & (seen == np.rint(seen))).all()


def test_no_order_of_adding_changes_a_reading(models: EmbeddingModels) -> None:
    """Sums of whole numbers are the same in any order, so that no processor and no number of threads decides."""
    reader = PassageReader.load()
    strengths = _strengths(PASSAGES, models=models)
    position = {token: number for number, token in enumerate(all_tokens(strengths))}
    seen = describe(strengths, passages=np.arange(len(PASSAGES)))[
        :, [position[token] for token in reader.tokens]
    ]
    order = np.random.default_rng(7).permutation(len(reader.tokens))
    exact = [
        [
            sum(int(value) * int(weight) for value, weight in zip(row, column, strict=True))
            for column in reader.first.T
        ]
        for row in seen
    ]
    assert (seen[:, order] @ reader.first[order] == np.array(exact)).all()
    assert np.abs(exact).max() < 2**53


def test_a_passage_reads_alike_whatever_is_read_with_it(
    models: EmbeddingModels, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Blocks and neighbours change nothing; what is about no point is not read."""
    hills = [f"El sendero número {number} sube la loma y llega al mirador." for number in range(9)]
    alone = PassageReader.load().read(_strengths([FIGURE, GREETING], models=models))
    monkeypatch.setattr(passage_reader, "BLOCK", 2)
    among = PassageReader.load().read(_strengths([FIGURE, *hills, GREETING, PRODUCT], models=models))
    assert (among.position >= 0).sum() == 3
    assert (alone.of(np.array([0, 1])) == among.of(np.array([0, len(hills) + 1]))).all()
