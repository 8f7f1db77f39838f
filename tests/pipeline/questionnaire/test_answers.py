"""The 300 answers of a small invented plan, and of documents that are no plan."""

from __future__ import annotations

import dataclasses
import re
from typing import TYPE_CHECKING

import pytest

from pipeline.model import Findings
from pipeline.nodes.embedding import EmbeddingModels, embedding
from pipeline.questionnaire.answers import answer_questionnaire
from pipeline.questionnaire.explanations import explain
from pipeline.questionnaire.instrument import load_instrument
from tests.pipeline.questionnaire.documents import document

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pipeline.model import AnswerFinding, CriterionFinding, Segmentation

PLAN = (
    "[d] Las mujeres cabeza de familia sufren altas tasas de desempleo en la zona rural del municipio.",
    "[d] En 2019 se registraron 84 casos de violencia contra la mujer, según Medicina Legal.",
    "Promover la autonomía de las mujeres para mejorar su calidad de vida y garantizar sus derechos.",
    "Meta: Capacitar 200 mujeres en emprendimiento | Indicador: Mujeres capacitadas | Línea base: 40",
    "Meta: Formular la política pública de equidad de género | Indicador: Política formulada | Línea base: 0",
    "Disminuir en 20 % los casos de violencia contra la mujer durante el cuatrienio.",
    "La Secretaría de Gobierno liderará la mesa municipal de mujeres.",
    "[i] Sector: Mujer y equidad de género | 2020: 50 | 2021: 55 | 2022: 60 | 2023: 65",
    "[d] El municipio limita al norte con el río y al sur con la cordillera.",
    "[s] El seguimiento al plan de desarrollo lo hará la Secretaría de Planeación cada seis meses.",
    "[s] La rendición de cuentas se hará en audiencias públicas.",
)
NOVEL = (
    "Aquella tarde remota la mujer cerró la ventana y miró los tres ríos que bajaban de la montaña.",
    "Los niños corrían por la plaza mientras el coronel recordaba la guerra y los 32 muertos del puente.",
    "Nadie en el pueblo volvió a hablar de la peste del insomnio ni de los gitanos que trajeron el hielo.",
)
LAW = (
    "Artículo 1. El Estado garantiza a las mujeres una vida libre de violencias y la protección de sus derechos.",
    "Artículo 2. Las entidades territoriales deberán adoptar la política pública de equidad de género.",
    "Artículo 3. El Gobierno Nacional reglamentará la presente ley dentro de los seis meses siguientes.",
)


@pytest.fixture(scope="module")
def models() -> EmbeddingModels:
    """Encoder and lexicons, loaded once."""
    return EmbeddingModels.load()


def _answers(
    passages: Sequence[str],
    *,
    models: EmbeddingModels,
    is_plan: bool = True,
    findings: Findings | None = None,
) -> tuple[tuple[AnswerFinding, ...], Segmentation]:
    segmentation, profile = document(passages, is_plan=is_plan)
    answers = answer_questionnaire(
        segmentation,
        profile=profile,
        relevance=embedding(segmentation, profile=profile, models=models),
        findings=findings or Findings(),
        instrument=load_instrument(),
    )
    return answers, segmentation


def _criterion(answers: Sequence[AnswerFinding], name: str) -> CriterionFinding:
    question, key = name.rsplit("-", 1)
    answer = next(answer for answer in answers if answer.question_id == question)
    return next(criterion for criterion in answer.criteria if criterion.key == key)


def test_every_question_is_answered_in_the_order_of_the_instrument(models: EmbeddingModels) -> None:
    """A plan gets exactly the 300 answers, each with its criteria a to d."""
    answers, _ = _answers(PLAN, models=models)
    assert tuple(answer.question_id for answer in answers) == load_instrument().question_ids()
    assert all("".join(criterion.key for criterion in answer.criteria) == "abcd" for answer in answers)


@pytest.mark.parametrize(
    ("name", "quote"),
    [
        ("P1-D1-Q1-a", "84 casos de violencia contra la mujer"),
        ("P1-D1-Q1-b", "En 2019"),
        ("P1-D1-Q1-c", "Medicina Legal"),
        ("P1-D1-Q2-a", "altas tasas de desempleo"),
        ("P1-D1-Q3-c", "50 | 55 | 60 | 65"),
        ("P1-D1-Q4-d", "mesa municipal de mujeres"),
        ("P1-D3-Q1-b", "Mujeres capacitadas"),
        ("P1-D3-Q1-c", "Capacitar 200 mujeres"),
        ("P1-D4-Q3-a", "Disminuir en 20 %"),
        ("P1-D5-Q3-a", "política pública de equidad de género"),
        ("P1-D6-Q4-b", "cada seis meses"),
        ("P1-D6-Q4-c", "Secretaría de Planeación"),
    ],
)
def test_the_proof_of_a_criterion_is_the_passage_that_shows_it(
    name: str, quote: str, models: EmbeddingModels
) -> None:
    """An analyst who opens the evidence of a criterion reads the words that decided it."""
    answers, segmentation = _answers(PLAN, models=models)
    criterion = _criterion(answers, name)
    assert criterion.met
    quotes = [segmentation.segments[p.span.segment].text[p.span.start : p.span.end] for p in criterion.proofs]
    assert any(quote in shown for shown in quotes)


@pytest.mark.parametrize("point", ["P8", "P9", "P10"])
def test_points_the_plan_never_names_have_no_criterion_met(point: str, models: EmbeddingModels) -> None:
    """General monitoring does not give credit to a point without programme or target of its own."""
    answers, _ = _answers(PLAN, models=models)
    assert not any(
        criterion.met for answer in answers if answer.point == point for criterion in answer.criteria
    )


@pytest.mark.parametrize("passages", [NOVEL, LAW], ids=["novel", "law"])
def test_documents_of_no_municipality_meet_almost_nothing(
    passages: Sequence[str], models: EmbeddingModels
) -> None:
    """A novel or a law holds nothing of a municipality's own, whatever its words."""
    answers, _ = _answers(passages, models=models, is_plan=False)
    assert sum(criterion.met for answer in answers for criterion in answer.criteria) < 0.02 * 1200


def test_same_document_gives_the_same_answers(models: EmbeddingModels) -> None:
    """Answers depend on the document alone."""
    assert _answers(PLAN, models=models)[0] == _answers(PLAN, models=models)[0]


def test_an_empty_document_is_answered_without_a_criterion_met(models: EmbeddingModels) -> None:
    """A document without segments is answered 300 times with nothing met."""
    answers, _ = _answers((), models=models)
    assert len(answers) == 300
    assert not any(criterion.met for answer in answers for criterion in answer.criteria)


def test_nodes_switched_off_are_named_in_answer_and_explanation(models: EmbeddingModels) -> None:
    """Who switched a node off reads in the answer that it was missing."""
    findings = dataclasses.replace(Findings(), skipped=("monetary_detection",))
    answers, segmentation = _answers(PLAN, models=models, findings=findings)
    resources = next(answer for answer in answers if answer.question_id == "P1-D1-Q3")
    assert resources.skipped_nodes == ("monetary_detection",)
    assert "sin la detección de montos" in explain(
        resources, segmentation, page_of=lambda span: segmentation.segments[span.segment].page
    )
    assert answers[0].skipped_nodes == ()


def test_explanation_says_what_was_found_where_and_what_is_missing(models: EmbeddingModels) -> None:
    """An explanation is a few Spanish sentences that name the page, quote it, and say what the plan lacks."""
    answers, segmentation = _answers(PLAN, models=models)
    for answer in answers:
        text = explain(answer, segmentation, page_of=lambda span: segmentation.segments[span.segment].page)
        met = [criterion for criterion in answer.criteria if criterion.met]
        assert text.startswith("El plan " if met else "Sobre este punto el plan no ")
        assert text.endswith(".")
        assert ("página" in text and "se lee: «" in text) or not met
        outside = re.sub(r"«[^»]*»", "", text)
        assert bool(re.search(r"\. No \w+ ", outside)) is (0 < len(met) < 4)
        assert ("Se cumplen los cuatro criterios." in outside) is (len(met) == 4)
        assert len(text) < 1200


def test_what_no_passage_proves_is_said_to_be_inferred(models: EmbeddingModels) -> None:
    """A criterion that a plan meets by all its passages together has none that a reader could take for the proof."""
    answers, segmentation = _answers(PLAN, models=models)
    answer = next(answer for answer in answers if any(criterion.met for criterion in answer.criteria))
    weak = tuple(
        dataclasses.replace(
            criterion, proofs=tuple(dataclasses.replace(p, strength=0.2) for p in criterion.proofs)
        )
        for criterion in answer.criteria
    )

    def told(answer: AnswerFinding) -> str:
        return explain(answer, segmentation, page_of=lambda span: segmentation.segments[span.segment].page)

    assert "Ningún pasaje muestra por sí solo" not in told(answer)
    text = told(dataclasses.replace(answer, criteria=weak))
    assert re.search(
        r"Ningún pasaje muestra por sí solo .+: se infiere .+; conviene leer la página \d+\.", text
    )


def test_the_nearest_passage_is_quoted_and_named(models: EmbeddingModels) -> None:
    """What came nearest says to which criterion, in the plan's words and with its page."""
    answers, segmentation = _answers(PLAN, models=models)
    texts = [
        explain(answer, segmentation, page_of=lambda span: segmentation.segments[span.segment].page)
        for answer in answers
        if any(criterion.nearest for criterion in answer.criteria if not criterion.met)
    ]

    assert texts
    assert all(
        re.search(r"Lo (más cercano|que más se acerca al? .+) no alcanza: «.+» \(página \d+\)\.", text)
        for text in texts
    )
    assert not [text for text in texts if " a el " in text]


def test_unmet_criteria_say_what_was_looked_for(models: EmbeddingModels) -> None:
    """Every criterion that is not met tells what was searched, and may point to the nearest passage."""
    answers, _ = _answers(PLAN, models=models)
    assert all(c.looked_for for answer in answers for c in answer.criteria if not c.met)
    assert any(c.nearest is not None for answer in answers for c in answer.criteria if not c.met)
