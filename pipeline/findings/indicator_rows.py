"""Reads indicators from the rows of tables whose columns are known."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import re2

from pipeline.findings.indicator_levels import level_of
from pipeline.findings.plan_text import one_line
from pipeline.findings.values import (
    begins_as_measure,
    counted_unit,
    horizon_in,
    is_absent,
    is_value,
    is_year_of,
    is_yes,
    quantity,
    value_text,
    year_in,
)
from pipeline.model import ColumnRole, Indicator, SectionKind, Span
from pipeline.text import fold

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pipeline.model import PlanProfile, RowCell, Segment, TableRow

NAME_CHARS: Final = 240
PARTS: Final = 7
"""Baseline, its year, target, its year, unit, source, responsible: what makes an indicator verifiable."""

NO_TARGETS: Final = frozenset({SectionKind.DIAGNOSIS, SectionKind.PRELIMINARY})
"""What is counted in these sections is what there is."""

_MIN_NAME: Final = 6
_NAMING_ROLES: Final = frozenset(
    {ColumnRole.INDICATOR, ColumnRole.TARGET, ColumnRole.PRODUCT, ColumnRole.RESULT}
)
"""A row without one of these names no indicator."""
_VALUE_ROLES: Final = frozenset({ColumnRole.BASELINE, ColumnRole.TARGET, ColumnRole.YEAR})
_CODE: Final = re2.compile(rb"\b(?:20[0-9]{11,12}|[0-9]{7}(?:[0-9]{2})?|[0-9]{4}\b)")
_HEADLINE: Final = re2.compile(
    rb"^(?:indicador(?:es)?(?: de (?:producto|resultado|gestion|impacto))?|metas?(?: de (?:producto"
    rb"|resultado))?|producto|resultado|linea (?:de )?base"
    rb"|[^a-z]*objetivos?(?: [a-z]+)?|programas?|total(?: general)?|subtotal|nombre(?: del indicador)?"
    rb"|numero|porcentaje"
    rb"|unidad(?: de medida)?|cuatri?enio|tasa|global|hectareas?|personas)[ :.]*$"
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


def row_indicators(segment: Segment, *, row: TableRow, profile: PlanProfile) -> Iterator[Indicator]:
    """The indicators of a row; none where the row has neither an indicator nor a measured target.

    A row of a result beside its product holds two. What stands in a diagnosis is no target, unless the table says
    so in a head of its own.
    """
    if all(cell.role not in _NAMING_ROLES for cell in row.cells):
        return
    if _kind(segment, profile=profile) in NO_TARGETS and not _sets_targets(row):
        return
    for cells in _cells_of_each(row):
        parts = _parts(segment, row=row, cells=cells, profile=profile)
        if parts is not None:
            yield parts.indicator()


def _kind(segment: Segment, *, profile: PlanProfile) -> SectionKind:
    known = 0 <= segment.section < len(profile.sections)
    return profile.sections[segment.section].kind if known else SectionKind.UNKNOWN


def _sets_targets(row: TableRow) -> bool:
    return row.ruled and any(cell.role is ColumnRole.TARGET for cell in row.cells)


def _cells_of_each(row: TableRow) -> list[tuple[RowCell, ...]]:
    """The cells of each indicator of a row: a new one begins where a name stands and the last has its value.

    In tables that survive only as text all values stand behind all texts, so such a row is one indicator.
    """
    cells = tuple(cell for cell in row.cells if cell.text.strip())
    if not row.ruled:
        return [cells]
    goals = [cell for cell in cells if cell.role is ColumnRole.TARGET and _is_sentence(cell.text)]
    names = [cell for cell in cells if cell.role is ColumnRole.INDICATOR and _is_sentence(cell.text)]
    by_goal = len(goals) > 1 and bool(names) and goals[0].start < names[0].start
    starts = [cell.start for cell in (goals if by_goal else names)]
    groups: list[list[RowCell]] = [[]]
    for cell in cells:
        if cell.start in starts and any(
            held.role in _VALUE_ROLES and held.start > starts[0] for held in groups[-1]
        ):
            groups.append([])
        groups[-1].append(cell)
    return [tuple(group) for group in groups]


def _parts(
    segment: Segment, *, row: TableRow, cells: Sequence[RowCell], profile: PlanProfile
) -> Parts | None:
    # Backwards, so that of several cells of a role the first one is kept.
    by_role = {cell.role: cell for cell in reversed(cells)}
    aims = [by_role.get(role) for role in (ColumnRole.TARGET, ColumnRole.PRODUCT, ColumnRole.RESULT)]
    named = by_role.get(ColumnRole.INDICATOR) or _unnamed(cells, profile=profile)
    subject = next(
        (cell for cell in (named, *aims) if cell is not None and _names_something(cell.text)), None
    )
    if subject is None:
        return None
    goal = next((cell for cell in aims if cell is not None and _is_sentence(cell.text)), None)
    target, unit, target_year = _target(row, cells=cells, subject=subject, profile=profile)
    baseline = by_role.get(ColumnRole.BASELINE)
    written = baseline.text if baseline is not None and not is_year_of(profile, baseline.text) else ""
    if target is None and value_text(written) is None and (named is None or goal is None):
        return None
    unit_cell = by_role.get(ColumnRole.UNIT)
    # Beside a goal that is not measured, the indicator's name alone ("Actividades realizadas") tells nothing.
    quoted = (subject,) if goal is None or target is not None else (subject, goal)
    return Parts(
        span=Span(segment.index, min(cell.start for cell in quoted), max(cell.end for cell in quoted)),
        name=subject.text,
        target_sentence=goal.text if goal is not None else "",
        baseline=value_text(written),
        baseline_year=_baseline_year(baseline),
        target=target,
        target_year=target_year,
        unit=value_text(unit_cell.text) if unit_cell is not None else (unit or counted_unit(subject.text)),
        source=_text(by_role.get(ColumnRole.SOURCE) or _only(row, role=ColumnRole.SOURCE)),
        responsible=_text(by_role.get(ColumnRole.RESPONSIBLE) or _only(row, role=ColumnRole.RESPONSIBLE)),
        code=_code(by_role.get(ColumnRole.CODE)),
        by_year=_by_year(row, cells=cells, profile=profile),
    )


def _only(row: TableRow, *, role: ColumnRole) -> RowCell | None:
    """The one cell of a role, which then belongs to all indicators of the row."""
    cells = [cell for cell in row.cells if cell.role is role]
    return cells[0] if len(cells) == 1 else None


def _unnamed(cells: Sequence[RowCell], *, profile: PlanProfile) -> RowCell | None:
    """The text beside a target's figure, where the head of its column was lost.

    Of several texts the first may be the goal, or another row: the last counts if it begins as indicators do.
    """
    if not any(
        cell.role is ColumnRole.TARGET and is_value(cell.text) and not is_year_of(profile, cell.text)
        for cell in cells
    ):
        return None
    texts = [cell for cell in cells if cell.role is ColumnRole.OTHER and not is_value(cell.text)]
    if not texts or (len(texts) > 1 and not begins_as_measure(texts[-1].text)):
        return None
    return texts[-1]


def _names_something(text: str) -> bool:
    folded = fold(text).strip()
    return (
        len(folded) >= _MIN_NAME
        and (" " in folded or "_" in folded)
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
    row: TableRow, *, cells: Sequence[RowCell], subject: RowCell, profile: PlanProfile
) -> tuple[str | None, str | None, int | None]:
    """The measured target, its unit and the year it is due, from the target's cell or the row's aims."""
    for role in (ColumnRole.TARGET, ColumnRole.PRODUCT, ColumnRole.RESULT):
        aims = [cell for cell in cells if cell.role is role and not is_year_of(profile, cell.text)]
        if len(aims) > 1:
            # A figure that stands alone in its cell before one in a goal's sentence.
            aims.sort(key=lambda cell: not is_value(cell.text))
        for cell in aims:
            if role is ColumnRole.TARGET and is_yes(cell.text):
                return one_line(cell.text, limit=NAME_CHARS), None, horizon_in(cell.head, profile=profile)
            if is_absent(cell.text):
                continue
            measured = quantity(cell.text)
            if measured is not None:
                year = (
                    cell.year
                    or horizon_in(cell.head, profile=profile)
                    or horizon_in(cell.text, profile=profile)
                )
                return measured[0], measured[2], year
    # Where the columns are a guess, a text with a figure may be anything; sentences that set a target are read as such.
    measured = quantity(subject.text) if row.ruled and subject.role is ColumnRole.INDICATOR else None
    last = _by_year(row, cells=cells, profile=profile)
    if measured is not None:
        return measured[0], measured[2], horizon_in(subject.text, profile=profile)
    return (last[-1][1], None, last[-1][0]) if last else (None, None, None)


def _baseline_year(cell: RowCell | None) -> int | None:
    if cell is None or is_absent(cell.text):
        return None
    return cell.year or year_in(cell.head) or year_in(cell.text)


def _by_year(row: TableRow, *, cells: Sequence[RowCell], profile: PlanProfile) -> tuple[tuple[int, str], ...]:
    """The targets of each year of the plan; years before it are history, and money by year is a budget."""
    first = profile.period[0] if profile.period is not None else 0
    if row.money_factor > 1 or any(cell.role is ColumnRole.BUDGET for cell in row.cells):
        return ()
    found = [
        (cell.year, text)
        for cell in cells
        if cell.role is ColumnRole.YEAR
        and cell.year is not None
        and cell.year >= first
        and (text := value_text(cell.text))
        and "$" not in text
    ]
    return tuple(sorted(found))
