"""The three artifacts: complete, as their schemas say, and each quote where it is said to stand."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import jsonschema
import msgspec
import pytest

from pipeline.canonical import canonical_hash
from pipeline.evaluation import Evaluation
from pipeline.evidence import misplaced, quoted_part
from pipeline.schemas import load_schema


@pytest.mark.parametrize(
    "name", ["evaluation_results.json", "evidence_registry.json", "coverage_report.json"]
)
def test_artifacts_follow_their_schemas(written: dict[str, bytes], name: str) -> None:
    """Every artifact is valid under the schema that is published for it."""
    schema = load_schema(name)
    jsonschema.Draft202012Validator.check_schema(schema)

    jsonschema.Draft202012Validator(schema).validate(msgspec.json.decode(written[name]))


def test_all_questions_are_answered_in_order(result: dict[str, Any]) -> None:
    """The 300 questions stand in the order of the instrument, each with its four criteria and an explanation."""
    expected = [f"P{p}-D{d}-Q{q}" for p in range(1, 11) for d in range(1, 7) for q in range(1, 6)]

    assert [answer["question_id"] for answer in result["answers"]] == expected
    assert all(list(answer["criteria"]) == ["a", "b", "c", "d"] for answer in result["answers"])
    assert all(answer["explanation"].endswith(".") for answer in result["answers"])


def test_a_criterion_is_met_exactly_when_it_has_evidence(result: dict[str, Any]) -> None:
    """No criterion is met without a quoted passage, and none that is not met carries one."""
    wrong = [
        (answer["question_id"], key)
        for answer in result["answers"]
        for key, criterion in answer["criteria"].items()
        if criterion["met"] != bool(criterion["evidence"])
    ]

    assert wrong == []


def test_evidence_stands_on_its_page_and_place(evaluation: Evaluation) -> None:
    """The words of every quote are found again in its boxes on its page."""
    assert len(evaluation.registry.entries) > 50
    assert misplaced(evaluation.registry) == ()


def test_the_check_of_places_notices_a_wrong_box(evaluation: Evaluation) -> None:
    """A quote whose box is moved elsewhere is reported: the check above can fail."""
    registry = evaluation.registry
    name, entry = next(iter(registry.entries.items()))
    page, (x0, y0, x1, y1) = entry.boxes[0]
    elsewhere = replace(entry, boxes=((page, (x0, y0 + 400, x1, y1 + 400)),))
    registry.entries[name] = elsewhere
    try:
        assert misplaced(registry) == (name,)
    finally:
        registry.entries[name] = entry


def test_the_registry_names_the_criteria_that_evidence_serves(
    written: dict[str, bytes], result: dict[str, Any]
) -> None:
    """What an answer cites stands in the registry, and the registry says so of that criterion."""
    registry = {
        entry["id"]: entry for entry in msgspec.json.decode(written["evidence_registry.json"])["evidence"]
    }
    for answer in result["answers"]:
        for key, criterion in answer["criteria"].items():
            for entry in criterion["evidence"]:
                assert f"{answer['question_id']}-{key}" in registry[entry["id"]]["serves"]


def test_the_deterministic_hash_covers_all_the_rest(result: dict[str, Any]) -> None:
    """Anyone can recompute the hash from the artifact; a changed answer changes it."""
    stated = result.pop("deterministic_hash")

    assert canonical_hash(result) == stated
    result["answers"][0]["score"] = 3.0 - result["answers"][0]["score"]
    assert canonical_hash(result) != stated


def test_long_passages_are_cut_at_the_end_of_a_sentence() -> None:
    """A quote has at most 600 characters and ends where a sentence or a word does."""
    text = " ".join(f"La oración número {number} dice algo del municipio." for number in range(40))
    start, end = quoted_part(text, start=0, end=len(text))

    assert 300 <= end - start <= 600
    assert text[start:end].endswith("municipio.")
