"""An evaluation with its corrections applied, and scores with and without them."""

from __future__ import annotations

from dataclasses import asdict
from itertools import product
from typing import TYPE_CHECKING, Any

from pipeline.model import CRITERION_KEYS, DIMENSION_IDS, POINT_IDS
from pipeline.scoring import LEVELS, Score, mean_score, question_score

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from pipeline.review.corrections import Change, Review


def corrected(result: Mapping[str, Any], review: Review) -> dict[str, Any]:
    """``evaluation_results`` with the corrections applied; ``result`` itself is not changed.

    Met criteria, scores, levels, bands and what applies are those after correction. Beside them stands what the
    machine had said: ``correction`` in each criterion and point that was corrected, ``machine`` in each answer whose
    score, level or applicability differs, and ``review`` with both sets of scores, who and when. Evidence,
    explanations and hashes stay the machine's.
    """
    current = review.current()
    points = [_point(point, change=current.get(point["id"])) for point in result["points"]]
    applicable = {point["id"]: point["applicable"] for point in points}
    answers = [
        _answer(answer, current=current, applicable=applicable[answer["point"]])
        for answer in result["answers"]
    ]
    after = {**result, "answers": answers, "points": points}
    _score(after)
    after["review"] = review_summary(result, review, after=after)
    return after


def review_summary(
    result: Mapping[str, Any], review: Review, *, after: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """What a reader of results is told of a review: corrections that hold, history, scores with and without.

    ``after`` is ``corrected(result, review)`` where that is at hand.
    """
    return {
        "revision": review.revision,
        "deterministic_hash": review.deterministic_hash,
        "corrections": [asdict(change) for change in review.current().values()],
        "history": [asdict(change) for change in review.history],
        "scores": {
            "machine": _scores(result),
            "corrected": _scores(after if after is not None else corrected(result, review)),
        },
    }


def _scores(result: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "overall": {
            name: result["overall"][name] for name in ("score", "band", "criteria_met", "criteria_total")
        },
        "points": [
            {name: point[name] for name in ("id", "score", "band", "applicable", "dimensions")}
            for point in result["points"]
        ],
        "dimensions": [
            {name: dimension[name] for name in ("id", "score", "band")} for dimension in result["dimensions"]
        ],
    }


def _correction(change: Change, *, machine: bool) -> dict[str, Any]:
    return {"machine": machine} | {
        name: getattr(change, name) for name in ("revision", "at", "reviewer", "client", "reason", "page")
    }


def _point(point: Mapping[str, Any], *, change: Change | None) -> dict[str, Any]:
    if change is None:
        return dict(point)
    correction = _correction(change, machine=point["applicable"])
    return {**point, "applicable": bool(change.value), "correction": correction}


def _answer(answer: Mapping[str, Any], *, current: Mapping[str, Change], applicable: bool) -> dict[str, Any]:
    criteria = dict(answer["criteria"])
    for key in CRITERION_KEYS:
        change = current.get(f"{answer['question_id']}-{key}")
        if change is not None:
            criterion = criteria[key]
            correction = _correction(change, machine=criterion["met"])
            criteria[key] = {**criterion, "met": bool(change.value), "correction": correction}
    met = _met(criteria)
    after = {
        **answer,
        "criteria": criteria,
        "score": float(question_score(met)),
        "level": LEVELS[met],
        "applicable": applicable,
    }
    said = {name: answer[name] for name in ("score", "level", "applicable")}
    if said != {name: after[name] for name in said}:
        after["machine"] = said
    return after


def _met(criteria: Mapping[str, Mapping[str, Any]]) -> int:
    return sum(criterion["met"] for criterion in criteria.values())


def _score(result: dict[str, Any]) -> None:
    """Give points, dimensions and the whole the scores of the answers that stand in ``result``, in place."""
    cells: dict[tuple[str, str], list[int]] = {cell: [] for cell in product(POINT_IDS, DIMENSION_IDS)}
    for answer in result["answers"]:
        cells[answer["point"], answer["dimension"]].append(_met(answer["criteria"]))
    applicable = [point["id"] for point in result["points"] if point["applicable"]]

    def mean(points: Iterable[str], dimensions: Iterable[str] = DIMENSION_IDS) -> Score:
        return mean_score(met for cell in product(points, dimensions) for met in cells[cell])

    for point in result["points"]:
        point["dimensions"] = {d: mean([point["id"]], [d]).number for d in DIMENSION_IDS}
        point.update(_counted(mean([point["id"]])))
    result["dimensions"] = [
        {**dimension, "score": score.number, "band": score.band}
        for dimension in result["dimensions"]
        for score in [mean(applicable, [dimension["id"]])]
    ]
    result["overall"] = {**result["overall"], **_counted(mean(applicable))}


def _counted(score: Score) -> dict[str, Any]:
    return {
        "score": score.number,
        "band": score.band,
        "criteria_met": score.criteria_met,
        "criteria_total": score.criteria_total,
    }
