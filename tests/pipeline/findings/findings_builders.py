"""Small plans, built by hand: segments with their folded text, rows with their cells, relevance by point."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pipeline.model import (
    POINT_IDS,
    ColumnRole,
    PlanProfile,
    Relevance,
    RowCell,
    Section,
    SectionKind,
    Segment,
    Segmentation,
    SegmentIndex,
    SegmentKind,
    Span,
    TableRow,
)
from pipeline.text import fold

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

SECTIONS = (
    SectionKind.STRATEGY,
    SectionKind.DIAGNOSIS,
    SectionKind.INVESTMENT,
    SectionKind.MONITORING,
)
"""Section 0 is the strategy, so that a segment stands there unless a test says otherwise."""


def profile(
    *, period: tuple[int, int] | None = (2012, 2015), municipality: str | None = "Neiva"
) -> PlanProfile:
    """A plan with one section of each kind in ``SECTIONS``."""
    sections = tuple(
        Section(number, kind.value, 1, kind, None, 1, 0, 0) for number, kind in enumerate(SECTIONS)
    )
    return PlanProfile(
        is_plan=True,
        plan_score=1.0,
        reasons=(),
        municipality=municipality,
        department="Huila",
        period=period,
        status="adoptado",
        language="es",
        sections=sections,
    )


def cell(role: ColumnRole, text: str, *, head: str = "", year: int | None = None) -> RowCell:
    """A cell whose place in the row is filled in by ``row``."""
    return RowCell(text=text, role=role, head=head, start=0, end=0, year=year)


def row(
    *cells: RowCell,
    title: str = "",
    context: tuple[str, ...] = (),
    context_roles: tuple[ColumnRole, ...] = (),
    factor: int = 1,
    table: int = 0,
    ruled: bool = False,
) -> TableRow:
    """A table row; cells stand one after the other, joined as segmentation joins them."""
    placed: list[RowCell] = []
    position = 0
    for item in cells:
        end = position + len(item.text)
        placed.append(RowCell(item.text, item.role, item.head, position, end, item.year))
        position = end + len(" | ")
    return TableRow(
        table=table,
        title=title,
        cells=tuple(placed),
        context=context,
        money_factor=factor,
        ruled=ruled,
        context_roles=context_roles,
    )


def plan(
    *parts: str | TableRow,
    section: int = 0,
    headings: tuple[str, ...] = (),
    sections: Sequence[int] | None = None,
    heads: Sequence[tuple[str, ...]] | None = None,
) -> Segmentation:
    """A plan of paragraphs (strings) and rows, all in ``section`` unless ``sections`` names one for each."""
    segments: list[Segment] = []
    for number, part in enumerate(parts):
        table_row = part if isinstance(part, TableRow) else None
        text = " | ".join(item.text for item in part.cells) if isinstance(part, TableRow) else part
        segments.append(
            Segment(
                index=SegmentIndex(number),
                kind=SegmentKind.PARAGRAPH if table_row is None else SegmentKind.TABLE_ROW,
                text=text,
                page=number + 1,
                section=section if sections is None else sections[number],
                heading_path=headings if heads is None else heads[number],
                runs=(),
                row=table_row,
            )
        )
    return Segmentation(tuple(segments), tuple(fold(segment.text) for segment in segments))


def relevance(segmentation: Segmentation, *, about: Mapping[str, Sequence[int]]) -> Relevance:
    """Relevance in which the named segments are about the named points, all equally."""
    count = len(segmentation.segments)
    scores = np.zeros((count, len(POINT_IDS)))
    direct = np.zeros((count, len(POINT_IDS)), dtype=np.bool_)
    for point, indices in about.items():
        for index in indices:
            scores[index, POINT_IDS.index(point)] = 0.7
            direct[index, POINT_IDS.index(point)] = True
    return Relevance(
        scores=scores,
        inherited=np.zeros_like(scores),
        shift=np.zeros_like(scores),
        direct=direct,
        about=tuple(
            tuple(SegmentIndex(index) for index in sorted(about.get(point, ()))) for point in POINT_IDS
        ),
        terms=tuple({} for _ in POINT_IDS),
        embedded_segments=0,
    )


def quoted(segmentation: Segmentation, *, span: Span) -> str:
    """The plan's own words at a span."""
    return segmentation.segments[span.segment].text[span.start : span.end]
