"""Which tables of a plan are about money, and what they count in.

A column headed "TOTAL" or "2013" may hold pesos, pupils or hectares. A table is about money when it says
so (a factor, ``$``, a head such as "PRESUPUESTO" or "COSTO"), stands under a line that does, or stands in the
investment plan and has no column of indicators or baselines. What it counts in is said in its head or above
it (`pipeline.findings.money_scale`). Where nothing is said, the size of the figures tells, of the whole block
and not of each piece of it: a sector of a municipality invests between ten million and some hundred thousand
million pesos a year, so a median under ``MILLIONS_BELOW`` is millions and one under ``THOUSANDS_BELOW``
thousands; and no municipality lives on less than ``LEAST_INCOME`` a year.
"""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass, field
from decimal import Decimal
from functools import lru_cache
from typing import TYPE_CHECKING, Final

import re2

from pipeline.findings.money_scale import figure_runs, scales
from pipeline.findings.plan_text import PlanText
from pipeline.model import ColumnRole, SectionKind
from pipeline.spanish_numbers import parse_amount
from pipeline.text import fold

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pipeline.findings.money_scale import Run, Scale
    from pipeline.model import PlanProfile, RowCell, Segment, Segmentation, TableRow

MILLIONS_BELOW: Final = 100_000
THOUSANDS_BELOW: Final = 20_000_000
LEAST_INCOME: Final = 2 * 10**9
"""All income or all spending of a municipality in a year is more pesos than this."""
LARGEST_MEDIANS: Final = {1_000: 10**9, 10**6: 10**7}
"""Where half of the figures are larger than this, the unit that was said above belongs to another table."""
LEAST_IN_RUN: Final = 3
"""So many figures of two or more groups of digits make a run of figures money where no unit is declared."""
LEAST_ECHOED: Final = 3
LEAST_TO_ECHO: Final = 10**5
"""The same figure of so many digits twice in a plan is the same amount."""
FIGURE_CHARS: Final = 60
"""No figure is longer, whatever blanks stand in it."""
TOTAL_CHARS: Final = 30
"""No longer is a text that says nothing but "total de los ingresos"."""
SAYING_CHARS: Final = 180
"""Only lines so short say what the figures around them are about."""
TITLES_KEPT: Final = 2_048
"""The rows of a table have one title and the same heads."""

_MONEY: Final = re2.compile(
    rb"\b(?:presupuest|inversion|recursos?\b|costos?\b|valor(?:es)?\b|pesos|financi|plurianual|sgp|s\.g\.p"
    rb"|sgr|regalias|propios|icld|ingresos|gastos"
    rb"|recaudo|apropiacion|fuentes?\b|monto)|\$"
)
# Cells are short: there the standard library is faster than RE2.
_FIGURE: Final = re.compile(r"[0-9](?:[0-9.,']*[0-9])?")
_NOT_MONEY: Final = re2.compile(
    rb"\b(?:poblacion|habitantes|personas|alumnos|estudiantes|matricula|casos|hogares|viviendas|hectareas"
    rb"|predios|numero|no\.|mujeres|hombres|edad)\b"
)
_GROUPED: Final = re.compile(r"[0-9]{1,3}(?:[.,'][0-9]{3}){2,}(?:[.,][0-9]{1,2})?")
_YEAR: Final = re.compile(r"2[.,]?0[0-4][0-9]")
"""Years are written "2.012" as well."""
_SIGNED: Final = re.compile(r"(?<!de )(?<!miles )(?<!millones )\$")
"""A sign of pesos, in a head or before a figure, and not the end of "miles de $"."""
_ONE_GROUP: Final = re.compile(r"[0-9]{1,3}(?:[.,'][0-9]{3})+(?:[.,][0-9]{1,2})?")
_TOTAL: Final = re.compile(r"(?:total(?: de)?(?: los)? (?:ingresos|gastos)|(?:ingresos|gastos) totales)")
_AMOUNTS: Final = frozenset({ColumnRole.BUDGET, ColumnRole.YEAR})
_COUNTED: Final = frozenset({ColumnRole.BASELINE, ColumnRole.INDICATOR})


@dataclass(frozen=True, slots=True)
class MoneyTable:
    """A table about money: what an amount without a unit is multiplied with, and whether the plan says so."""

    factor: int
    declared: bool = False


@dataclass(frozen=True, slots=True)
class MoneyPlaces:
    """Where the bare figures of a plan are money."""

    tables: dict[int, MoneyTable]
    """By the number of the table (``TableRow.table``)."""
    runs: list[tuple[Run, int]]
    """Figures outside of tables, with what they are multiplied with."""


@dataclass(slots=True)
class _Block:
    """Figures between which nothing new is said: their sizes, and the largest in a row of all income or spending."""

    unit: int = 0
    values: list[Decimal] = field(default_factory=list)
    """In order of size, once all are there."""
    total: Decimal = Decimal(0)
    says_money: bool = False
    echoed: int = 0
    """What most of its figures count in elsewhere in the plan, where it is declared."""

    def declared(self) -> int:
        """The unit that was said above, if the figures can be of it; else 0."""
        largest = LARGEST_MEDIANS.get(self.unit)
        return 0 if largest and self.values and _median(self.values) > largest else self.unit

    def sure(self) -> bool:
        """Whether the unit of undeclared figures is more than a guess between thousands and millions."""
        return bool(self.echoed or self.total) or _factor_of_size(self.values) == 1

    def factor(self, *, guess: bool) -> int:
        """What undeclared figures must count in; without ``guess`` pesos, unless all income would be too little."""
        if self.echoed:
            return self.echoed
        factor = _factor_of_size(self.values) if guess else 1
        while self.total and self.total * factor < LEAST_INCOME and factor < 10**6:
            factor *= 1_000
        return factor


def money_tables(segmentation: Segmentation, *, profile: PlanProfile) -> dict[int, MoneyTable]:
    """The tables about money by their number (``TableRow.table``)."""
    plan = PlanText.of(segmentation)
    runs = figure_runs(plan)
    return money_places(plan, profile=profile, runs=runs, scaled=scales(plan, runs=runs)).tables


def money_places(
    plan: PlanText, *, profile: PlanProfile, runs: Sequence[Run], scaled: Sequence[Scale]
) -> MoneyPlaces:
    """The tables and runs of figures that are about money in a plan whose runs and scales are known."""
    held: dict[int, list[Segment]] = defaultdict(list)
    blocks: dict[int, _Block] = defaultdict(_Block)
    with_runs = {scaled[run.segment].block for run in runs}
    for segment, scale in zip(plan.segmentation.segments, scaled, strict=True):
        block = blocks[scale.block]
        block.unit = max(block.unit, scale.unit)
        if segment.row is not None:
            held[segment.row.table].append(segment)
        elif scale.block in with_runs and not block.says_money and len(segment.text) <= SAYING_CHARS:
            block.says_money = _says_money(segment.text)
    _heed_notes(plan, blocks=blocks, runs=runs, scaled=scaled)
    of_table = {
        number: blocks[
            next((scaled[s.index] for s in table if scaled[s.index].unit), scaled[table[0].index]).block
        ]
        for number, table in held.items()
    }
    speaking = {number for number, table in held.items() if _speaks_of_money(table, profile=profile)}
    for number, table in held.items():
        if number in speaking or of_table[number].unit:
            _weigh_rows(table, block=of_table[number])
    for run in runs:
        _weigh_run(run, plan=plan, block=blocks[scaled[run.segment].block])
    for block in blocks.values():
        block.values.sort()
    _echo(held, blocks=blocks, of_table=of_table)
    tables = {
        number: found
        for number, table in held.items()
        if (found := _money_table(table, block=of_table[number], speaks=number in speaking)) is not None
    }
    return MoneyPlaces(
        tables, list(_money_runs(runs, plan=plan, scaled=scaled, blocks=blocks, profile=profile))
    )


def _echo(held: dict[int, list[Segment]], *, blocks: dict[int, _Block], of_table: dict[int, _Block]) -> None:
    """Let undeclared blocks count in what the plan declares for the same figures elsewhere."""
    units: dict[Decimal, int] = {}
    for block in blocks.values():
        if block.unit:
            units.update((value, block.unit) for value in block.values if value >= LEAST_TO_ECHO)
    for number, table in held.items():
        own = max(segment.row.money_factor for segment in table if segment.row is not None)
        if own > 1:
            units.update((value, own) for value in of_table[number].values if value >= LEAST_TO_ECHO)
    for block in blocks.values():
        shared = [units[value] for value in block.values if value in units]
        if not block.unit and len(shared) >= LEAST_ECHOED and len(shared) * 2 >= len(block.values):
            block.echoed = max(set(shared), key=lambda unit: (shared.count(unit), unit))


def _heed_notes(
    plan: PlanText, *, blocks: dict[int, _Block], runs: Sequence[Run], scaled: Sequence[Scale]
) -> None:
    """Give a unit that is said below figures, and above none, to the block of those figures."""
    filled = {scaled[run.segment].block for run in runs}
    filled.update(
        scale.block
        for segment, scale in zip(plan.segmentation.segments, scaled, strict=True)
        if segment.row is not None
    )
    for scale in scaled:
        above = blocks.get(scale.block - 1)
        if scale.noted and above is not None and not above.unit and scale.block not in filled:
            above.unit = scale.noted


def _speaks_of_money(held: list[Segment], *, profile: PlanProfile) -> bool:
    """Whether a table is about money though no unit is declared above it."""
    rows = [segment.row for segment in held if segment.row is not None]
    if (
        _signed(rows)
        or max(row.money_factor for row in rows) > 1
        or any(_says_money(cell.head) for cell in rows[0].cells)
        or _says_money(rows[0].title)
    ):
        return True
    invested = any(_in_investments(segment, profile=profile) for segment in held)
    return invested and not _counting(rows) and _NOT_MONEY.search(_ascii(rows[0].title)) is None


def _signed(rows: list[TableRow]) -> bool:
    return any("$" in cell.text and _SIGNED.search(cell.text.lower()) for row in rows for cell in row.cells)


def _counting(rows: list[TableRow]) -> int:
    """How many rows have a column of indicators or baselines: what such a table counts is seldom money."""
    return sum(any(cell.role in _COUNTED for cell in row.cells) for row in rows)


def _money_table(held: list[Segment], *, block: _Block, speaks: bool) -> MoneyTable | None:
    rows = [segment.row for segment in held if segment.row is not None]
    own = max(row.money_factor for row in rows)
    if own > 1:
        return MoneyTable(factor=own, declared=True)
    unit = block.declared()
    if unit and (speaks or _counting(rows) * 2 <= len(rows)):
        return MoneyTable(factor=unit, declared=True)
    return MoneyTable(factor=block.factor(guess=not _signed(rows))) if speaks else None


def _money_runs(
    runs: Sequence[Run],
    *,
    plan: PlanText,
    scaled: Sequence[Scale],
    blocks: dict[int, _Block],
    profile: PlanProfile,
) -> Iterator[tuple[Run, int]]:
    for run in runs:
        block = blocks[scaled[run.segment].block]
        segment = plan.segmentation.segments[run.segment]
        if unit := run.unit or block.declared():
            yield run, unit
        elif (
            _large(run, plan=plan) >= LEAST_IN_RUN
            and (block.says_money or _in_investments(segment, profile=profile))
            and block.sure()
        ):
            yield run, block.factor(guess=True)


def _weigh_rows(held: list[Segment], *, block: _Block) -> None:
    """Add the sizes of the figures of a table to those of its block."""
    rows = [segment.row for segment in held if segment.row is not None]
    signed = _signed(rows)
    for row in rows:
        values = [
            value
            for cell in row.cells
            if (cell.role in _AMOUNTS or _GROUPED.fullmatch(cell.text.strip(" $")) is not None)
            and (value := cell_value(cell))
        ]
        if any(_TOTAL.fullmatch(text.lower().strip(" .:")) for text in _short_texts(row)):
            block.total = max([block.total, *values])
        if not signed:
            block.values.extend(values)


def _short_texts(row: TableRow) -> Iterator[str]:
    return (text for text in (row.title, *(cell.text for cell in row.cells)) if len(text) <= TOTAL_CHARS)


def _weigh_run(run: Run, *, plan: PlanText, block: _Block) -> None:
    values = _sizes(run, plan=plan)
    label = plan.data[run.label[0] : run.label[1]].strip(b" .:")
    if _TOTAL.fullmatch(label.decode()) is not None:
        block.total = max([block.total, *values])
    block.values.extend(values)


def _large(run: Run, *, plan: PlanText) -> int:
    """How many figures of a run have two or more groups of three digits."""
    texts = (plan.data[figure.start : figure.end].decode() for figure in run.figures)
    return sum(_GROUPED.fullmatch(text) is not None for text in texts)


def _sizes(run: Run, *, plan: PlanText) -> list[Decimal]:
    texts = [plan.data[figure.start : figure.end].decode() for figure in run.figures if figure.grouped]
    return [value for text in texts if (value := parse_amount(text)) is not None]


def _factor_of_size(values: list[Decimal]) -> int:
    """What unnamed figures must count in, from their median; 1 where there is none to go by."""
    if not values:
        return 1
    median = _median(values)
    if median >= THOUSANDS_BELOW:
        return 1
    if median >= MILLIONS_BELOW:
        return 1_000
    return 10**6


def _median(values: list[Decimal]) -> Decimal:
    """Of values in order of size."""
    return values[len(values) // 2]


def cell_value(cell: RowCell) -> Decimal | None:
    """The one figure a cell holds; 0 for an empty one or a dash, ``None`` for anything else."""
    return cell_figure(cell.text)


def cell_figure(text: str) -> Decimal | None:
    """The one figure a text is; 0 for none or a dash, ``None`` for anything else."""
    if len(text) > FIGURE_CHARS:
        return None
    compact = fold(text).replace("$", "").replace(" ", "").strip(".")
    if compact in {"", "-"}:
        return Decimal(0)
    # Dates, ranges, fractions and raised figures stand in such cells as well: no amounts.
    return parse_amount(compact) if _FIGURE.fullmatch(compact) else None


def holds_money(cell: RowCell, *, table: MoneyTable) -> bool:
    """True where a cell of a table about money holds an amount."""
    if _counts_things(cell.head):
        return False
    if cell.role in _AMOUNTS:
        return True
    if "$" in cell.text and cell_value(cell):
        return True
    if cell.role not in {ColumnRole.OTHER, ColumnRole.SOURCE}:
        return False
    compact = fold(cell.text).strip(" $").replace(" ", "")
    if _YEAR.fullmatch(compact) is not None:
        return False
    groups = _ONE_GROUP if table.declared else _GROUPED
    return _says_money(cell.head) or groups.fullmatch(compact) is not None


def _in_investments(segment: Segment, *, profile: PlanProfile) -> bool:
    known = 0 <= segment.section < len(profile.sections)
    kind = profile.sections[segment.section].kind if known else SectionKind.UNKNOWN
    return kind is SectionKind.INVESTMENT or _plurianual(segment.heading_path)


@lru_cache(maxsize=TITLES_KEPT)
def _plurianual(titles: tuple[str, ...]) -> bool:
    return any("plurianual" in fold(title) for title in titles)


@lru_cache(maxsize=TITLES_KEPT)
def _counts_things(head: str) -> bool:
    return _NOT_MONEY.search(_ascii(head)) is not None


@lru_cache(maxsize=TITLES_KEPT)
def _says_money(text: str) -> bool:
    data = _ascii(text)
    if data.startswith((b"fuente:", b"fuente.", b"fuente de verificacion")):
        return False  # where figures come from, not what pays
    return _MONEY.search(data) is not None and _NOT_MONEY.search(data) is None


def _ascii(text: str) -> bytes:
    return fold(text).encode("ascii", "replace")
