"""Corrections: the machine's answers stay, what reviewers say stands beside them, and scores are given both ways."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import replace
from typing import Any

import jsonschema
import msgspec
import pytest

from pipeline.artifacts import SCHEMA_VERSION
from pipeline.freeze import deciding_files
from pipeline.review import (
    CHANGES_MAX,
    Change,
    Correction,
    Review,
    TooManyChanges,
    corrected,
    faults_of,
    read_review,
    revised,
    write_review,
)
from pipeline.schemas import load_schema

AT = "2026-11-26T10:00:00.000+00:00"


def empty(result: dict[str, Any]) -> Review:
    return Review(result["document"]["sha256"], result["deterministic_hash"])


def after(review: Review, *wanted: Correction, reviewer: str = "Ana", at: str = AT) -> Review:
    return revised(review, wanted, reviewer=reviewer, client="personeria", at=at)


def some(result: dict[str, Any], *, met: bool, point: str = "P1") -> str:
    """A criterion of a point that the machine says is met, or not."""
    return next(
        f"{answer['question_id']}-{key}"
        for answer in result["answers"]
        if answer["point"] == point
        for key, criterion in answer["criteria"].items()
        if criterion["met"] is met
    )


def answer_to(result: dict[str, Any], target: str) -> dict[str, Any]:
    return next(a for a in result["answers"] if a["question_id"] == target.rpartition("-")[0])


def test_no_corrections_change_no_score(result: dict[str, Any]) -> None:
    """Scores computed anew from the answers are those of the machine, to the last digit."""
    again = corrected(result, empty(result))

    assert again.pop("review")["scores"]["machine"] == _scores(result)
    assert again == result


def _scores(result: dict[str, Any]) -> dict[str, Any]:
    return corrected(result, empty(result))["review"]["scores"]["corrected"]


def test_a_corrected_criterion_moves_its_question_and_every_mean_above_it(result: dict[str, Any]) -> None:
    """One more criterion met: 0.75 for the question, a fraction for what stands above it; elsewhere nothing."""
    target = some(result, met=False)
    again = corrected(
        result, after(empty(result), Correction(target, value=True, reason="Está en el anexo", page=3))
    )
    before, now = answer_to(result, target), answer_to(again, target)

    assert now["score"] == before["score"] + 0.75
    assert now["machine"] == {"score": before["score"], "level": before["level"], "applicable": True}
    assert now["criteria"][target[-1]]["met"] is True
    assert now["criteria"][target[-1]]["correction"]["machine"] is False
    assert now["criteria"][target[-1]]["correction"]["page"] == 3
    dimension = before["dimension"]
    assert again["points"][0]["dimensions"][dimension] == result["points"][0]["dimensions"][dimension] + 0.15
    assert again["points"][0]["score"] == pytest.approx(result["points"][0]["score"] + 0.75 / 30, abs=1e-4)
    assert again["overall"]["criteria_met"] == result["overall"]["criteria_met"] + 1
    assert again["points"][1:] == result["points"][1:]
    assert again["review"]["scores"]["machine"]["overall"] == result["overall"]


def test_a_point_that_does_not_apply_leaves_the_averages(result: dict[str, Any]) -> None:
    """The plan's mean is that of the other points; the point keeps what was found about it."""
    again = corrected(result, after(empty(result), Correction("P9", value=False, reason="No hay cárcel")))
    others = [p for p in result["points"] if p["id"] not in {"P9", "P10"}]

    assert again["overall"]["criteria_met"] == sum(p["criteria_met"] for p in others)
    assert again["overall"]["criteria_total"] == 120 * len(others)
    assert again["points"][8]["score"] == result["points"][8]["score"]
    assert again["points"][8]["applicable"] is False
    assert again["points"][8]["correction"]["reason"] == "No hay cárcel"
    assert not any(answer["applicable"] for answer in again["answers"] if answer["point"] == "P9")


def test_a_point_can_be_made_to_apply(result: dict[str, Any]) -> None:
    """What the sender took out, a reviewer can bring back."""
    again = corrected(result, after(empty(result), Correction("P10", value=True, reason="Hay migración")))

    assert again["overall"]["criteria_total"] == result["overall"]["criteria_total"] + 120


def test_the_machines_evaluation_is_not_touched(result: dict[str, Any]) -> None:
    """Neither its data nor its hashes change."""
    before = deepcopy(result)
    wanted = [Correction(some(result, met=True), value=False, reason="Habla de otro municipio")]
    again = corrected(result, after(empty(result), *wanted, Correction("P9", value=False, reason="-")))

    assert result == before
    assert again["deterministic_hash"] == before["deterministic_hash"]
    assert again["evidence_registry_hash"] == before["evidence_registry_hash"]


def test_a_later_change_keeps_what_was_before(result: dict[str, Any]) -> None:
    """Change of mind, withdrawal and a second reviewer: all in the history; what nobody touched keeps its author."""
    one, two = some(result, met=False), some(result, met=True)
    first = after(
        empty(result), Correction(one, value=True, reason="a"), Correction(two, value=False, reason="b")
    )
    second = after(
        first,
        Correction(one, value=True, reason="mejor"),
        Correction(two, value=False, reason="b"),
        reviewer="Luz",
    )
    third = after(second, Correction(two, value=False, reason="b"), reviewer="Eva")

    assert [len(review.history) for review in (first, second, third)] == [2, 3, 4]
    assert second.current()[one].reviewer == "Luz"
    assert second.current()[two].reviewer == "Ana"
    assert list(third.current()) == [two]
    assert third.history[-1] == Change(3, AT, "Eva", "personeria", one, None, "")
    assert third.history[:3] == second.history


def test_saving_the_same_again_changes_nothing(result: dict[str, Any]) -> None:
    """No revision, no entry in the history."""
    first = after(empty(result), Correction("P9", value=False, reason="No hay cárcel"))

    assert after(first, Correction("P9", value=False, reason="No hay cárcel"), reviewer="Luz") is first
    assert after(empty(result)) == empty(result)


def test_the_history_has_an_end(result: dict[str, Any]) -> None:
    """Beyond its bound nothing is added."""
    change = Change(1, AT, "Ana", "", "P9", value=False, reason="x")
    full = replace(empty(result), revision=1, history=(change,) * CHANGES_MAX)

    with pytest.raises(TooManyChanges):
        after(full, Correction("P9", value=False, reason="otra"))


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        ([Correction("P11", value=False, reason="x")], "no existe"),
        ([Correction("P1-D1-Q1-e", value=True, reason="x")], "no existe"),
        ([Correction("P9", value=False, reason="x")] * 2, "dos veces"),
        ([Correction("P10", value=False, reason="x")], "coincide"),
        ([Correction("P9", value=False, reason="x", page=999)], "páginas"),
        ([Correction(f"P{n}", value=False, reason="x") for n in range(1, 10)], "al menos un punto"),
    ],
)
def test_what_makes_no_sense_is_said(result: dict[str, Any], wanted: list[Correction], said: str) -> None:
    """Each fault is named in words."""
    faults = faults_of(wanted, result=result)

    assert len(faults) == 1
    assert said in next(iter(faults.values()))


def test_a_record_follows_its_schema_and_is_read_back(result: dict[str, Any]) -> None:
    """What is stored is canonical, described, and the same review again."""
    review = after(
        after(empty(result), Correction("P9", value=False, reason="<b>x</b> ñ")),
        Correction(some(result, met=False), value=True, reason="sí", page=1),
    )
    record = write_review(review)
    schema = load_schema("review.json")
    jsonschema.Draft202012Validator.check_schema(schema)

    jsonschema.Draft202012Validator(schema).validate(msgspec.json.decode(record))
    assert read_review(record) == review
    assert write_review(read_review(record)) == record
    assert SCHEMA_VERSION == "1.0"


def test_corrections_are_no_part_of_the_freeze() -> None:
    """Code that corrects decides no evaluation: changing it does not make stored results another version's."""
    assert not [name for name in deciding_files() if "review" in name]
