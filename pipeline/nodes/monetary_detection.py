"""Node 7: amounts in pesos, with source of funds, year and programme."""

from __future__ import annotations

from bisect import bisect_left
from itertools import islice
from typing import TYPE_CHECKING, Final

import re2

from pipeline.findings.money import (
    AMOUNT,
    BROKEN_AFTER,
    FOREIGN_AFTER,
    TALK_OF_MONEY,
    pesos,
)
from pipeline.findings.money_context import programme_of, source_in, source_near, year_near
from pipeline.findings.money_tables import holds_money, money_tables
from pipeline.findings.plan_text import PlanText, one_line
from pipeline.model import Amount, ColumnRole, Span
from pipeline.text import fold

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pipeline.findings.money_tables import MoneyTable
    from pipeline.model import PlanProfile, Segment, Segmentation, TableRow

VERSION: str = "1.0.0"

MAX_AMOUNTS: Final = 20_000
"""The largest of 26 plans holds 2,600 amounts."""

_CELL_NUMBER: Final = re2.compile(rb"[0-9][0-9.,']*[0-9]|[0-9]")
_CELL_UNIT: Final = re2.compile(rb" ?(mil millones|millones|mil)\b")
_PERCENT: Final = re2.compile(rb" ?%")
_NO_AMOUNT: Final = re2.compile(rb"(?:19|20)[0-9]{2}|[0-9]")
"""A year or a lone digit after ``$``: the layout has moved a sign from its own number."""
_PROGRAMME_CHARS: Final = 160


def monetary_detection(segmentation: Segmentation, *, profile: PlanProfile) -> tuple[Amount, ...]:
    """Find every amount of Colombian pesos.

    In rows of tables about money (`pipeline.findings.money_tables`), cells of budget and year columns are
    amounts, times what the table counts in. Everywhere else an amount carries ``$``, "pesos" or, in a
    sentence about money, "millones". Dollars, percentages and minimum wages (SMMLV) are no amounts. No
    characters are read twice.

    Args:
        segmentation: The plan's segments.
        profile: Gives the sections: a table of the investment plan is about money.

    Returns:
        In order of position, at most ``MAX_AMOUNTS``.
    """
    plan = PlanText.of(segmentation)
    found: list[Amount] = []
    covered: dict[int, list[tuple[int, int]]] = {}
    tables = money_tables(segmentation, profile=profile)
    for segment in segmentation.segments:
        table = tables.get(segment.row.table) if segment.row is not None else None
        if segment.row is None or table is None:
            continue
        room = MAX_AMOUNTS - len(found)
        for amount in islice(_row_amounts(segment, row=segment.row, table=table), room):
            found.append(amount)
            covered.setdefault(segment.index, []).append((amount.span.start, amount.span.end))
    found.extend(
        amount
        for amount in islice(_prose_amounts(plan), MAX_AMOUNTS)
        if not _overlaps(amount.span, taken=covered.get(amount.span.segment, []))
    )
    found.sort(key=lambda item: (item.span.segment, item.span.start))
    return tuple(found[:MAX_AMOUNTS])


def _overlaps(span: Span, *, taken: list[tuple[int, int]]) -> bool:
    """Whether ``span`` shares characters with one of ``taken``, which are in order and apart."""
    before = bisect_left(taken, (span.end, 0)) - 1
    return before >= 0 and taken[before][1] > span.start


def _prose_amounts(plan: PlanText) -> Iterator[Amount]:
    for match in AMOUNT.finditer(plan.data):
        foreign, signed, unit, worded, worded_unit, bare, millions, millions_unit = match.groups()
        if foreign is not None or FOREIGN_AFTER.match(plan.data, match.end()) is not None:
            continue
        number = signed or worded or bare or millions
        written_unit = (unit or worded_unit or millions_unit or _unit_of_next(plan, end=match.end())).decode()
        if not written_unit and BROKEN_AFTER.match(plan.data, match.end()) is not None:
            continue
        if signed is not None and not written_unit and _NO_AMOUNT.fullmatch(signed) is not None:
            continue
        if millions is not None and not _of_money(plan, start=match.start(), end=match.end()):
            continue
        value = pesos(number.decode(), unit=written_unit)
        if value is not None:
            yield _placed(plan, start=match.start(), end=match.end(), value=value)


_NEXT: Final = re2.compile(rb" ?(?:a|y|o|-|hasta|al) \$ ?[0-9][0-9.,']*[0-9] ?(mil millones|millones)\b")


def _unit_of_next(plan: PlanText, *, end: int) -> bytes:
    """For "de $7.237 a $6.685 millones": the first amount counts in what the second one says."""
    match = _NEXT.match(plan.data, end)
    return match.group(1) if match is not None else b""


def _of_money(plan: PlanText, *, start: int, end: int) -> bool:
    """Whether "12 millones" is money: the sentence speaks of money and counts no other thing."""
    after = plan.data[end : end + 4]
    if after == b" de " or (
        after[:1] == b" " and after[1:2].isalpha() and plan.data[end : end + 9] == b" personas"
    ):
        return False
    first, last = plan.sentence(start)
    return TALK_OF_MONEY.search(plan.data, first, last) is not None


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


def _row_amounts(segment: Segment, *, row: TableRow, table: MoneyTable) -> Iterator[Amount]:
    declared = next((source_in(cell.text) for cell in row.cells if cell.role is ColumnRole.SOURCE), None)
    named = declared or source_in(" ".join(cell.text for cell in row.cells if cell.role is ColumnRole.OTHER))
    programme = _row_programme(row)
    for cell in row.cells:
        if not holds_money(cell, table=table):
            continue
        data = fold(cell.text).encode("ascii", "replace")
        for match in _CELL_NUMBER.finditer(data):
            value = _cell_pesos(data, start=match.start(), end=match.end(), factor=table.factor)
            if value is None:
                continue
            yield Amount(
                span=Span(segment.index, cell.start + match.start(), cell.start + match.end()),
                pesos=value,
                raw=cell.text[match.start() : match.end()],
                source=source_in(cell.head) or named,
                year=cell.year,
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
    for role in (ColumnRole.PROGRAMME, ColumnRole.PROJECT):
        for cell in row.cells:
            if cell.role is role and cell.text.strip():
                return one_line(cell.text, limit=_PROGRAMME_CHARS)
    return one_line(row.context[-1], limit=_PROGRAMME_CHARS) if row.context else None
