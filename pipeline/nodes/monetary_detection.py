"""Node 7: amounts in pesos, with source of funds, year and programme."""

from __future__ import annotations

import re
from bisect import bisect_left
from itertools import chain, islice
from typing import TYPE_CHECKING, Final

import re2

from pipeline.findings.money import BROKEN_AFTER, pesos
from pipeline.findings.money_context import programme_of, source_in, source_near, year_near
from pipeline.findings.money_prose import prose_amounts
from pipeline.findings.money_scale import axis_ticks, figure_runs, scales
from pipeline.findings.money_tables import cell_value, holds_money, money_places
from pipeline.findings.plan_text import PlanText, one_line
from pipeline.model import Amount, ColumnRole, Span
from pipeline.spanish_numbers import parse_amount
from pipeline.text import fold

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pipeline.findings.money_scale import Run, Scale
    from pipeline.findings.money_tables import MoneyTable
    from pipeline.model import PlanProfile, Segment, Segmentation, TableRow

VERSION: str = "1.0.1"

MAX_AMOUNTS: Final = 20_000
"""The largest of 26 plans holds 2,600 amounts."""

_CELL_NUMBER: Final = re2.compile(rb"[0-9][0-9.,']*[0-9]|[0-9]")
_CELL_UNIT: Final = re2.compile(rb" ?(mil millones|miles de millones|millones|millon|billones|mil)\b")
_UNIT_WORDS: Final = re2.compile(rb"\b(?:mil|miles|millon|millones|billones|de|pesos|m/?cte)\b")
_LETTER: Final = re2.compile(rb"[a-z]")
_DIGIT: Final = re2.compile(rb"[0-9]")
_FIGURE: Final = re.compile(r"\d")
_PROSE_CHARS: Final = 80
"""A cell so long is running text with figures in it."""
_PERCENT: Final = re2.compile(rb" ?%")
_PROGRAMME_CHARS: Final = 160
_LABEL_CHARS: Final = 80
_RATIO: Final = re.compile(r"(?:indice|inflacion|ipc|porcentaje|variacion|crecimiento)\b")
"""A row of such figures stands in tables of money as well."""
_SUM: Final = re2.compile(r"(?:sub ?|gran )?total")
_PROGRAMMES: Final = frozenset({ColumnRole.PROGRAMME, ColumnRole.PROJECT})
_SECTORS: Final = frozenset({ColumnRole.SECTOR})


def monetary_detection(segmentation: Segmentation, *, profile: PlanProfile) -> tuple[Amount, ...]:
    """Find every amount of Colombian pesos.

    In rows of tables about money (`pipeline.findings.money_tables`), cells of budget and year columns are
    amounts, times what the table counts in, and so are figures side by side where the columns of such a table
    are lost. Everywhere else an amount carries ``$``, "pesos" or, in a
    sentence about money, "millones". Dollars, percentages and minimum wages (SMMLV) are no amounts. No
    characters are read twice.

    Args:
        segmentation: The plan's segments.
        profile: Gives the sections: a table of the investment plan is about money.

    Returns:
        In order of position, at most ``MAX_AMOUNTS``.
    """
    plan = PlanText.of(segmentation)
    runs = figure_runs(plan)
    scaled = scales(plan, runs=runs)
    money = money_places(plan, profile=profile, runs=runs, scaled=scaled)
    in_rows = (
        amount
        for segment in segmentation.segments
        if segment.row is not None and (table := money.tables.get(segment.row.table)) is not None
        for amount in _row_amounts(segment, row=segment.row, table=table, scale=scaled[segment.index])
    )
    in_runs = (
        amount
        for run, factor in money.runs
        for amount in _run_amounts(plan, run=run, factor=factor, scale=scaled[run.segment])
    )
    found = list(islice(chain(in_rows, in_runs), MAX_AMOUNTS))
    covered: dict[int, list[tuple[int, int]]] = {}
    for span in sorted([*(amount.span for amount in found), *_axes(segmentation)], key=_place):
        covered.setdefault(span.segment, []).append((span.start, span.end))
    found.extend(
        amount
        for amount in islice(_text_amounts(plan), MAX_AMOUNTS)
        if not _overlaps(amount.span, taken=covered.get(amount.span.segment, []))
    )
    found.sort(key=lambda item: _place(item.span))
    return tuple(found[:MAX_AMOUNTS])


def _place(span: Span) -> tuple[int, int]:
    return (span.segment, span.start)


def _axes(segmentation: Segmentation) -> Iterator[Span]:
    """The ticks of axes in rows, which are no amounts whatever sign they carry."""
    for segment in segmentation.segments:
        if segment.row is not None:
            for place in _ticks(segment.row):
                cell = segment.row.cells[place]
                yield Span(segment.index, cell.start, cell.end)


def _overlaps(span: Span, *, taken: list[tuple[int, int]]) -> bool:
    """Whether ``span`` shares characters with one of ``taken``, which are in order and apart."""
    before = bisect_left(taken, (span.end, 0)) - 1
    return before >= 0 and taken[before][1] > span.start


def _text_amounts(plan: PlanText) -> Iterator[Amount]:
    return (_placed(plan, start=start, end=end, value=value) for start, end, value in prose_amounts(plan))


def _placed(plan: PlanText, *, start: int, end: int, value: int) -> Amount:
    while plan.data[end - 1 : end] == b" ":
        end -= 1
    segment = plan.segmentation.segments[plan.segment_at(start)]
    return Amount(
        span=plan.span(start, end),
        pesos=value,
        raw=plan.original(start, end),
        source=source_near(plan, start=start, end=end),
        year=year_near(plan, start=start, end=end),
        programme=_row_programme(segment.row) if segment.row else programme_of(segment.heading_path),
    )


def _row_amounts(segment: Segment, *, row: TableRow, table: MoneyTable, scale: Scale) -> Iterator[Amount]:
    worded = [cell for cell in row.cells if _FIGURE.search(cell.text) is None]
    declared = next((source_in(cell.text) for cell in worded if cell.role is ColumnRole.SOURCE), None)
    named = declared or source_in(" ".join(cell.text for cell in worded if cell.role is ColumnRole.OTHER))
    programme = _row_programme(row)
    if len(worded) == 1 and _RATIO.match(fold(worded[0].text)) is not None:
        return
    years = _years_of_cells(row, scale=scale)
    ticks = _ticks(row)
    for place, cell in enumerate(row.cells):
        if place in ticks or not holds_money(cell, table=table):
            continue
        data = fold(cell.text).encode("ascii", "replace")
        if _is_prose(data):
            continue
        for match in _CELL_NUMBER.finditer(data):
            value = _cell_pesos(data, start=match.start(), end=match.end(), factor=table.factor)
            if value is None:
                continue
            yield Amount(
                span=Span(segment.index, cell.start + match.start(), cell.start + match.end()),
                pesos=value,
                raw=cell.text[match.start() : match.end()],
                source=source_in(cell.head) or named,
                year=years.get(place, cell.year),
                programme=programme,
            )


def _is_prose(data: bytes) -> bool:
    """Whether a cell is running text, whose amounts carry their own unit; the prose reader reads those."""
    if len(data) > _PROSE_CHARS:
        return True
    if _LETTER.search(data) is None:
        return False
    words = _UNIT_WORDS.sub(b"", data)
    return len(_LETTER.findall(words)) > len(_DIGIT.findall(words))


def _years_of_cells(row: TableRow, *, scale: Scale) -> dict[int, int]:
    """The years above the figures of a row whose columns have no heads, by place of the cell."""
    if not scale.years or any(cell.year is not None for cell in row.cells):
        return {}
    figures = [place for place, cell in enumerate(row.cells) if cell_value(cell) is not None]
    return {
        place: year
        for order, place in enumerate(figures)
        if (year := scale.year_of(order, count=len(figures))) is not None
    }


def _ticks(row: TableRow) -> frozenset[int]:
    """The cells of a row without words that are the ticks of an axis, by place."""
    if any(cell.head or cell.text.upper() != cell.text.lower() for cell in row.cells):
        return frozenset()
    return axis_ticks([cell_value(cell) for cell in row.cells])


def _run_amounts(plan: PlanText, *, run: Run, factor: int, scale: Scale) -> Iterator[Amount]:
    """The figures that stand side by side where the columns of a table are lost."""
    texts = [plan.data[figure.start : figure.end].decode() for figure in run.figures]
    label = plan.original(*run.label)[-_LABEL_CHARS:]
    sizes = [parse_amount(text) if text != "-" else None for text in texts]
    ticks = frozenset() if label.strip(" -.|") else axis_ticks(sizes)
    source = source_in(label)
    programme = programme_of(plan.segmentation.segments[run.segment].heading_path)
    for place, (figure, text) in enumerate(zip(run.figures, texts, strict=True)):
        value = pesos(text, unit="", factor=factor) if figure.grouped and place not in ticks else None
        if value is None:
            continue
        yield Amount(
            span=plan.span(figure.start, figure.end),
            pesos=value,
            raw=plan.original(figure.start, figure.end),
            source=source,
            year=scale.year_of(place, count=len(run.figures)),
            programme=programme,
        )


def _cell_pesos(data: bytes, *, start: int, end: int, factor: int) -> int | None:
    if _PERCENT.match(data, end) is not None:
        return None
    unit = _CELL_UNIT.match(data, end)
    if unit is None and BROKEN_AFTER.match(data, end) is not None:
        return None
    return pesos(data[start:end].decode(), unit=unit.group(1).decode() if unit else "", factor=factor)


def _row_programme(row: TableRow) -> str | None:
    """The programme, project or sector of a row: its own cell, else a merged cell to its left or a row above."""
    for roles in (_PROGRAMMES, _SECTORS):
        own = (cell.text for cell in row.cells if cell.role in roles and cell.text.strip())
        above = (
            text
            for text, role in zip(reversed(row.context), reversed(row.context_roles), strict=False)
            if role in roles
        )
        name = next(own, None) or next(above, None)
        if name is not None:
            return None if _SUM.match(fold(name)) else one_line(name, limit=_PROGRAMME_CHARS)
    return programme_of(row.context)
