"""Contradictions between figures: the same indicator with two values, totals that do not add up.

Built for precision. Two values contradict only when the names match stem by stem, the units are the
same, the years and the programmes do not explain the difference, and the passages stand apart.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from typing import TYPE_CHECKING, Final

import re2

from pipeline.findings.money_tables import cell_figure, cell_value, money_tables
from pipeline.findings.plan_text import one_line
from pipeline.findings.subjects import likeness, stems
from pipeline.findings.values import figures
from pipeline.model import ColumnRole, Contradiction, Span
from pipeline.text import fold

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pipeline.findings.money_tables import MoneyTable
    from pipeline.model import Amount, Indicator, PlanProfile, RowCell, Segmentation, TableRow

MIN_STEMS: Final = 4
"""A name of fewer content words ("número de talleres realizados") recurs with other targets in other "
"programmes."""
SAME_NAME: Final = 0.85
MIN_PAGES_APART: Final = 3
"""Product catalogues repeat a name with other targets row by row; a contradiction is between sections."""
MAX_GROUP: Final = 12
"""A name that recurs more often is a template of the plan, not one indicator."""
SUBJECT_CHARS: Final = 160

_GENERIC: Final = frozenset().union(
    stems(
        "número porcentaje cantidad total tasa índice cobertura acciones programas proyectos actividades "
        "realizados realizadas "
        "implementados implementadas ejecutados ejecutadas elaborados formulados desarrollados personas "
        "población "
        "beneficiados beneficiadas atendidos atendidas capacitados capacitadas talleres campañas jornadas "
        "apoyo apoyados "
        "estrategias fortalecidos creados plan planes realizar implementar desarrollar cuatrienio año "
        "durante anual meta producto resultado"
    )
)
_DIGITS: Final = re2.compile(rb"[0-9]+")


@dataclass(frozen=True, slots=True)
class _Valued:
    """A value of an indicator ready to be compared."""

    indicator: Indicator
    value: Decimal
    written: str
    unit: str
    stems: frozenset[str]
    context: frozenset[str]
    page: int
    numbers: tuple[str, ...]


def conflicting_targets(
    segmentation: Segmentation, *, indicators: Sequence[Indicator]
) -> Iterator[Contradiction]:
    """The same indicator with two targets, or with two baselines of the same year."""
    yield from _conflicts(segmentation, indicators=indicators, part="meta")
    yield from _conflicts(segmentation, indicators=indicators, part="linea_base")


def _conflicts(
    segmentation: Segmentation, *, indicators: Sequence[Indicator], part: str
) -> Iterator[Contradiction]:
    groups: dict[frozenset[str], list[_Valued]] = defaultdict(list)
    for indicator in indicators:
        valued = _valued(segmentation, indicator=indicator, part=part)
        if valued is not None:
            groups[valued.stems].append(valued)
    for members in groups.values():
        if 1 < len(members) <= MAX_GROUP:
            yield from _pairs(members, part=part)


def _pairs(members: list[_Valued], *, part: str) -> Iterator[Contradiction]:
    """Each value against the first one it contradicts: one alarm for each odd passage."""
    for number, right in enumerate(members):
        for left in members[:number]:
            if _contradict(left, right, part=part):
                yield _told(left, right, part=part)
                break


def _valued(segmentation: Segmentation, *, indicator: Indicator, part: str) -> _Valued | None:
    written = indicator.target if part == "meta" else indicator.baseline
    if written is None:
        return None
    found = figures(fold(written))
    if len(found) != 1 or "$" in indicator.name or (found[0].value == 0 and "%" not in written):
        return None
    if part == "meta" and not _stands_apart(indicator):
        return None
    name = _without_values(indicator.name)
    subject = stems(name)
    if len(subject - _GENERIC) < MIN_STEMS:
        return None
    segment = segmentation.segments[indicator.span.segment]
    above = (*segment.heading_path[-1:], *(segment.row.context[-1:] if segment.row is not None else ()))
    return _Valued(
        indicator=indicator,
        value=found[0].value,
        written=written,
        unit=found[0].unit or indicator.unit or "",
        stems=subject,
        context=stems(" ".join(above)),
        page=segment.page,
        numbers=tuple(
            word.decode() for word in _DIGITS.findall(_without_target(indicator).encode("ascii", "replace"))
        ),
    )


_AIM: Final = re2.compile(rb"\b(?:a|al|en|hasta|debajo de|encima del?)(?: el| un| menos de)? ?$")


def _stands_apart(indicator: Indicator) -> bool:
    """A target with a label of its own, or a share or aim; any other number may be a grade or a page."""
    folded, target = fold(indicator.name), fold(indicator.target or "")
    at = folded.find(target)
    if at < 0:
        return True
    return "%" in target or "x" in target or _AIM.search(folded[:at].encode("ascii", "replace")) is not None


def _without_values(name: str) -> str:
    return "".join(" " if char.isdigit() else char for char in name)


def _without_target(indicator: Indicator) -> str:
    """The name without the target's figure: the numbers left ("menores de 5 años") tell subjects apart."""
    folded = fold(indicator.name)
    for value in (indicator.target, indicator.baseline):
        if value:
            folded = folded.replace(fold(value), " ", 1)
    return folded


def _contradict(left: _Valued, right: _Valued, *, part: str) -> bool:
    if left.value == right.value or left.unit != right.unit or left.numbers != right.numbers:
        return False
    one, other = left.indicator, right.indicator
    if abs(left.page - right.page) < MIN_PAGES_APART or one.level != other.level:
        return False
    years = (
        (one.target_year, other.target_year) if part == "meta" else (one.baseline_year, other.baseline_year)
    )
    if None not in years and years[0] != years[1]:
        return False
    codes = (one.code, other.code)
    if None not in codes and codes[0] != codes[1]:
        return False
    return (
        not left.context or not right.context or likeness(left.context, right.context) > 0 or part != "meta"
    )


def _told(left: _Valued, right: _Valued, *, part: str) -> Contradiction:
    what = "dos metas" if part == "meta" else "dos líneas base"
    name = one_line(left.indicator.name, limit=SUBJECT_CHARS)
    return Contradiction(
        kind="meta" if part == "meta" else "cifra",
        left=left.indicator.span,
        right=right.indicator.span,
        subject=name,
        left_value=left.written,
        right_value=right.written,
        reason=f"El indicador «{name}» aparece con {what} distintas: {left.written} y {right.written}.",
    )


# --------------------------------------------------------------------------- totals

_TOTAL_HEAD: Final = re2.compile(rb"\b(?:total|cuatrienio|20[0-4][0-9] ?- ?20[0-4][0-9])\b")
HEADS_KEPT: Final = 1_024
MIN_PARTS: Final = 3
TOLERANCE: Final = Decimal("0.005")
"""Half a percent: rounding of each part to thousands or millions."""
ROUNDING: Final = 4
"""Four years, each rounded to the unit."""
LEAST_TOTAL: Final = 100
"""Below, rounding alone explains any difference."""
MISREAD: Final = Decimal("0.5")
"""A sum further off than half its total tells of columns that were misread, not of an error of the plan."""
NEAR_SUM: Final = Decimal("0.15")
"""In text whose columns were lost, a last figure this near the sum of the others is their total, and "
"further off is not."""


def wrong_row_totals(segmentation: Segmentation, *, profile: PlanProfile) -> Iterator[Contradiction]:
    """Rows of money whose declared total is not the sum of their years."""
    tables: dict[int, MoneyTable] | None = None
    for segment in segmentation.segments:
        row = segment.row
        if row is None:
            continue
        total = _total_cell(row)
        parts = [cell for cell in row.cells if cell.role is ColumnRole.YEAR and cell.year is not None]
        values = [cell_value(cell) for cell in parts]
        years = {cell.year for cell in parts}
        if total is None or len(parts) < MIN_PARTS or None in values or len(years) != len(parts):
            continue
        summed = sum((value for value in values if value is not None), Decimal(0))
        declared = cell_value(total)
        if declared is None or declared < LEAST_TOTAL or _near(summed, declared, share=TOLERANCE):
            continue
        if not _near(summed, declared, share=MISREAD):
            continue
        if tables is None:  # few plans hold such a row
            tables = money_tables(segmentation, profile=profile)
        if row.table not in tables:
            continue
        yield Contradiction(
            kind="cifra",
            left=Span(segment.index, total.start, total.end),
            right=Span(segment.index, parts[0].start, parts[-1].end),
            subject=_row_subject(row, fallback=segment.text),
            left_value=total.text.strip(),
            right_value=_grouped(summed),
            reason=(
                f"El total declarado ({total.text.strip()}) no coincide con la suma de las vigencias "
                f"({_grouped(summed)})."
            ),
        )


def _total_cell(row: TableRow) -> RowCell | None:
    held = [
        cell
        for cell in row.cells
        if cell.role in {ColumnRole.BUDGET, ColumnRole.OTHER, ColumnRole.TARGET}
        and cell.year is None
        and _heads_total(cell.head)
    ]
    return held[0] if len(held) == 1 else None


@lru_cache(maxsize=HEADS_KEPT)
def _heads_total(head: str) -> bool:
    return _TOTAL_HEAD.search(fold(head).encode("ascii", "replace")) is not None


def _near(summed: Decimal, declared: Decimal, *, share: Decimal) -> bool:
    return abs(summed - declared) <= max(Decimal(ROUNDING), declared * share)


def _row_subject(row: TableRow, *, fallback: str) -> str:
    for cell in row.cells:
        if any(char.isalpha() for char in cell.text):
            return one_line(cell.text, limit=SUBJECT_CHARS)
    return one_line(row.context[-1] if row.context else fallback, limit=SUBJECT_CHARS)


def _grouped(value: Decimal) -> str:
    """Colombian grouping: 1.234.567,5."""
    text = f"{value.normalize():,f}"
    return text.replace(",", "\0").replace(".", ",").replace("\0", ".")


_BETWEEN: Final = re2.compile(rb"[ $]{1,6}")


def wrong_flat_totals(segmentation: Segmentation, *, amounts: Sequence[Amount]) -> Iterator[Contradiction]:
    """Runs of amounts ("$ a $ b $ c $ d $ e") whose last one is nearly, but not, the sum of the others."""
    run: list[Amount] = []
    for amount in (*amounts, None):
        if amount is not None and run and _adjacent(segmentation, left=run[-1], right=amount):
            run.append(amount)
            continue
        found = _run_total(segmentation, run=run)
        if found is not None:
            yield found
        run = [amount] if amount is not None else []


def _adjacent(segmentation: Segmentation, *, left: Amount, right: Amount) -> bool:
    if left.span.segment != right.span.segment:
        return False
    gap = segmentation.folded[left.span.segment][left.span.end : right.span.start]
    return not gap or _BETWEEN.fullmatch(gap.encode("ascii", "replace")) is not None


def _run_total(segmentation: Segmentation, *, run: list[Amount]) -> Contradiction | None:
    if len(run) != MIN_PARTS + 2:
        return None
    parts, total = run[:-1], run[-1]
    summed = sum(part.pesos for part in parts)
    if total.pesos <= max(part.pesos for part in parts) or _near(
        Decimal(summed), Decimal(total.pesos), share=TOLERANCE
    ):
        return None
    if not _near(Decimal(summed), Decimal(total.pesos), share=NEAR_SUM):
        return None
    index = total.span.segment
    before = segmentation.segments[index].text[: parts[0].span.start]
    label = before[
        max((end for end in (before.rfind("$"), before.rfind(". ")) if end >= 0), default=-1) + 1 :
    ]
    letters = "".join(char for char in label if not char.isdigit() and char not in ".,$")
    # The table may count in thousands: the sum is shown in what the plan prints.
    printed = cell_figure(total.raw)
    factor = total.pesos / printed if printed else Decimal(1)
    shown = f"{'$ ' if factor == 1 else ''}{_grouped((Decimal(summed) / factor).quantize(Decimal(1)))}"
    return Contradiction(
        kind="cifra",
        left=total.span,
        right=Span(index, parts[0].span.start, parts[-1].span.end),
        subject=one_line(letters, limit=SUBJECT_CHARS),
        left_value=total.raw,
        right_value=shown,
        reason=(
            f"El total declarado ({total.raw}) no coincide con la suma de los valores que lo anteceden "
            f"({shown})."
        ),
    )
