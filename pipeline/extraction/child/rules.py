"""The straight lines that are drawn on a page, snapped and merged."""

from __future__ import annotations

from typing import Any, NamedTuple

MAX_THICKNESS = 3.0
MIN_LENGTH = 5.0
SNAP = 3.0
"""Lines closer than this are one line (double borders, borders drawn cell by cell)."""
_MAX_FRAME = 0.9
"""A drawn rectangle that fills more of the page than this is a frame around the page."""


class Rule(NamedTuple):
    """A line at ``position`` (y of a horizontal one, x of a vertical one) from ``start`` to ``end``."""

    position: float
    start: float
    end: float


def rules_of(vectors: list[dict[str, Any]], *, width: float, height: float) -> tuple[list[Rule], list[Rule]]:
    """Horizontal and vertical rules among ``vectors`` of a page of the given size in points.

    Filled areas bound nothing: word processors paint the shade of a cell once more behind each line of
    its text, and the bars of a chart are filled areas as well.
    """
    horizontal: list[Rule] = []
    vertical: list[Rule] = []
    for vector in vectors:
        x0, y0, x1, y1 = vector["bbox"]
        if not vector["alpha"] or x1 < 0 or y1 < 0 or x0 > width or y0 > height:
            continue
        across, down = x1 - x0, y1 - y0
        if down <= MAX_THICKNESS:
            if across >= MIN_LENGTH:
                horizontal.append(Rule((y0 + y1) / 2, x0, x1))
        elif across <= MAX_THICKNESS:
            if down >= MIN_LENGTH:
                vertical.append(Rule((x0 + x1) / 2, y0, y1))
        elif vector["stroked"] and vector["isrect"] and across * down < _MAX_FRAME * width * height:
            horizontal += (Rule(y0, x0, x1), Rule(y1, x0, x1))
            vertical += (Rule(x0, y0, y1), Rule(x1, y0, y1))
    return merged(horizontal), merged(vertical)


def merged(rules: list[Rule]) -> list[Rule]:
    """Rules that lie closer than ``SNAP`` to one another, made one where they touch."""
    rules.sort()
    result: list[Rule] = []
    first = 0
    for index in range(1, len(rules) + 1):
        if index == len(rules) or rules[index].position - rules[first].position > SNAP:
            result += _merged_along(rules[first:index])
            first = index
    return result


def _merged_along(rules: list[Rule]) -> list[Rule]:
    """Join pieces of (nearly) the same line that touch."""
    if len(rules) == 1:
        return rules
    rules.sort(key=lambda rule: rule.start)
    position = sum([rule.position for rule in rules]) / len(rules)
    merged: list[Rule] = []
    _, start, end = rules[0]
    for _, next_start, next_end in rules[1:]:
        if next_start - end <= SNAP:
            end = max(end, next_end)
        else:
            merged.append(Rule(position, start, end))
            start, end = next_start, next_end
    merged.append(Rule(position, start, end))
    return merged
