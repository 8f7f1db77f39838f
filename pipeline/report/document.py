"""The report as PDF, typeset by Typst. Text from plans reaches it as data and is never read as markup."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec

from pipeline.report import shown_findings
from pipeline.report.advice import advice
from pipeline.report.comparison import Comparison
from pipeline.report.doubt import unsure_criteria
from pipeline.report.glyphs import shown
from pipeline.report.point_page import Passages, correction, point_page, served
from pipeline.report.wording import PART, STATES, narrow, pages_in_words, plain, warnings
from pipeline.scoring import BANDS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

FOLDER = Path(__file__).parent
TIMESTAMP = 0
"""The same results give the same bytes."""
STANDARD: Final = "ua-1"
"""PDF/UA-1: tagged, with language, title and bookmarks; the typesetter refuses what breaks it."""
NAME_CHARS = 120
ABSENT = BANDS[0][1]
"""The band of a point that the plan hardly treats."""
REASON_CHARS = 400
CORRECTIONS_SHOWN = 200
HISTORY_SHOWN = 300


def render_pdf(
    results: Iterable[dict[str, Any]],
    *,
    without_result: Sequence[Mapping[str, str]] = (),
    partial: bool = False,
) -> bytes:
    """The report of one plan; of several a comparison, and then each of them in brief.

    Args:
        results: ``evaluation_results`` as data, one at a time in memory; ``file_name`` and what ``pipeline.review``
            adds may stand in each.
        without_result: ``name`` and ``sentence`` (why) of the other documents of the batch, which the report names.
        partial: the batch has not ended; the report says so.

    Raises:
        ValueError: there is nothing to report.
    """
    rest = iter(results)
    first = next(rest, None)
    if first is None:
        raise ValueError("nothing to report")
    second = next(rest, None)
    if second is None:
        data, evaluated = plan(first), 1
    else:
        data = batch(_chained(first, second, rest))
        evaluated = len(data["plans"])
    data["of_batch"] = _of_batch(without_result, evaluated=evaluated, partial=partial)
    return typeset("batch.typ" if second else "plan.typ", data=data)


def _of_batch(
    without_result: Sequence[Mapping[str, str]], *, evaluated: int, partial: bool
) -> dict[str, Any]:
    """What of the batch is not in the report."""
    return {
        "partial": partial,
        "documents": evaluated + len(without_result),
        "without_result": [
            {
                "name": narrow(one["name"], chars=NAME_CHARS),
                "sentence": plain(one["sentence"], chars=REASON_CHARS),
            }
            for one in without_result
        ],
    }


def _chained(
    first: dict[str, Any], second: dict[str, Any], rest: Iterator[dict[str, Any]]
) -> Iterator[dict[str, Any]]:
    yield first
    yield second
    yield from rest


def typeset(template: str, *, data: Mapping[str, Any]) -> bytes:
    """The PDF of a template with its data, every text of which is made fit for the fonts here."""
    import typst  # noqa: PLC0415  tens of megabytes, only where something is typeset

    content: bytes = typst.compile(
        str(FOLDER / template),
        root=str(FOLDER),
        sys_inputs={"data": msgspec.json.encode(_shown(data)).decode()},
        # The same fonts everywhere: those that come with the typesetter.
        ignore_system_fonts=True,
        timestamp=TIMESTAMP,
        pdf_standards=STANDARD,
    )
    return content


def _shown(value: Any) -> Any:
    """The same data with every text as the fonts can show it."""
    if isinstance(value, str):
        return shown(value)
    if isinstance(value, dict):
        return {name: _shown(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_shown(one) for one in value]
    return value


def plan(result: dict[str, Any]) -> dict[str, Any]:
    """All that the report of one plan says, as data for the template."""
    findings, answers, passages = result["findings"], result["answers"], Passages()
    points = [
        point_page(
            point,
            answers=[answer for answer in answers if answer["point"] == point["id"]],
            dimensions=result["dimensions"],
            findings=findings,
            passages=passages,
        )
        for point in result["points"]
    ]
    return {
        **_head(result),
        "points": points,
        "indicators": shown_findings.indicators(findings["indicators"]),
        "amounts": shown_findings.amounts(findings["amounts"], period=result["document"]["period"]),
        "responsibilities": shown_findings.responsibilities(findings["responsibilities"]),
        "contradictions": shown_findings.contradictions(findings["contradictions"]),
        "passages": passages.annex(served(answers)),
        "evidence_registry_hash": result["evidence_registry_hash"],
        "coverage": result["coverage"],
        "review": _review(result),
        "of_batch": _of_batch((), evaluated=1, partial=False),
    }


def batch(results: Iterable[dict[str, Any]]) -> dict[str, Any]:
    """What the report of a batch says: each plan in brief, and what they have in common."""
    comparison = Comparison()
    plans = []
    for result in results:
        comparison.add(result)
        plans.append(_in_brief(result))
    return {
        "plans": plans,
        "missed": comparison.missed(),
        "by_point": comparison.points(),
        "of_batch": _of_batch((), evaluated=len(plans), partial=False),
    }


def _in_brief(result: dict[str, Any]) -> dict[str, Any]:
    names = ("id", "name", "score", "band", "applicable", "dimensions")
    return {
        **_head(result),
        "points": [
            {name: point[name] for name in names} | {"correction": point.get("correction") and True}
            for point in result["points"]
        ],
        "first_steps": _first_steps(result),
        "corrected": "review" in result,
        "perhaps_a_part": PART in result["warnings"],
    }


def _first_steps(result: dict[str, Any]) -> list[dict[str, str]]:
    """For each point that applies what to do first; points with the same step share a line."""
    steps: dict[str, list[str]] = {}
    for point in result["points"]:
        own = [answer for answer in result["answers"] if answer["point"] == point["id"]]
        for step in _first_step(point, answers=own) if point["applicable"] else ():
            steps.setdefault(step["text"], []).append(point["id"])
    return [{"text": text, "points": ", ".join(points)} for text, points in steps.items()]


def _first_step(point: dict[str, Any], *, answers: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The advice that is nearest to being followed; where there is next to nothing, the first on the point's page.

    A point that is absent meets a few criteria by what the plan says of itself as a whole: to complete those first
    would leave it as empty as before.
    """
    return advice(answers)[:1] if point["band"] == ABSENT else advice(answers, at_most=1)


def _head(result: dict[str, Any]) -> dict[str, Any]:
    """What is said first of a plan."""
    return {
        "file_name": narrow(result.get("file_name", ""), chars=NAME_CHARS),
        "document": _document(result["document"]),
        "overall": result["overall"],
        "machine": _machine(result),
        "dimensions": result["dimensions"],
        "extremes": _extremes(result),
        "warnings": warnings(result),
        "unsure": _unsure(result),
        "deterministic_hash": result["deterministic_hash"],
        "freeze_hash": result["freeze_hash"],
    }


def _document(document: dict[str, Any]) -> dict[str, Any]:
    texts = {
        name: plain(document[name] or "", chars=NAME_CHARS)
        for name in ("title", "municipality", "department")
    }
    return texts | {
        "status": STATES.get(document["status"], document["status"]),
        "sha256": document["sha256"],
        "pages": document["pages"],
        "period": document["period"],
        "scanned_pages": pages_in_words(document["scanned_pages"]),
    }


def _unsure(result: dict[str, Any]) -> dict[str, int]:
    """How many criteria a reader should look at before quoting them: all, and those that count as met."""
    found = unsure_criteria(result["answers"])
    return {"total": len(found), "met": sum(one.met for one in found)}


def _machine(result: dict[str, Any]) -> dict[str, Any] | None:
    """The overall score before corrections; None where nobody corrected anything."""
    if "review" not in result:
        return None
    overall: dict[str, Any] = result["review"]["scores"]["machine"]["overall"]
    return overall


def _extremes(result: dict[str, Any]) -> dict[str, Any] | None:
    """The strongest and the weakest point and dimension; None where no point applies or all are alike."""
    points = [point for point in result["points"] if point["applicable"] and point["score"] is not None]
    dimensions = [one for one in result["dimensions"] if one["score"] is not None]
    if not points or not dimensions:
        return None
    by_score = sorted(points, key=lambda point: -point["score"])
    by_dimension = sorted(dimensions, key=lambda one: -one["score"])
    if by_score[0]["score"] == by_score[-1]["score"]:
        return None
    chosen = (by_score[0], by_score[-1], by_dimension[0], by_dimension[-1])
    return {
        name: {"id": one["id"], "name": one["name"], "score": one["score"]}
        for name, one in zip(("point", "weak_point", "dimension", "weak_dimension"), chosen, strict=True)
    }


def _review(result: dict[str, Any]) -> dict[str, Any] | None:
    """What reviewers corrected: what holds now, and what came before."""
    review = result.get("review")
    if review is None:
        return None
    machine = {point["id"]: point for point in review["scores"]["machine"]["points"]}
    texts = {
        f"{answer['question_id']}-{key}": criterion["text"]
        for answer in result["answers"]
        for key, criterion in answer["criteria"].items()
    } | {point["id"]: point["name"] for point in result["points"]}
    return {
        "revision": review["revision"],
        "corrections": [
            _change(change, text=texts[change["target"]])
            for change in review["corrections"][:CORRECTIONS_SHOWN]
        ],
        "history": [
            _change(change, text=texts[change["target"]]) for change in review["history"][-HISTORY_SHOWN:]
        ],
        "points": [
            {
                "id": point["id"],
                "name": point["name"],
                "machine": machine[point["id"]]["score"] if machine[point["id"]]["applicable"] else None,
                "corrected": point["score"] if point["applicable"] else None,
            }
            for point in result["points"]
        ],
    }


def _change(change: dict[str, Any], *, text: str) -> dict[str, Any]:
    return {
        **correction({**change, "machine": None}),
        "target": change["target"],
        "text": text,
        "value": change["value"],
        "revision": change["revision"],
        "is_point": "-" not in change["target"],
    }
