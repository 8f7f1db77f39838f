"""The canonical flow: order, switches, refusals, and the freeze that guards what decides."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pymupdf
import pytest

import pipeline
from pipeline.artifacts import EVALUATION_RESULTS, artifacts
from pipeline.errors import NOT_A_PLAN, DocumentFault, FreezeMismatch
from pipeline.evaluation import Engine, Evaluation, evaluate
from pipeline.extraction import ExtractionWorker
from pipeline.flow import NODES
from pipeline.model import EvaluationOptions, ExtractedDocument

DOCS = Path(__file__).resolve().parents[3] / "docs" / "nodes.md"
CANONICAL = [
    "sanitization",
    "plan_processing",
    "document_segmentation",
    "embedding",
    "responsibility_detection",
    "contradiction_detection",
    "monetary_detection",
    "feasibility_scoring",
    "causal_detection",
    "theory_of_change",
    "dag_validation",
]


def _results(evaluation: Evaluation) -> dict[str, Any]:
    """The evaluation as a reader of the artifact has it."""
    results: dict[str, Any] = json.loads(artifacts(evaluation)[EVALUATION_RESULTS])
    return results


def test_the_table_in_code_is_the_table_in_the_documentation() -> None:
    """Number, name, input, output, switch and needs of each node agree with docs/nodes.md."""
    rows = re.findall(
        r"^\| (\d+) \| `(\w+)` \| (.+?) \| (.+?) \| (.+?) \| (.+?) \|$", DOCS.read_text("utf-8"), re.MULTILINE
    )
    numbers = {node.name: node.number for node in NODES}
    code = [
        (
            str(node.number),
            node.name,
            node.takes,
            node.gives,
            f"`{node.option}`" if node.option else "–",
            ", ".join(str(numbers[name]) for name in node.needs) or "–",
        )
        for node in NODES
    ]

    assert [node.name for node in NODES] == CANONICAL
    assert code == rows


def test_steps_are_announced_in_order(engine: Engine, sample: ExtractedDocument) -> None:
    """An observer hears of every node, the answers and the artifacts, each before it begins."""
    heard: list[tuple[str, int, int]] = []
    evaluate(sample, options=EvaluationOptions(), engine=engine, observe=lambda *step: heard.append(step))

    assert [name for name, _, _ in heard] == [*CANONICAL, "answering", "artifacts"]
    assert [(step, total) for _, step, total in heard] == [(number, 13) for number in range(1, 14)]


class Stop(Exception):
    """Raised by an observer."""


def test_an_observer_can_stop_the_evaluation(engine: Engine, sample: ExtractedDocument) -> None:
    """What an observer raises ends the evaluation there: this is how cancelling and the soft limit work."""

    def stop_at_embedding(name: str, _step: int, _total: int) -> None:
        if name == "embedding":
            raise Stop

    with pytest.raises(Stop):
        evaluate(sample, options=EvaluationOptions(), engine=engine, observe=stop_at_embedding)


def test_switched_off_nodes_are_recorded_as_skipped(engine: Engine, sample: ExtractedDocument) -> None:
    """Without causal analysis nodes 9 to 11 are skipped, give nothing, and the answers that used them say so."""
    options = EvaluationOptions(enable_causal_analysis=False, enable_monetary_detection=False)
    result = _results(evaluate(sample, options=options, engine=engine))
    status = {node["name"]: node["status"] for node in result["nodes"]}

    assert [name for name, state in status.items() if state == "skipped"] == [
        "monetary_detection",
        "causal_detection",
        "theory_of_change",
        "dag_validation",
    ]
    assert result["findings"]["causal_statements"]["total"] == 0
    assert result["findings"]["amounts"]["total"] == 0
    assert next(n for n in result["nodes"] if n["name"] == "feasibility_scoring")["without"] == [
        "monetary_detection"
    ]
    assert "nodes_skipped" in result["warnings"]
    assert any(answer["skipped_nodes"] for answer in result["answers"])
    assert len(result["answers"]) == 300


def test_points_that_do_not_apply_are_marked(
    engine: Engine, sample: ExtractedDocument, evaluation: Evaluation
) -> None:
    """A point marked as not applicable stays visible, and the overall score is that of the other nine."""
    options = EvaluationOptions(not_applicable_points=("P10",))
    result = _results(evaluate(sample, options=options, engine=engine))
    everything = _results(evaluation)

    assert [p["id"] for p in result["points"] if not p["applicable"]] == ["P10"]
    assert "points_not_applicable" in result["warnings"]
    assert result["overall"]["criteria_total"] == 1080
    assert result["overall"]["score"] != everything["overall"]["score"]


def test_a_letter_is_no_plan(engine: Engine) -> None:
    """A one-page letter ends with the code not_a_plan, and is evaluated only on request."""
    with pymupdf.open() as document:
        page = document.new_page()
        page.insert_textbox((72, 72, 520, 760), LETTER, fontsize=11)
        pdf = document.tobytes()
    with ExtractionWorker() as worker:
        letter = worker.extract(pdf)

    with pytest.raises(DocumentFault) as refused:
        evaluate(letter, options=EvaluationOptions(), engine=engine)
    assert refused.value.kind is NOT_A_PLAN
    asked = evaluate(letter, options=EvaluationOptions(evaluate_non_plans=True), engine=engine)
    result = _results(asked)
    assert not result["document"]["is_plan"]
    assert "not_a_plan" in result["warnings"]
    assert result["overall"]["criteria_met"] <= 24  # 2 % of 1,200


LETTER = (
    "Bogotá, 3 de marzo de 2024\n\nSeñora\nMarta Lucía Ríos\nCiudad\n\nApreciada señora Ríos:\n\n"
    "Le agradecemos su carta del 12 de febrero. Con gusto le confirmamos que la reunión con la junta de copropietarios "
    "será el jueves a las seis de la tarde en el salón comunal. Le pedimos traer las llaves del depósito y el libro de "
    "actas, porque el contador necesita revisar las cuotas pendientes.\n\nCordialmente,\n\nLa administración"
)


def test_options_are_part_of_the_freeze_hash(engine: Engine) -> None:
    """The same options give the same hash, other options another one."""
    plain = engine.freeze_hash(EvaluationOptions())

    assert plain == engine.freeze_hash(EvaluationOptions())
    assert plain != engine.freeze_hash(EvaluationOptions(enable_causal_analysis=False))


def test_a_changed_file_stops_the_evaluator(engine: Engine) -> None:
    """A lexicon that differs from the snapshot refuses the next document; one that was only touched does not."""
    freeze = engine.freeze
    name = next(
        name for name in freeze.parts if name.startswith("pipeline:lexicons/") and name.endswith(".toml")
    )
    touched = {**freeze.states, name: (0, 0)}

    replace(freeze, states=touched).verify()
    with pytest.raises(FreezeMismatch):
        replace(freeze, states=touched, parts={**freeze.parts, name: "0" * 64}).verify()


def test_the_freeze_is_the_same_wherever_the_release_stands(engine: Engine, tmp_path: Path) -> None:
    """A copy of the package in another folder, with other dates, has the same freeze hash."""
    package = Path(pipeline.__file__).parent
    shutil.copytree(package, tmp_path / "pipeline", copy_function=shutil.copyfile)
    program = (
        "from pipeline.freeze import Freeze, PACKAGE; from pipeline.model import EvaluationOptions; "
        "print(PACKAGE, Freeze.take().hash(EvaluationOptions()))"
    )
    ran = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    place, found = ran.stdout.split()

    assert Path(place).is_relative_to(tmp_path)
    assert found == engine.freeze_hash(EvaluationOptions())
