"""Which tables of a plan are about money, and what they count in.

A column headed "TOTAL" or "2013" may hold pesos, pupils or hectares. A table is about money when it says
so (a factor, ``$``, a head such as "PRESUPUESTO" or "COSTO") or stands in the investment plan. Where the
investment plan does not say what it counts in, the size of its figures does: a sector of a municipality
invests between ten million and some hundred thousand million pesos a year, so a median under
``MILLIONS_BELOW`` is millions and one under ``THOUSANDS_BELOW`` thousands.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from typing import TYPE_CHECKING, Final

import re2

from pipeline.model import ColumnRole, SectionKind
from pipeline.spanish_numbers import parse_amount
from pipeline.text import fold

if TYPE_CHECKING:
    from pipeline.model import PlanProfile, RowCell, Segment, Segmentation

MILLIONS_BELOW: Final = 100_000
THOUSANDS_BELOW: Final = 20_000_000
TITLES_KEPT: Final = 2_048
"""The rows of a table have one title and the same heads."""

_MONEY: Final = re2.compile(
    rb"\b(?:presupuest|inversion|recursos?\b|costos?\b|valor(?:es)?\b|pesos|financi|plurianual|sgp|s\.g\.p"
    rb"|sgr|regalias|propios|icld|ingresos|gastos"
    rb"|recaudo|apropiacion|fuentes?\b|monto)|\$"
)
_FIGURE = re2.compile(r"[0-9](?:[0-9.,']*[0-9])?")
_NOT_MONEY: Final = re2.compile(
    rb"\b(?:poblacion|habitantes|personas|alumnos|estudiantes|matricula|casos|hogares|viviendas|hectareas"
    rb"|predios|numero|no\.|mujeres|hombres|edad)\b"
)
_GROUPED: Final = re2.compile(rb"^[0-9]{1,3}(?:[.,'][0-9]{3}){2,}(?:[.,][0-9]{1,2})?$")


@dataclass(frozen=True, slots=True)
class MoneyTable:
    """A table about money: what an amount without a unit is multiplied with."""

    factor: int


def money_tables(segmentation: Segmentation, *, profile: PlanProfile) -> dict[int, MoneyTable]:
    """The tables about money by their number (``TableRow.table``)."""
    rows: dict[int, list[Segment]] = defaultdict(list)
    for segment in segmentation.segments:
        if segment.row is not None:
            rows[segment.row.table].append(segment)
    found: dict[int, MoneyTable] = {}
    for number, held in rows.items():
        factor = _factor(held, profile=profile)
        if factor is not None:
            found[number] = MoneyTable(factor=factor)
    return found


def _factor(held: list[Segment], *, profile: PlanProfile) -> int | None:
    rows = [segment.row for segment in held if segment.row is not None]
    declared = max(row.money_factor for row in rows)
    if declared > 1:
        return declared
    signed = any("$" in cell.text for row in rows for cell in row.cells)
    said = signed or any(_says_money(cell.head) for cell in rows[0].cells) or _says_money(rows[0].title)
    invested = any(_in_investments(segment, profile=profile) for segment in held)
    if not said and not (invested and not _NOT_MONEY.search(_ascii(rows[0].title))):
        return None
    if signed:
        return 1
    return _factor_of_size([cell for row in rows for cell in row.cells])


def _factor_of_size(cells: list[RowCell]) -> int:
    """What unnamed figures must count in, from their median; 1 where there is none to go by."""
    values = sorted(
        value
        for cell in cells
        if (cell.role in {ColumnRole.BUDGET, ColumnRole.YEAR} or _GROUPED.match(_ascii(cell.text.strip())))
        and (value := cell_value(cell)) is not None
        and value > 0
    )
    if not values:
        return 1
    median = values[len(values) // 2]
    if median >= THOUSANDS_BELOW:
        return 1
    if median >= MILLIONS_BELOW:
        return 1_000
    return 10**6


def cell_value(cell: RowCell) -> Decimal | None:
    """The one figure a cell holds; 0 for an empty one or a dash, ``None`` for anything else."""
    compact = fold(cell.text).replace("$", "").replace(" ", "").strip(".")
    if compact in {"", "-"}:
        return Decimal(0)
    # Dates, ranges, fractions and raised figures stand in such cells as well: no amounts.
    return parse_amount(compact) if _FIGURE.fullmatch(compact) else None


def holds_money(cell: RowCell, *, table: MoneyTable) -> bool:
    """True where a cell of a table about money holds an amount."""
    del table
    if _NOT_MONEY.search(_ascii(cell.head)) is not None:
        return False
    if cell.role in {ColumnRole.BUDGET, ColumnRole.YEAR}:
        return True
    if cell.role not in {ColumnRole.OTHER, ColumnRole.SOURCE}:
        return False
    compact = fold(cell.text).strip(" $").replace(" ", "")
    return _says_money(cell.head) or _GROUPED.match(_ascii(compact)) is not None


def _in_investments(segment: Segment, *, profile: PlanProfile) -> bool:
    known = 0 <= segment.section < len(profile.sections)
    kind = profile.sections[segment.section].kind if known else SectionKind.UNKNOWN
    return kind is SectionKind.INVESTMENT or _plurianual(segment.heading_path)


@lru_cache(maxsize=TITLES_KEPT)
def _plurianual(titles: tuple[str, ...]) -> bool:
    return any("plurianual" in fold(title) for title in titles)


@lru_cache(maxsize=TITLES_KEPT)
def _says_money(text: str) -> bool:
    data = _ascii(text)
    return _MONEY.search(data) is not None and _NOT_MONEY.search(data) is None


def _ascii(text: str) -> bytes:
    return fold(text).encode("ascii", "replace")
