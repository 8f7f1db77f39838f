"""Documents that are no plans are recognised; evaluated all the same, they meet next to nothing."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pipeline.extraction import ExtractionWorker
from tests.pipeline.finish.sample_plans import LINE_CHARS, evaluator, lines_of, met, set_lines

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pipeline.evaluation import Engine, Evaluation

NEGATIVES = Path(__file__).resolve().parents[4] / "shared" / "negatives"
OFFICIAL = sorted(NEGATIVES.glob("*.pdf")) if NEGATIVES.is_dir() else []
FEW = 0.02 * 1200
TEXTS = {
    "news": (
        "La Policía Nacional capturó en 2021 a 14 personas por hurto y extorsión en el centro, según el comandante.",
        "Las mujeres víctimas de violencia pidieron a la Alcaldía abrir una casa de acogida antes de diciembre.",
        "El 35 % de los jóvenes no encuentra empleo, dijo el DANE, y la Secretaría de Educación prometió 500 becas.",
        "La creciente del río dejó 120 familias damnificadas; el Consejo de Gestión del Riesgo entregará ayudas.",
    ),
    "minutes": (
        "El secretario llama a lista y contestan doce concejales; hay quórum para deliberar y decidir.",
        "El honorable concejal pregunta por el presupuesto de salud y por los $ 1.200 millones del hospital en 2019.",
        "La personera informa que la comisaría de familia atendió 84 casos de maltrato infantil durante el año.",
        "Se somete a votación el acta anterior y se aprueba con diez votos; se levanta la sesión a las once.",
    ),
    "paper": (
        "Analizamos la relación entre deforestación y conflicto armado en 40 municipios mediante un modelo de panel.",
        "Los resultados sugieren que la mortalidad infantil disminuye 12 % cuando aumenta el agua potable.",
        "La muestra comprende 1.240 hogares rurales encuestados en 2018; el 51 % tiene jefatura femenina.",
        "Concluimos que la restitución de tierras reduce la pobreza de las víctimas del desplazamiento forzado.",
    ),
    "contract": (
        "El contratista se obliga a construir 40 viviendas de interés social en 180 días por $ 2.400.000.000.",
        "La supervisión estará a cargo de la Secretaría de Planeación, que presentará informes mensuales.",
        "El pago se hará con recursos del Sistema General de Regalías previa presentación de las actas de obra.",
        "Las partes suscriben el presente contrato en la ciudad a los tres días del mes de mayo.",
    ),
}


@pytest.fixture(scope="module")
def run(engine: Engine) -> Iterator[Callable[[bytes], Evaluation]]:
    """Evaluates a PDF, whether or not it is a plan."""
    with ExtractionWorker() as worker:
        yield evaluator(engine=engine, worker=worker)


@pytest.mark.parametrize("kind", TEXTS)
def test_other_texts_about_the_same_topics_are_no_plans(
    kind: str, run: Callable[[bytes], Evaluation]
) -> None:
    """News, minutes, a paper and a contract speak of health, women and roads, and promise nothing as a plan does."""
    blocks = [(text, False) for text in TEXTS[kind] * 20]
    evaluation = run(set_lines(lines_of(blocks, width=LINE_CHARS)))
    assert not evaluation.flow.profile.is_plan
    assert len(met(evaluation)) < FEW


@pytest.mark.skipif(not OFFICIAL, reason="the official non-plans are not here")
@pytest.mark.parametrize("path", OFFICIAL, ids=lambda path: path.stem)
def test_official_documents_that_are_no_plans_meet_next_to_nothing(
    path: Path, run: Callable[[bytes], Evaluation]
) -> None:
    """Laws, statutes, a guide, an evaluation, a budget, a report and a candidate's programme are told from a plan."""
    evaluation = run(path.read_bytes())
    assert not evaluation.flow.profile.is_plan
    assert len(met(evaluation)) < FEW
