"""Small documents made of invented passages, for the tests of the questionnaire."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.model import (
    ColumnRole,
    PlanProfile,
    RowCell,
    Section,
    SectionKind,
    Segment,
    Segmentation,
    SegmentIndex,
    SegmentKind,
    TableRow,
)
from pipeline.text import fold

if TYPE_CHECKING:
    from collections.abc import Sequence

PLACES = {
    "[d] ": ("Diagnóstico", SectionKind.DIAGNOSIS),
    "[i] ": ("Plan plurianual de inversiones", SectionKind.INVESTMENT),
    "[s] ": ("Seguimiento y evaluación del plan", SectionKind.MONITORING),
    "": ("Parte estratégica", SectionKind.STRATEGY),
}
ROLES = {
    "meta": ColumnRole.TARGET,
    "indicador": ColumnRole.INDICATOR,
    "linea base": ColumnRole.BASELINE,
    "producto": ColumnRole.PRODUCT,
    "sector": ColumnRole.SECTOR,
    "programa": ColumnRole.PROGRAMME,
    "proyecto": ColumnRole.PROJECT,
    "valor": ColumnRole.BUDGET,
    "presupuesto": ColumnRole.BUDGET,
    "total": ColumnRole.BUDGET,
    "responsable": ColumnRole.RESPONSIBLE,
    "fuente": ColumnRole.SOURCE,
    "codigo": ColumnRole.CODE,
    "codigo bpin": ColumnRole.CODE,
    "codigo mga": ColumnRole.CODE,
}


def document(passages: Sequence[str], *, is_plan: bool = True) -> tuple[Segmentation, PlanProfile]:
    """A plan of the given passages; see the head of ``examples.toml`` for how they are written."""
    titles = list(PLACES.values())
    sections = tuple(
        Section(number, title, 1, kind, None, 1 + number, 0, 0) for number, (title, kind) in enumerate(titles)
    )
    segments = []
    for passage in passages:
        mark = next(mark for mark in PLACES if passage.startswith(mark))
        number = titles.index(PLACES[mark])
        segments.append(_segment(passage.removeprefix(mark), index=len(segments), section=sections[number]))
    profile = PlanProfile(
        is_plan=is_plan,
        plan_score=float(is_plan),
        reasons=(),
        municipality="Villa Ejemplo" if is_plan else None,
        department=None,
        period=(2020, 2023),
        status="adoptado",
        language="es",
        sections=sections,
    )
    return Segmentation(tuple(segments), tuple(fold(segment.text) for segment in segments)), profile


def _segment(text: str, *, index: int, section: Section) -> Segment:
    row = _row(text) if " | " in text else None
    shown = " | ".join(cell.text for cell in row.cells) if row else text
    kind = SegmentKind.TABLE_ROW if row else SegmentKind.PARAGRAPH
    return Segment(SegmentIndex(index), kind, shown, section.page, section.id, (section.title,), (), row)


def _row(text: str) -> TableRow:
    cells: list[RowCell] = []
    position = 0
    for part in text.split(" | "):
        head, _, value = part.partition(": ")
        year = int(head) if head.isdigit() else None
        role = ColumnRole.YEAR if year else ROLES.get(fold(head), ColumnRole.OTHER)
        cells.append(RowCell(value, role, head, position, position + len(value), year))
        position += len(value) + len(" | ")
    return TableRow(0, "", tuple(cells), (), 1)
