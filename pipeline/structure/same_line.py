"""Pieces of one printed line that a PDF holds as several lines: list marks, numbers, justified words."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from pipeline.structure.pieces import concatenated

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pipeline.model import CleanLine

_MARK = re.compile(r"(?:[•·\-–—*o✓]|\(?[0-9]{1,2}(?:\.[0-9]{1,2}){0,4}[.)]?-?|\(?[a-zA-Z][.)])")
MAX_MARK_GAP_EMS = 6.0
"""List marks hang at most this many font sizes to the left of their text."""
MAX_WORD_GAP_EMS = 1.0
"""Wider gaps between words are taken for the gap between two columns."""
MIN_OVERLAP = 0.6


def join_same_line(lines: Sequence[CleanLine]) -> list[CleanLine]:
    """Join neighbours that stand on one printed line: a list mark with its text, words close together."""
    out: list[CleanLine] = []
    for line in lines:
        if out and _same_line(out[-1], line):
            out[-1] = concatenated(out[-1], line, glue=" ")
        else:
            out.append(line)
    return out


def _same_line(left: CleanLine, right: CleanLine) -> bool:
    x_gap = right.box[0] - left.box[2]
    if x_gap < -1.0 or left.page != right.page or left.table != right.table:
        return False
    overlap = min(left.box[3], right.box[3]) - max(left.box[1], right.box[1])
    height = min(left.box[3] - left.box[1], right.box[3] - right.box[1])
    if overlap < MIN_OVERLAP * height:
        return False
    em = max(left.font_size, 1.0)
    if left.table is None and _MARK.fullmatch(left.text):
        return x_gap <= MAX_MARK_GAP_EMS * em
    return x_gap <= MAX_WORD_GAP_EMS * em
