"""Each criterion is met by passages that show it and not by passages that only come near."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pipeline.model import Findings
from pipeline.nodes.embedding import EmbeddingModels, embedding
from pipeline.questionnaire.answers import answer_questionnaire
from pipeline.questionnaire.instrument import load_instrument
from tests.pipeline.questionnaire.documents import document

if TYPE_CHECKING:
    from pipeline.questionnaire.instrument import Instrument

EXAMPLES = tomllib.loads(Path(__file__).with_name("examples.toml").read_text("utf-8"))
CASES = [
    pytest.param(
        criterion, table["point"], passage, met, id=f"{criterion}-{'met' if met else 'near'}-{number}"
    )
    for criterion, table in EXAMPLES.items()
    for met, passages in ((True, table["met"]), (False, table["not_met"]))
    for number, passage in enumerate(passages)
]


@pytest.fixture(scope="module")
def models() -> EmbeddingModels:
    return EmbeddingModels.load()


@pytest.fixture(scope="module")
def instrument() -> Instrument:
    return load_instrument()


@pytest.mark.parametrize(("criterion", "point", "passage", "met"), CASES)
def test_passage_decides_criterion(
    criterion: str, point: str, passage: str, *, met: bool, models: EmbeddingModels, instrument: Instrument
) -> None:
    """A passage shows the criterion exactly when a reader of the instrument would say so."""
    segmentation, profile = document([passage])
    relevance = embedding(segmentation, profile=profile, models=models)
    answers = answer_questionnaire(
        segmentation, profile=profile, relevance=relevance, findings=Findings(), instrument=instrument
    )
    question, key = criterion.rsplit("-", 1)
    answer = next(answer for answer in answers if answer.question_id == f"{point}-{question}")
    finding = next(finding for finding in answer.criteria if finding.key == key)
    assert finding.met is met
