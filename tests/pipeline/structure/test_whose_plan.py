"""Node 2: is it a plan, and whose."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from structure_samples import clean, document, page

from pipeline.extraction import ExtractionWorker
from pipeline.nodes.plan_processing import plan_processing
from pipeline.nodes.sanitization import sanitization

if TYPE_CHECKING:
    from pipeline.model import PlanProfile

SHARED = Path(__file__).resolve().parents[4] / "shared"
EXAMPLES = Path(__file__).resolve().parents[3] / "examples"
PLAN = [
    "PLAN DE DESARROLLO MUNICIPAL 2024-2027",
    "MUNICIPIO DE PUERTO ARRAYÁN",
    "DEPARTAMENTO DEL CHOCÓ",
    "ACUERDO No. 009 DE MAYO 31 DE 2024",
    "por medio del cual se adopta el plan de desarrollo del municipio de Puerto Arrayán.",
    "El diagnóstico del municipio muestra las necesidades de la población del departamento del Chocó.",
    "La parte estratégica contiene los programas con sus metas e indicadores de producto.",
    "Cada meta tiene un indicador, una línea base y un responsable en la alcaldía del municipio.",
    "El plan plurianual de inversiones distribuye los recursos del plan de desarrollo.",
    "El seguimiento del plan de desarrollo se hará cada seis meses con todas las dependencias.",
] + ["Las metas del programa de salud se medirán con los indicadores del municipio en el cuatrienio."] * 8
LETTER = [
    "Puerto Arrayán, 4 de mayo",
    "Señor alcalde:",
    "Le escribo para pedirle que arregle el puente de mi vereda.",
] * 12
NOVEL = ["Muchos años después, frente al río, el coronel había de recordar aquella tarde de su niñez."] * 20
PAPER = [
    "The development plan of the municipality is evaluated with indicators and targets in this paper."
] * 20


def profile_of(texts: list[str], title: str = "") -> PlanProfile:
    """The profile of a document of two pages."""
    return plan_processing(sanitization(document(page(1, texts[:40]), page(2, texts[40:]), title=title)))


def test_a_plan_is_recognised_with_all_that_identifies_it() -> None:
    """Municipality, department, period, status and language are read from what the plan says of itself."""
    profile = profile_of(PLAN)
    assert profile.is_plan
    assert (profile.municipality, profile.department) == ("Puerto Arrayán", "Chocó")
    assert (profile.period, profile.status, profile.language) == ((2024, 2027), "adoptado", "es")


@pytest.mark.parametrize("texts", [LETTER, NOVEL, PAPER], ids=["letter", "novel", "english paper"])
def test_other_texts_are_no_plans(texts: list[str]) -> None:
    """A letter, a novel and a paper in English about plans are refused, with reasons in Spanish."""
    profile = profile_of(texts)
    assert not profile.is_plan
    assert any(reason.startswith("En contra: ") for reason in profile.reasons)


def test_what_names_itself_otherwise_is_no_plan_however_near() -> None:
    """A candidate's programme speaks of the same things; its first line says what it is."""
    assert not profile_of(["PROGRAMA DE GOBIERNO 2024-2027", *PLAN[5:]]).is_plan


def test_a_law_cited_in_the_first_lines_does_not_make_it_a_law() -> None:
    """Plans open with the norms they rest on; a line that ends such a sentence is no title."""
    opening = [
        "El alcalde, en uso de sus facultades y conforme a la",
        "Ley 152 de 1994.",
        "Constitución Política.",
    ]
    assert profile_of([*opening, *PLAN[2:]]).is_plan


def test_a_decree_that_adopts_the_plan_is_the_plan() -> None:
    """A mayor adopts the plan by decree when the council lets its term pass."""
    assert profile_of(
        ["DECRETO 045 DE 2024", "por el cual se adopta el plan de desarrollo", *PLAN[1:]]
    ).is_plan


def test_a_draft_is_told_from_an_adopted_plan() -> None:
    """``Proyecto de acuerdo`` is a draft."""
    assert profile_of(["PROYECTO DE ACUERDO", *PLAN[:3], *PLAN[5:]]).status == "borrador"


@pytest.mark.parametrize(
    "front",
    [
        ["PROYECTO DE ACUERDO", "ACUERDO No. 000 DE 2024 ( mayo )"],
        ["PROYECTO DE ACUERDO No. 007 DE 2024"],
        ["ACUERDO No. ____ DE 2024"],
    ],
    ids=["zeros for a number", "number of the bill", "blank for a number"],
)
def test_an_agreement_without_number_and_date_is_not_adopted(front: list[str]) -> None:
    """What a council has before it says that it adopts the plan, and keeps places for number and date."""
    end = "Dado en Puerto Arrayán a los ______ días del mes de ______ de 2024. Publíquese y cúmplase."

    assert profile_of([*front, *PLAN[:3], *PLAN[4:], end]).status == "borrador"


def test_a_date_written_by_hand_leaves_an_adopted_plan_adopted() -> None:
    """The number of the agreement stands in its front; of the date the text shows only the line it was written on."""
    end = "Dado en Puerto Arrayán a los ____ (__) días del mes de mayo de 2024."

    assert profile_of([*PLAN, end]).status == "adoptado"


def test_an_empty_document_has_a_profile() -> None:
    """A document without lines is no plan and has no sections; nothing fails."""
    profile = plan_processing(clean(page(1, [])))
    assert not profile.is_plan
    assert profile.sections == ()


def judged(paths: list[Path]) -> dict[str, bool]:
    """Which of these PDFs count as plans, by name."""
    with ExtractionWorker() as worker:
        documents = {path.name: worker.extract(path.read_bytes()) for path in paths}
    return {name: plan_processing(sanitization(found)).is_plan for name, found in documents.items()}


def test_the_sample_plans_are_plans() -> None:
    """The plans the project ships are recognised."""
    verdicts = judged(sorted(EXAMPLES.glob("*.pdf")))
    assert len(verdicts) >= 3
    assert all(verdicts.values())


@pytest.mark.skipif(not (SHARED / "negatives").is_dir(), reason="the official non-plans are not here")
def test_official_documents_that_are_no_plans_are_refused() -> None:
    """Laws, statutes, a guide, an evaluation, a budget, a report, a candidate's programme are no plans."""
    verdicts = judged(sorted((SHARED / "negatives").glob("*.pdf")))
    assert [name for name, is_plan in verdicts.items() if is_plan] == []
