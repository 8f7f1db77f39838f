"""Reads indicators from the rows of tables whose columns are known."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import re2

from pipeline.findings.indicator_levels import level_of
from pipeline.findings.plan_text import one_line
from pipeline.findings.values import counted_unit, horizon_in, is_absent, quantity, value_text, year_in
from pipeline.model import ColumnRole, Indicator, Span
from pipeline.text import fold

if TYPE_CHECKING:
    from pipeline.model import PlanProfile, RowCell, Segment, TableRow

NAME_CHARS: Final = 240
PARTS: Final = 7
"""Baseline, its year, target, its year, unit, source, responsible: what makes an indicator verifiable."""

_MIN_NAME: Final = 6
_CODE: Final = re2.compile(rb"\b(?:20[0-9]{11,12}|[0-9]{7}(?:[0-9]{2})?|[0-9]{4}\b)")
_HEADLINE: Final = re2.compile(
    rb"^(?:indicador(?:es)?(?: de (?:producto|resultado|gestion|impacto))?|metas?(?: de (?:producto"
    rb"|resultado))?|producto|resultado|linea (?:de )?base"
    rb"|[^a-z]*objetivos?(?: [a-z]+)?|programas?|total(?: general)?|subtotal|nombre(?: del indicador)?"
    rb"|numero|porcentaje"
    rb"|unidad(?: de medida)?|cuatrienio|tasa|global|hectareas?|personas)[ :.]*$"
)


@dataclass(frozen=True, slots=True)
class Parts:
    """What was read of an indicator before its quality is known."""

    span: Span
    name: str
    target_sentence: str = ""
    baseline: str | None = None
    baseline_year: int | None = None
    target: str | None = None
    target_year: int | None = None
    unit: str | None = None
    source: str | None = None
    responsible: str | None = None
    code: str | None = None
    by_year: tuple[tuple[int, str], ...] = ()

    def indicator(self) -> Indicator:
        """The indicator with its level and the share of the seven parts it has."""
        parts = (
            self.baseline,
            self.baseline_year,
            self.target,
            self.target_year,
            self.unit,
            self.source,
            self.responsible,
        )
        return Indicator(
            span=self.span,
            name=one_line(self.name, limit=NAME_CHARS),
            level=level_of(self.name, target=self.target_sentence),
            baseline=self.baseline,
            baseline_year=self.baseline_year,
            target=self.target,
            target_year=self.target_year,
            unit=self.unit,
            source=self.source,
            responsible=self.responsible,
            code=self.code,
            by_year=self.by_year,
            quality=round(sum(part is not None for part in parts) / PARTS, 3),
        )


def row_indicator(segment: Segment, *, row: TableRow, profile: PlanProfile) -> Indicator | None:
    """The indicator of a row; ``None`` where the row has neither an indicator nor a measured target."""
    # Backwards, so that of several cells of a role the first one is kept.
    cells = {cell.role: cell for cell in reversed(row.cells) if cell.text.strip()}
    named = cells.get(ColumnRole.INDICATOR)
    aims = [cells.get(role) for role in (ColumnRole.TARGET, ColumnRole.PRODUCT, ColumnRole.RESULT)]
    subject = next(
        (cell for cell in (named, *aims) if cell is not None and _names_something(cell.text)), None
    )
    if subject is None:
        return None
    sentence = next((cell.text for cell in aims if cell is not None and _is_sentence(cell.text)), "")
    target, unit, target_year = _target(row, subject=subject, profile=profile)
    baseline = cells.get(ColumnRole.BASELINE)
    written = baseline.text if baseline is not None else ""
    if target is None and value_text(written) is None and (named is None or not sentence):
        return None
    unit_cell = cells.get(ColumnRole.UNIT)
    return Parts(
        span=Span(segment.index, subject.start, subject.end),
        name=subject.text,
        target_sentence=sentence,
        baseline=value_text(written),
        baseline_year=_baseline_year(baseline),
        target=target,
        target_year=target_year,
        unit=value_text(unit_cell.text) if unit_cell is not None else (unit or counted_unit(subject.text)),
        source=_text(cells.get(ColumnRole.SOURCE)),
        responsible=_text(cells.get(ColumnRole.RESPONSIBLE)),
        code=_code(cells.get(ColumnRole.CODE)),
        by_year=_by_year(row, profile=profile),
    ).indicator()


def _names_something(text: str) -> bool:
    folded = fold(text).strip()
    return (
        len(folded) >= _MIN_NAME
        and " " in folded
        and any(char.isalpha() for char in folded)
        and _HEADLINE.match(folded.encode("ascii", "replace")) is None
    )


def _is_sentence(text: str) -> bool:
    return sum(char.isalpha() for char in text) >= _MIN_NAME


def _text(cell: RowCell | None) -> str | None:
    return None if cell is None or is_absent(cell.text) else one_line(cell.text, limit=NAME_CHARS)


def _code(cell: RowCell | None) -> str | None:
    if cell is None:
        return None
    found = _CODE.search(fold(cell.text).encode("ascii", "replace"))
    return found.group().decode() if found is not None else _text(cell)


def _target(
    row: TableRow, *, subject: RowCell, profile: PlanProfile
) -> tuple[str | None, str | None, int | None]:
    """The measured target, its unit and the year it is due, from the target's cell or the row's aims."""
    for role in (ColumnRole.TARGET, ColumnRole.PRODUCT, ColumnRole.RESULT):
        for cell in row.cells:
            if cell.role is not role or is_absent(cell.text):
                continue
            measured = quantity(cell.text)
            if measured is not None:
                year = (
                    cell.year
                    or horizon_in(cell.head, profile=profile)
                    or horizon_in(cell.text, profile=profile)
                )
                return measured[0], measured[2], year
    measured = quantity(subject.text) if subject.role is ColumnRole.INDICATOR else None
    last = _by_year(row, profile=profile)
    if measured is not None:
        return measured[0], measured[2], horizon_in(subject.text, profile=profile)
    return (last[-1][1], None, last[-1][0]) if last else (None, None, None)


def _baseline_year(cell: RowCell | None) -> int | None:
    if cell is None or is_absent(cell.text):
        return None
    return cell.year or year_in(cell.head) or year_in(cell.text)


def _by_year(row: TableRow, *, profile: PlanProfile) -> tuple[tuple[int, str], ...]:
    """The targets of each year of the plan; years before it are history, and money by year is a budget."""
    first = profile.period[0] if profile.period is not None else 0
    if row.money_factor > 1 or any(cell.role is ColumnRole.BUDGET for cell in row.cells):
        return ()
    found = [
        (cell.year, text)
        for cell in row.cells
        if cell.role is ColumnRole.YEAR
        and cell.year is not None
        and cell.year >= first
        and (text := value_text(cell.text))
        and "$" not in text
    ]
    return tuple(sorted(found))
