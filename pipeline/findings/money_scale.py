"""What the bare figures of a plan count in, and which years they stand under, where a line above says so.

"(Miles de pesos)" and "2012 2013 2014 2015 TOTAL" stand once above a table. Where the table survives only as
text, segmentation cuts it into rows, headings and paragraphs, and what was said above holds for all of them:
until running text, the title of another table or another unit. Such a stretch is a *block*.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING, Final, TypeVar

import re2

from pipeline.model import SegmentKind

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from decimal import Decimal

    from pipeline.findings.plan_text import PlanText
    from pipeline.model import Segment

_Said = TypeVar("_Said")

PROSE_CHARS: Final = 180
"""So long a paragraph is running text, unless figures fill a third of it; letterheads are shorter."""
FIGURES_SHARE: Final = 3
MIN_FIGURES: Final = 2
"""So many figures side by side are a row of a table."""

MIN_TICKS: Final = 3
DIGITS_OF_TICKS: Final = 2
"""A tick has no more digits than these before its zeros."""

_UNITS: Final[dict[bytes, int]] = {
    b"pesos": 1,
    b"miles": 1_000,
    b"millones": 10**6,
    b"miles de millones": 10**9,
}
_UNIT: Final = rb"(miles de millones|miles|millones|pesos)"
_OF_PESOS: Final = (
    rb"(?: de)?(?: ?\$| pesos| m/?cte)?(?: colombianos)?(?: corrientes| constantes)?[a-z0-9 ]{0,12}"
)
_SAID: Final = re2.compile(
    rb"\((?:(?:en|cifras|valor|valores|datos|montos|expresad[oa]s|recursos|inversion|costos?|presupuesto) ){0,4}"
    + _UNIT
    + _OF_PESOS
    + rb"\)"
    rb"|\b(?:cifras|valores|datos|montos|expresad[oa]s)(?: expresad[oa]s)? en " + _UNIT + rb"\b"
    rb"|(?:(?:^|\n)(?:en )?|\| en )" + _UNIT + rb"(?: (?:de )?(?:pesos|\$))?(?: \||\n|$)"
)
_CAPTION: Final = re2.compile(rb"(?:^|\n)(?:tabla|cuadro|grafic[ao]|figura|ilustracion)\b")
_NOTE: Final = re2.compile(rb"(?:^|\n)(?:fuente|nota)\b")
_YEAR: Final = rb"(?:(?:ano|vigencia) )?2[.,]?0[0-4][0-9]"
_YEARS: Final = re2.compile(rb"\b" + _YEAR + rb"(?:(?: \|)? " + _YEAR + rb"){1,5}\b((?: \|)? total)?")
_ONE_YEAR: Final = re2.compile(rb"2[.,]?(0[0-4][0-9])")
_GROUPS: Final = rb"[0-9]{1,3}(?:[.,'][0-9]{3})+(?:[.,][0-9]{1,2})?"
_TOKEN: Final = rb"(?:\$ ?)?-?(?:" + _GROUPS + rb"|[0-9]{1,3}(?:[.,][0-9]{1,2})?(?: ?%)?|-)"
_RUN: Final = re2.compile(rb"(?:^|[\n ])(" + _TOKEN + rb"(?: " + _TOKEN + rb")+)")
# A run is short: there the standard library is faster than RE2.
_TOKENS: Final = re.compile(
    rb"(?:\$ ?)?(-?)(?:(" + _GROUPS + rb")|([0-9]{1,3}(?:[.,][0-9]{1,2})?|-))( ?%)?(?= |\n|\Z)"
)
_UNIT_BEHIND: Final = re2.compile(rb" " + _UNIT + rb"\b")


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure of a run: its place in the plan's buffer; ``grouped`` where it has groups of three digits."""

    start: int
    end: int
    grouped: bool


@dataclass(frozen=True, slots=True)
class Run:
    """Figures side by side in a segment that is no row, with the text before them."""

    segment: int
    label: tuple[int, int]
    figures: tuple[Figure, ...]
    unit: int
    """The unit that stands behind its last figure; 0 for none."""


@dataclass(slots=True)
class Scale:
    """What holds for one segment: the unit that was declared (0: none), its block, the years above it."""

    unit: int
    block: int
    years: tuple[int, ...]
    totalled: bool
    """A column TOTAL follows the years."""
    noted: int = 0
    """The unit that this segment gives to the block above it, as a note does."""

    def year_of(self, place: int, *, count: int) -> int | None:
        """The year of figure ``place`` of ``count`` side by side; ``None`` where the counts do not agree."""
        width = len(self.years)
        if count not in {width, width + 1}:
            width += self.totalled
            if not width or count % width or not self.totalled:
                return None
            # The row of a sum follows a row without a text of its own.
            place %= width
        return self.years[place] if place < len(self.years) else None


def scales(plan: PlanText, *, runs: Sequence[Run]) -> list[Scale]:
    """What holds for each segment, in order."""
    said = _by_segment(plan, _said(plan))
    years = _by_segment(plan, _years(plan))
    closes = {plan.segment_at(match.end()) for match in _CAPTION.finditer(plan.data)}
    notes = {plan.segment_at(match.end()) for match in _NOTE.finditer(plan.data)}
    covered: dict[int, int] = {}
    for run in runs:
        length = run.figures[-1].end - run.figures[0].start
        covered[run.segment] = covered.get(run.segment, 0) + length
    found: list[Scale] = []
    now = Scale(0, 0, (), totalled=False)
    ruled: int | None = None
    for segment in plan.segmentation.segments:
        index = segment.index
        row = segment.row
        table = row.table if row is not None and row.ruled else None
        prose = _is_prose(segment, figures=covered.get(index, 0))
        # What is said above or in a ruled table ends with it, and so does what is said below a table.
        ended = prose or index in closes or index in notes or (ruled is not None and row is None)
        if ended:
            now = Scale(0, now.block + 1, (), totalled=False)
        ruled = table
        if index in said and index not in notes:
            unit = said[index]
            # Said in a row, it holds for the rows above as well.
            new = (row is None and not ended) or now.unit not in {0, unit}
            now = Scale(unit, now.block + new, now.years, now.totalled)
        if index in years and not prose:
            now = Scale(now.unit, now.block, *years[index])
        found.append(replace(now, noted=said[index]) if index in said and row is None else now)
    return found


def _is_prose(segment: Segment, *, figures: int) -> bool:
    if segment.row is not None:
        return any(len(cell.text) >= PROSE_CHARS for cell in segment.row.cells)
    return (
        segment.kind is not SegmentKind.HEADING
        and len(segment.text) >= PROSE_CHARS
        and figures * FIGURES_SHARE < len(segment.text)
    )


def _by_segment(plan: PlanText, found: Iterator[tuple[int, _Said]]) -> dict[int, _Said]:
    """The last of each segment."""
    return {plan.segment_at(offset): value for offset, value in found}


def _said(plan: PlanText) -> Iterator[tuple[int, int]]:
    for match in _SAID.finditer(plan.data):
        word = match.group(1) or match.group(2) or match.group(3)
        place = match.start() + (match.group()[:1] == b"\n")
        yield place, _UNITS[word]


def _years(plan: PlanText) -> Iterator[tuple[int, tuple[tuple[int, ...], bool]]]:
    for match in _YEARS.finditer(plan.data):
        years = tuple(2000 + int(year.group(1)) for year in _ONE_YEAR.finditer(match.group()))
        if all(after - before == 1 for before, after in pairwise(years)):
            yield match.start(), (years, match.group(1) is not None)


def figure_runs(plan: PlanText) -> list[Run]:
    """The figures that stand side by side in segments that are no rows, at least two of them with groups."""
    found: list[Run] = []
    heads = {place for place, _ in _years(plan)}
    end_of_last = 0
    for match in _RUN.finditer(plan.data):
        index = plan.segment_at(match.start(1))
        if plan.segmentation.segments[index].row is not None:
            continue
        figures = _figures(plan.data, start=match.start(1), end=match.end(1))
        if figures and figures[0].start in heads:
            continue
        if sum(figure.grouped for figure in figures) < MIN_FIGURES:
            continue
        first = plan.bounds(index)[0]
        unit = _UNIT_BEHIND.match(plan.data, match.end(1))
        found.append(
            Run(
                index,
                (max(first, end_of_last), match.start(1)),
                figures,
                _UNITS[unit.group(1)] if unit is not None else 0,
            )
        )
        end_of_last = match.end(1)
    return found


def _figures(data: bytes, *, start: int, end: int) -> tuple[Figure, ...]:
    """The figures of a run without its percentages; one that goes on in letters or points is broken."""
    end += data[end : end + 1] in {b" ", b"\n"}  # what may follow the last one
    return tuple(
        Figure(*match.span(2 if match[3] is None else 3), grouped=match[2] is not None and not match[1])
        for match in _TOKENS.finditer(data, start, end)
        if match[4] is None
    )


def axis_ticks(values: Sequence[Decimal | None]) -> frozenset[int]:
    """Which of the figures that stand together without a word are the ticks of a chart's axis, by place.

    Ticks are round and evenly spaced, from the largest to the least or the other way round; the values of the
    chart may stand between them.
    """
    ticks = [
        (place, int(value)) for place, value in enumerate(values) if value is not None and _is_round(value)
    ]
    steps = {after[1] - before[1] for before, after in pairwise(ticks)}
    evenly = len(ticks) >= MIN_TICKS and len(steps) == 1 and steps != {0}
    return frozenset(place for place, _ in ticks) if evenly else frozenset()


def _is_round(value: Decimal) -> bool:
    return len(str(int(value)).rstrip("0")) <= DIGITS_OF_TICKS
