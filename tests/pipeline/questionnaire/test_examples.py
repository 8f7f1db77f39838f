"""Each criterion is met by passages that show it and not by passages that only come near."""

from __future__ import annotations

import dataclasses
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pipeline.model import Findings
from pipeline.nodes.embedding import EmbeddingModels, embedding
from pipeline.questionnaire.answers import answer_questionnaire
from pipeline.questionnaire.instrument import load_instrument
from pipeline.questionnaire.rules import load_rules
from tests.pipeline.questionnaire.documents import document

if TYPE_CHECKING:
    from pipeline.questionnaire.instrument import Instrument

EXAMPLES = tomllib.loads(Path(__file__).with_name("examples.toml").read_text("utf-8"))
BETWEEN_PASSAGES = " ¶ "
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
    """Encoder and lexicons, loaded once."""
    return EmbeddingModels.load()


@pytest.fixture(scope="module")
def instrument() -> Instrument:
    """The instrument, read once."""
    return load_instrument()


@pytest.mark.parametrize(("criterion", "point", "passage", "met"), CASES)
def test_passage_decides_criterion(
    criterion: str, point: str, passage: str, *, met: bool, models: EmbeddingModels, instrument: Instrument
) -> None:
    """A passage shows the criterion exactly when a reader of the instrument would say so."""
    question, key = criterion.rsplit("-", 1)
    segmentation, profile = document(passage.split(BETWEEN_PASSAGES))
    [answer] = answer_questionnaire(
        segmentation,
        profile=profile,
        relevance=embedding(segmentation, profile=profile, models=models),
        findings=Findings(),
        instrument=dataclasses.replace(
            instrument,
            points=tuple(row for row in instrument.points if row.id == point),
            questions=tuple(row for row in instrument.questions if row.id == question),
        ),
    )
    finding = next(finding for finding in answer.criteria if finding.key == key)
    assert finding.met is met


def test_every_criterion_has_four_examples_of_each() -> None:
    """Each of the 120 criteria is told by four passages that show it and four that come near."""
    assert set(EXAMPLES) == set(load_rules())
    assert all(len(table["met"]) == len(table["not_met"]) == 4 for table in EXAMPLES.values())
