"""The findings that a report shows: of hundreds the few that tell most, well formatted."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import re2

from pipeline.report.wording import (
    LEVELS,
    SOURCES,
    capitalised,
    grouped_digits,
    narrow,
    plain,
)
from pipeline.text import fold

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

INDICATORS_SHOWN = 12
AMOUNTS_SHOWN = 12
PER_PROGRAMME = 2
ENTITIES_SHOWN = 10
CONTRADICTIONS_SHOWN = 10
ROWS_SHOWN, OTHER_ROWS_SHOWN = 12, 6
"""By year and source: all rows of the plan's years, and of the others so many, more where there is room."""
PARTS = 7
"""Of an indicator: its quality is the share of these that are present."""
LEAST_WORDS = 2
PLAUSIBLE_PESOS = 30 * 10**12
"""More than any Colombian municipality spends in a year: a larger sum was misread, or misprinted in the plan."""
LEAST_PESOS = 100_000
"""A smaller sum is a price or a fare, or stands in a table whose unit the plan does not say."""
WHAT_CHARS = 150
CELL_CHARS = 42
QUOTE_CHARS = 260
_WORD = re2.compile(r"\pL{3,}")
_HEAD_LEFT = re2.compile(r"\b(?:(?:total|meta) cuatri?enio)\b")
"""A name that holds the heads of its table was put together from several rows."""


def indicators(found: Mapping[str, Any]) -> dict[str, Any]:
    """The most complete indicators, each name once, and what is said and not said over all of them."""
    best: dict[str, dict[str, Any]] = {}
    for item in sorted(found["items"], key=_completeness):
        if len(_WORD.findall(item["name"])) >= LEAST_WORDS and _HEAD_LEFT.search(fold(item["name"])) is None:
            best.setdefault(fold(item["name"]), item)
    quality = found["quality"]
    return {
        "total": found["total"],
        "levels": [
            {"name": LEVELS.get(level, level), "count": count} for level, count in quality["levels"].items()
        ],
        "parts": quality["parts"],
        "items": [_indicator(item) for item in list(best.values())[:INDICATORS_SHOWN]],
    }


def _completeness(item: Mapping[str, Any]) -> tuple[object, ...]:
    return (
        -item["quality"],
        item["level"] not in {"resultado", "impacto"},
        item["baseline"] is None or item["target"] is None,
        item["page"],
        item["name"],
    )


def _indicator(item: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "name": capitalised(plain(_measured(item), chars=WHAT_CHARS)),
        "level": LEVELS.get(item["level"], item["level"]),
        "baseline": _value(item["baseline"], year=item["baseline_year"]),
        "target": _value(item["target"], year=item["target_year"]),
        "parts": round(item["quality"] * PARTS),
        "page": item["page"],
    }


def _measured(item: Mapping[str, Any]) -> str:
    """An indicator's name, with the goal where that has no figure: "Actividades realizadas" alone tells nothing."""
    quote = str(item["quote"])
    return quote.replace(" | ", " · ") if item["target"] is None and " | " in quote else str(item["name"])


def _value(value: str | None, *, year: int | None) -> str:
    if not value:
        return ""
    said = narrow(grouped_digits(value), chars=CELL_CHARS)
    return said if year is None or str(year) in value else f"{said} ({year})"


def amounts(found: Mapping[str, Any], *, period: Sequence[int] | None) -> dict[str, Any]:
    """Amounts that say what they are for, the largest of them; then what there is by year and source.

    ``period`` are the first and the last year of the plan, which tell more than the years before.
    """
    plausible = [item for item in found["items"] if item["pesos"] <= PLAUSIBLE_PESOS]
    telling = [item for item in plausible if item["pesos"] >= LEAST_PESOS and _says_what(item)]
    best: dict[int, dict[str, Any]] = {}
    for item in sorted(telling, key=lambda item: (-_telling(item), item["page"])):
        best.setdefault(item["pesos"], item)
    ranked = sorted(best.values(), key=lambda item: (-_telling(item), -item["pesos"]))
    chosen = _varied(ranked)[:AMOUNTS_SHOWN]
    return {
        "total": found["total"],
        "implausible": len(found["items"]) - len(plausible),
        "items": [_amount(item) for item in sorted(chosen, key=lambda item: (-item["pesos"], item["page"]))],
        "by_year_and_source": _by_year_and_source(found["by_year_and_source"], period=period),
    }


def _varied(items: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The same items without those of a programme that has been named often enough."""
    named: Counter[str] = Counter()
    kept = []
    for item in items:
        named[item["programme"] or item["quote"]] += 1
        if named[item["programme"] or item["quote"]] <= PER_PROGRAMME:
            kept.append(item)
    return kept


def _telling(item: Mapping[str, Any]) -> int:
    """How much is known of what an amount is for."""
    return 2 * (item["programme"] is not None) + (item["source"] is not None) + (item["year"] is not None)


def _says_what(item: Mapping[str, Any]) -> bool:
    """Whether the passage says in words what the money is for: a row of figures alone says nothing."""
    return len(_WORD.findall(item["programme"] or item["quote"])) >= LEAST_WORDS


def _amount(item: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "pesos": item["pesos"],
        "year": item["year"],
        "page": item["page"],
        "source": source(item["source"]),
        "what": capitalised(plain(item["programme"] or _first_cell(item["quote"]), chars=WHAT_CHARS)),
    }


def _first_cell(quote: str) -> str:
    """Of a row of a table the cell that says in words what the amount is; prose as it is."""
    cells = [cell.strip() for cell in quote.split(" | ")]
    return next((cell for cell in cells if len(_WORD.findall(cell)) >= LEAST_WORDS), quote)


def source(name: str | None) -> str:
    """A source of funds as it is written."""
    return narrow(SOURCES.get(name or "", name or ""), chars=CELL_CHARS)


def _by_year_and_source(rows: Sequence[Mapping[str, Any]], *, period: Sequence[int] | None) -> dict[str, Any]:
    """Rows that name a year or a source and whose largest sum is plausible: all of the plan's own years, few others.

    ``total`` counts them all: who reads a table that ends must know that it was cut.
    """
    first, last = period or (0, 0)
    telling = [
        row
        for row in rows
        if (row["year"] is not None or row["source"] is not None) and row["largest_pesos"] <= PLAUSIBLE_PESOS
    ]
    own = [row for row in telling if row["year"] is not None and first <= row["year"] <= last]
    # Those without a year first: of the years before the plan little is asked.
    others = sorted((row for row in telling if row not in own), key=lambda row: row["year"] is not None)
    return {
        "total": len(telling),
        "rows": [
            {
                "year": row["year"],
                "source": source(row["source"]),
                "amounts": row["amounts"],
                "distinct": row["distinct"],
                "largest": row["largest_pesos"],
            }
            for row in own + others[: max(OTHER_ROWS_SHOWN, ROWS_SHOWN - len(own))]
        ],
    }


def responsibilities(found: Mapping[str, Any]) -> dict[str, Any]:
    """Who is made responsible for something, most often first, and the names of others that are mentioned."""
    assigned = [row for row in found["entities"] if row["assigned"]]
    others = [row for row in found["entities"] if not row["assigned"]]
    return {
        "total": found["total"],
        "items": [
            {
                "entity": plain(row["entity"], chars=WHAT_CHARS),
                "mentions": row["mentions"],
                "assigned": row["assigned"],
                "pages": ", ".join(str(page) for page in row["pages"][:6]),
            }
            for row in assigned[:ENTITIES_SHOWN]
        ],
        "named": [plain(row["entity"], chars=WHAT_CHARS) for row in others[:ENTITIES_SHOWN]],
    }


def contradictions(found: Mapping[str, Any]) -> dict[str, Any]:
    """Both passages of each, and why they do not fit together; a total and its parts may stand in one passage."""
    return {
        "total": found["total"],
        "items": [
            {
                "reason": plain(item["reason"]),
                "sides": _sides(item),
            }
            for item in found["items"][:CONTRADICTIONS_SHOWN]
        ],
    }


def _sides(item: Mapping[str, Any]) -> list[dict[str, Any]]:
    left, right = _side(item["left"]), _side(item["right"])
    return [left] if left == right else [left, right]


def _side(side: Mapping[str, Any]) -> dict[str, Any]:
    return {"page": side["page"], "quote": plain(side["quote"], chars=QUOTE_CHARS)}
