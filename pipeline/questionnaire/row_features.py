"""What the columns of tables say of a row: which roles it has, which of its cells hold figures, of which years."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

import numpy as np
import re2

from pipeline.model import ColumnRole
from pipeline.text import fold

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from pipeline.model import PlanProfile, RowCell, Segment

AMOUNT_DIGITS = 4
"""A shorter number under a head that speaks of money is a share or a count."""
RESULT_HEAD = re2.compile(
    r"(?:indicador(?:es)?|metas?) de (?:resultado|bienestar|impacto)|resultados?\b",
)
MEASURE = re2.compile(
    r"\b(?:tasas?|indices?|mortalidad|morbilidad|incidencia|prevalencia|deficit|pobreza|desercion|analfabetismo"
    r"|homicidios?)\b"
)
"""What is measured under the head of a result column is a change, not a delivery."""
ROLE_COLUMNS = {
    "cell_baseline": ColumnRole.BASELINE,
    "cell_target": ColumnRole.TARGET,
    "cell_indicator": ColumnRole.INDICATOR,
    "cell_product": ColumnRole.PRODUCT,
    "cell_result": ColumnRole.RESULT,
    "cell_responsible": ColumnRole.RESPONSIBLE,
    "cell_source": ColumnRole.SOURCE,
    "cell_code": ColumnRole.CODE,
    "cell_unit": ColumnRole.UNIT,
    "cell_budget": ColumnRole.BUDGET,
    "cell_programme": ColumnRole.PROGRAMME,
    "cell_objective": ColumnRole.OBJECTIVE,
}
FILLED_COLUMNS = {
    "baseline_value": ColumnRole.BASELINE,
    "target_value": ColumnRole.TARGET,
    "budget_value": ColumnRole.BUDGET,
}


def row_columns(segments: Sequence[Segment], *, profile: PlanProfile) -> dict[str, NDArray[np.bool_]]:
    """Boolean columns over the segments, all false where a segment is no row of a table with columns of its own.

    A table that survives only as text has rows, but which cell stands under which head is a guess that misleads.

    ``cell_*``: the row has a cell of that role. ``*_value``: with a figure in it. ``result_cell``: what stands under
    the head of a result is measured. ``year_columns``, ``past_years``: figures under the heads of several years,
    in the plan's period or all before it.
    """
    found: dict[str, list[int]] = defaultdict(list)
    for unit, segment in enumerate(segments):
        if segment.row is not None and segment.row.ruled:
            for name in _names(segment.row.cells, first_year=profile.period[0] if profile.period else None):
                found[name].append(unit)
    names = (*ROLE_COLUMNS, *FILLED_COLUMNS, "result_cell", "year_columns", "past_years")
    return {name: _marked(found[name], size=len(segments)) for name in names}


def _names(cells: Sequence[RowCell], *, first_year: int | None) -> Iterator[str]:
    """Names of the columns that hold for a row of these cells."""
    filled = {cell.role for cell in cells if cell.text.strip()}
    figures = {cell.role for cell in cells if _digits(cell) >= _least_digits(cell.role)}
    dated = {cell.year for cell in cells if cell.year is not None and _digits(cell)}
    yield from (name for name, role in ROLE_COLUMNS.items() if role in filled)
    yield from (name for name, role in FILLED_COLUMNS.items() if role in figures)
    if any(RESULT_HEAD.search(fold(cell.head)) and MEASURE.search(fold(cell.text)) for cell in cells):
        yield "result_cell"
    if len(dated) > 1:
        yield "past_years" if first_year is not None and max(dated) < first_year else "year_columns"


def _digits(cell: RowCell) -> int:
    return sum(map(str.isdigit, cell.text))


def _least_digits(role: ColumnRole) -> int:
    return AMOUNT_DIGITS if role is ColumnRole.BUDGET else 1


def _marked(units: list[int], *, size: int) -> NDArray[np.bool_]:
    column = np.zeros(size, dtype=np.bool_)
    column[np.array(units, dtype=np.int64)] = True
    return column
