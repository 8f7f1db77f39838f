"""The report as PDF, typeset by Typst. Text from plans reaches it as data and is never read as markup."""

from __future__ import annotations

from importlib.resources import as_file, files
from typing import TYPE_CHECKING, Any

import msgspec
import typst

from pipeline.report.wording import LEVELS, SOURCES, STATES, narrow, plain, warnings

if TYPE_CHECKING:
    from collections.abc import Iterable

TIMESTAMP = 0
"""The same results give the same bytes."""
STRONGEST_PER_POINT = 5
MISSING_PER_POINT = 8
FINDINGS_SHOWN = 12
QUOTE_CHARS = 320
WHAT_CHARS = 160
NAME_CHARS = 120
CELL_CHARS = 60
BULLETS = " •·▪■►➢✓*-–\uf0b7\uf0a7\uf0d8"
"""Marks of list items, some from symbol fonts: a quote reads better without."""


def render_pdf(results: Iterable[dict[str, Any]]) -> bytes:
    """The report of one document, or of a batch: a comparison first, then a chapter for each document.

    Args:
        results: ``evaluation_results`` as data, one at a time in memory; ``file_name`` may be added to each.

    Raises:
        ValueError: there is nothing to report.
    """
    chapters = [_chapter(result) for result in results]
    if not chapters:
        raise ValueError("nothing to report")
    data = msgspec.json.encode({"documents": chapters}).decode()
    with as_file(files(__package__) / "report.typ") as template:
        content: bytes = typst.compile(str(template), sys_inputs={"data": data}, timestamp=TIMESTAMP)
    return content


def _chapter(result: dict[str, Any]) -> dict[str, Any]:
    findings = result["findings"]
    names = {dimension["id"]: dimension["name"] for dimension in result["dimensions"]}
    return {
        "file_name": narrow(result.get("file_name", ""), chars=NAME_CHARS),
        "document": _document(result["document"]),
        "overall": result["overall"],
        "dimensions": result["dimensions"],
        "points": [
            _point(point, answers=result["answers"], dimension_names=names) for point in result["points"]
        ],
        "indicators": [_indicator(item) for item in _best_indicators(findings["indicators"]["items"])],
        "amounts": [_amount(item) for item in _largest_amounts(findings["amounts"]["items"])],
        "totals": {
            name: findings[name]["total"]
            for name in ("indicators", "amounts", "responsibilities", "contradictions")
        },
        "contradictions": [
            {"reason": plain(item["reason"]), "left": item["left"]["page"], "right": item["right"]["page"]}
            for item in findings["contradictions"]["items"][:FINDINGS_SHOWN]
        ],
        "warnings": warnings(
            result["warnings"],
            skipped=findings["skipped"],
            recognised=result["document"].get("recognised_pages"),
        ),
        "deterministic_hash": result["deterministic_hash"],
        "freeze_hash": result["freeze_hash"],
        "evidence_registry_hash": result["evidence_registry_hash"],
        "coverage": result["coverage"],
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
        "scanned_pages": len(document["scanned_pages"]),
    }


def _largest_amounts(items: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The largest amounts, each sum once: investment plans repeat their totals on every page."""
    first = {item["pesos"]: item for item in sorted(items, key=lambda item: item["page"], reverse=True)}
    return sorted(first.values(), key=lambda item: -item["pesos"])[:FINDINGS_SHOWN]


def _amount(item: dict[str, Any]) -> dict[str, Any]:
    source = item["source"]
    return {
        "pesos": item["pesos"],
        "year": item["year"],
        "page": item["page"],
        "source": narrow(SOURCES.get(source, source), chars=CELL_CHARS),
        "what": plain(item["programme"] or item["quote"], chars=WHAT_CHARS),
    }


def _best_indicators(items: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted(items, key=lambda item: (-item["quality"], item["page"], item["name"]))[:FINDINGS_SHOWN]


def _indicator(item: dict[str, Any]) -> dict[str, Any]:
    return {
        "name": plain(item["name"], chars=WHAT_CHARS),
        "level": LEVELS.get(item["level"], item["level"]),
        "baseline": narrow(item["baseline"], chars=CELL_CHARS),
        "target": narrow(item["target"], chars=CELL_CHARS),
        "page": item["page"],
    }


def _point(
    point: dict[str, Any], *, answers: list[dict[str, Any]], dimension_names: dict[str, str]
) -> dict[str, Any]:
    own = [answer for answer in answers if answer["point"] == point["id"]]
    return {
        **{name: point[name] for name in ("id", "name", "score", "band", "applicable", "dimensions")},
        "criteria_met": point["criteria_met"],
        "criteria_total": point["criteria_total"],
        "strongest": _strongest(own),
        "missing": _missing(own, dimension_names=dimension_names),
    }


def _strongest(answers: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The passages that serve the most criteria of the point, each once."""
    serves: dict[str, int] = {}
    entries: dict[str, dict[str, Any]] = {}
    for answer in answers:
        for criterion in answer["criteria"].values():
            for entry in criterion["evidence"]:
                serves[entry["id"]] = serves.get(entry["id"], 0) + 1
                entries[entry["id"]] = entry
    ranked = sorted(entries.values(), key=lambda e: (-serves[e["id"]], e["page"], e["id"]))
    return [
        {
            "page": e["page"],
            "quote": plain(e["quote"].lstrip(BULLETS), chars=QUOTE_CHARS),
            "section": plain(e["section"].rsplit(" › ", 1)[-1], chars=WHAT_CHARS),
            "serves": serves[e["id"]],
        }
        for e in ranked[:STRONGEST_PER_POINT]
    ]


def _missing(answers: list[dict[str, Any]], *, dimension_names: dict[str, str]) -> list[dict[str, str]]:
    """Unmet criteria of the questions that are nearest to being complete: the cheapest improvements first."""
    rows = [
        (sum(c["met"] for c in answer["criteria"].values()), answer, key, criterion["text"])
        for answer in answers
        for key, criterion in answer["criteria"].items()
        if not criterion["met"]
    ]
    ordered = sorted(rows, key=lambda row: (-row[0], row[1]["question_id"], row[2]))[:MISSING_PER_POINT]
    return [
        {
            "text": text,
            "dimension": dimension_names[answer["dimension"]],
            "where": f"{answer['question_id']}-{key}",
        }
        for _, answer, key, text in ordered
    ]
