"""How crooked a page lies on its picture, and its places as if it lay straight.

Lines and tables are put together by comparing heights; on a page that was laid askew on the scanner the end of a line
stands as high as the beginning of the next one. So words and rules are turned straight first, by shearing, which for
a few degrees is the same as turning, and what comes of them is turned back.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from statistics import fmean, median
from typing import TYPE_CHECKING, Any

from pipeline.extraction.child.rules import Rule

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from pipeline.extraction.child.fragments import Box
    from pipeline.extraction.ocr.words import RecognisedWord

MIN_WORDS = 6
"""Of a line that says how the page lies."""
MIN_LINES = 3
STRAIGHT = 0.002
"""A tenth of a degree: less is no more than the heights of letters differ."""
STEEPEST = 0.1
"""Six degrees; Tesseract reads no more."""


@dataclass(frozen=True, slots=True)
class Skew:
    """Points that a line falls for each point to the right, and the middle of the page in points."""

    slope: float
    across: float
    down: float

    @classmethod
    def of(cls, words: Sequence[RecognisedWord], *, width: float, height: float) -> Skew:
        """The skew of a page, from the longer lines of its ``words``; none where too few say something."""
        lines = [list(line) for _, line in groupby(words, key=lambda word: word.line)]
        slopes = [_slope([word.word[:4] for word in line]) for line in lines if len(line) >= MIN_WORDS]
        slope = round(median(slopes), 5) if len(slopes) >= MIN_LINES else 0.0
        if not STRAIGHT <= abs(slope) <= STEEPEST:
            slope = 0.0
        return cls(slope, width / 2, height / 2)

    def straight(self, box: Box) -> Box:
        """A box, moved to where it is on the straight page."""
        x, y = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
        right, below = self.slope * (y - self.down), self.slope * (x - self.across)
        return (box[0] + right, box[1] - below, box[2] + right, box[3] - below)

    def straight_rules(self, rules: Iterable[Rule], *, horizontal: bool) -> list[Rule]:
        """Pieces of rules where they are on the straight page."""
        middle, beside = (self.across, self.down) if horizontal else (self.down, self.across)
        turn = -self.slope if horizontal else self.slope
        return [
            Rule(
                position + turn * ((start + end) / 2 - middle),
                start - turn * (position - beside),
                end - turn * (position - beside),
            )
            for position, start, end in rules
        ]

    def back(self, box: Box) -> Box:
        """The box on the page as it is around one of the straight page."""
        y = (box[1] + box[3]) / 2
        left = self.slope * (y - self.down)
        falls = sorted((self.slope * (box[0] - self.across), self.slope * (box[2] - self.across)))
        return (box[0] - left, box[1] + falls[0], box[2] - left, box[3] + falls[1])

    def line_back(self, line: dict[str, Any]) -> dict[str, Any]:
        """A line as it goes over the pipe, on the page as it is."""
        box = line["box"]
        left = self.slope * ((box[1] + box[3]) / 2 - self.down)
        edges = [round(edge - left, 2) for edge in line["word_edges"]]
        return {**line, "box": rounded(self.back(box)), "word_edges": edges}

    def table_back(self, table: dict[str, Any]) -> dict[str, Any]:
        """A table as it goes over the pipe, on the page as it is."""
        rows = [
            [cell and {**cell, "box": rounded(self.back(cell["box"]))} for cell in row]
            for row in table["rows"]
        ]
        return {**table, "box": rounded(self.back(table["box"])), "rows": rows}


def rounded(box: Box) -> Box:
    """To hundredths of a point."""
    return (round(box[0], 2), round(box[1], 2), round(box[2], 2), round(box[3], 2))


def _slope(boxes: Sequence[Box]) -> float:
    """From the middles of the first third of a line's words to those of the last third."""
    third = len(boxes) // 3
    (x0, y0), (x1, y1) = (
        (fmean((b[0] + b[2]) / 2 for b in part), fmean((b[1] + b[3]) / 2 for b in part))
        for part in (boxes[:third], boxes[-third:])
    )
    return (y1 - y0) / (x1 - x0) if x1 > x0 else 0.0
