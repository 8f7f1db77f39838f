"""Reads the column RESPONSABLE of tables."""

from __future__ import annotations

from bisect import bisect_left
from typing import TYPE_CHECKING, Final

from pipeline.findings.entity_lexicon import CONNECTORS, DEPENDENCY, LEVELS, MATTERS
from pipeline.findings.plan_text import one_line
from pipeline.model import ColumnRole, Responsibility, Span
from pipeline.text import fold

if TYPE_CHECKING:
    from pipeline.findings.entities import Mention
    from pipeline.findings.plan_text import PlanText
    from pipeline.model import RowCell, Segment, Segmentation, TableRow

TASK_CHARS: Final = 240
_NAME_CHARS: Final = 120
_MIN_NAME_CHARS: Final = 3
_TASK_ROLES: Final = (
    ColumnRole.PROJECT,
    ColumnRole.PRODUCT,
    ColumnRole.TARGET,
    ColumnRole.INDICATOR,
    ColumnRole.RESULT,
    ColumnRole.OBJECTIVE,
    ColumnRole.PROGRAMME,
)
_NAME_WORDS: Final = frozenset(MATTERS) | CONNECTORS | LEVELS
_BROKEN_NAME: Final = (" de", " del", " la", " y", " e", ",", "secretaria", "secretario", "-")
"""How a cell ends whose words go on in the next one: the columns were lost there."""
_EMPTY: Final = frozenset(
    {"", "-", "n/a", "na", "nd", "n.d.", "sl", "s.l.", "por definir", "responsable", "responsables"}
)


def responsible_cells(
    segmentation: Segmentation, *, plan: PlanText, mentions: list[Mention]
) -> list[Responsibility]:
    """The entities that stand in RESPONSABLE cells, each with the row's project, product or target as task.

    A cell that names only the matter ("Planeación", "Salud y Educación") is an office by that name;
    any other is left.
    """
    starts = [mention.start for mention in mentions]
    found: list[Responsibility] = []
    for segment in segmentation.segments:
        if segment.row is None:
            continue
        before = ""
        for cell in segment.row.cells:
            broken = fold(before).rstrip().endswith(_BROKEN_NAME)
            before = cell.text
            if cell.role is ColumnRole.RESPONSIBLE and _filled(cell) and not broken:
                base = plan.starts[segment.index]
                first = bisect_left(starts, base + cell.start)
                last = bisect_left(starts, base + cell.end)
                found.extend(
                    _read_cell(segment, row=segment.row, cell=cell, base=base, named=mentions[first:last])
                )
    return found


def _filled(cell: RowCell) -> bool:
    folded = fold(cell.text).strip()
    return folded not in _EMPTY and len(folded) >= _MIN_NAME_CHARS and not folded[0].isdigit()


def _read_cell(
    segment: Segment, *, row: TableRow, cell: RowCell, base: int, named: list[Mention]
) -> list[Responsibility]:
    task = row_task(row)
    if named:
        return [
            Responsibility(
                span=Span(segment.index, mention.start - base, mention.end - base),
                entity=mention.entity,
                kind=mention.kind,
                task=task,
                assigned=True,
            )
            for mention in named
        ]
    words = [word.strip(".,-/·") for word in fold(cell.text).split()]
    if not any(word in MATTERS for word in words) or any(word and word not in _NAME_WORDS for word in words):
        return []
    return [
        Responsibility(
            span=Span(segment.index, cell.start, cell.end),
            entity=one_line(cell.text, limit=_NAME_CHARS).strip(" .,;:-"),
            kind=DEPENDENCY,
            task=task,
            assigned=True,
        )
    ]


def row_task(row: TableRow) -> str:
    """What a row is about: its project, product, target, … or what stands above it."""
    for role in _TASK_ROLES:
        for cell in row.cells:
            if cell.role is role and cell.text.strip():
                return one_line(cell.text, limit=TASK_CHARS)
    return one_line(row.context[-1], limit=TASK_CHARS) if row.context else ""
