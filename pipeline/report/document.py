"""The report as PDF, typeset by Typst. Text from plans reaches it as data and is never read as markup."""

from __future__ import annotations

import json
from importlib.resources import as_file, files
from typing import TYPE_CHECKING, Any

import typst

if TYPE_CHECKING:
    from collections.abc import Sequence

TIMESTAMP = 0
"""The same results give the same bytes."""
STRONGEST_PER_POINT = 5
MISSING_PER_POINT = 8
FINDINGS_SHOWN = 12
QUOTE_CHARS = 320
WHAT_CHARS = 160


def render_pdf(results: Sequence[dict[str, Any]]) -> bytes:
    """The report of one document, or of a batch: a comparison first, then a chapter for each document.

    Args:
        results: ``evaluation_results`` as data; ``file_name`` may be added to each.

    Raises:
        ValueError: there is nothing to report.
    """
    if not results:
        raise ValueError("nothing to report")
    data = json.dumps({"documents": [_chapter(result) for result in results]}, ensure_ascii=False)
    with as_file(files(__package__) / "report.typ") as template:
        content: bytes = typst.compile(str(template), sys_inputs={"data": data}, timestamp=TIMESTAMP)
    return content


def _chapter(result: dict[str, Any]) -> dict[str, Any]:
    findings = result["findings"]
    return {
        "file_name": _plain(result.get("file_name", "")),
        "document": {
            **{
                name: _plain(result["document"][name] or "")
                for name in ("title", "municipality", "department")
            },
            **{
                name: result["document"][name]
                for name in ("sha256", "pages", "period", "status", "scanned_pages")
            },
        },
        "overall": result["overall"],
        "dimensions": result["dimensions"],
        "points": [_point(point, answers=result["answers"]) for point in result["points"]],
        "indicators": [
            {name: _plain(item[name] or "") for name in ("name", "level", "baseline", "target")}
            | {"page": item["page"]}
            for item in _best_indicators(findings["indicators"]["items"])
        ],
        "amounts": [_amount(item) for item in _largest_amounts(findings["amounts"]["items"])],
        "totals": {
            name: findings[name]["total"]
            for name in ("indicators", "amounts", "responsibilities", "contradictions")
        },
        "contradictions": [
            {"reason": _plain(item["reason"]), "left": item["left"]["page"], "right": item["right"]["page"]}
            for item in findings["contradictions"]["items"][:FINDINGS_SHOWN]
        ],
        "warnings": result["warnings"],
        "deterministic_hash": result["deterministic_hash"],
        "freeze_hash": result["freeze_hash"],
        "evidence_registry_hash": result["evidence_registry_hash"],
        "coverage": result["coverage"],
    }


def _largest_amounts(items: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The largest amounts, each sum once: investment plans repeat their totals on every page."""
    first = {item["pesos"]: item for item in sorted(items, key=lambda item: item["page"], reverse=True)}
    return sorted(first.values(), key=lambda item: -item["pesos"])[:FINDINGS_SHOWN]


def _amount(item: dict[str, Any]) -> dict[str, Any]:
    what = item["programme"] or item["quote"]
    return {name: item[name] for name in ("pesos", "source", "year", "page")} | {
        "what": _plain(what)[:WHAT_CHARS]
    }


def _best_indicators(items: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted(items, key=lambda item: (-item["quality"], item["page"], item["name"]))[:FINDINGS_SHOWN]


def _point(point: dict[str, Any], *, answers: list[dict[str, Any]]) -> dict[str, Any]:
    own = [answer for answer in answers if answer["point"] == point["id"]]
    return {
        **{name: point[name] for name in ("id", "name", "score", "band", "applicable", "dimensions")},
        "criteria_met": point["criteria_met"],
        "criteria_total": point["criteria_total"],
        "strongest": _strongest(own),
        "missing": _missing(own),
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
    best = sorted(entries.values(), key=lambda e: (-serves[e["id"]], e["page"], e["id"]))[
        :STRONGEST_PER_POINT
    ]
    return [
        {
            "page": e["page"],
            "quote": _shortened(e["quote"]),
            "section": _plain(e["section"].rsplit(" › ", 1)[-1])[:WHAT_CHARS],
            "serves": serves[e["id"]],
        }
        for e in best
    ]


def _missing(answers: list[dict[str, Any]]) -> list[dict[str, str]]:
    """Unmet criteria of the questions that are nearest to being complete: the cheapest improvements first."""
    rows = [
        (sum(c["met"] for c in answer["criteria"].values()), answer["question_id"], key, criterion["text"])
        for answer in answers
        for key, criterion in answer["criteria"].items()
        if not criterion["met"]
    ]
    ordered = sorted(rows, key=lambda row: (-row[0], row[1], row[2]))[:MISSING_PER_POINT]
    return [{"where": f"{question}-{key}", "text": text} for _, question, key, text in ordered]


def _shortened(text: str) -> str:
    plain = _plain(text)
    return plain if len(plain) <= QUOTE_CHARS else plain[:QUOTE_CHARS].rsplit(" ", 1)[0] + " …"


def _plain(text: Any) -> str:
    """Without control and direction characters, which would disturb the line they stand in."""
    return "".join(char if char.isprintable() else " " for char in str(text)).strip()
