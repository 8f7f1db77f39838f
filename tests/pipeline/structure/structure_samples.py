"""Builds small extracted documents: lines at places on pages, tables of cells, no PDF needed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.model import Cell, CleanDocument, ExtractedDocument, Line, Page, Table
from pipeline.nodes.document_segmentation import document_segmentation
from pipeline.nodes.plan_processing import plan_processing
from pipeline.nodes.sanitization import sanitization

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pipeline.model import PlanProfile, Segmentation

WIDTH, HEIGHT = 595.0, 842.0
CHAR = 5.0
"""Width of a character in these documents, in points."""
LEFT, TOP, PITCH = 60.0, 150.0, 14.0


def line(text: str, *, y: float, x: float = LEFT, size: float = 10.0, bold: bool = False) -> Line:
    """A line whose characters are all ``CHAR`` points wide."""
    edges: list[float] = []
    position = 0
    for word in text.split():
        position = text.index(word, position)
        edges += [x + CHAR * position, x + CHAR * (position + len(word))]
        position += len(word)
    return Line(text, (x, y, x + CHAR * len(text), y + 10), tuple(edges), size, bold)


def page(number: int, texts: Sequence[str], *, head: Sequence[str] = (), foot: str = "") -> Page:
    """A page of running text with an optional running head and foot; an empty text leaves a gap."""
    lines = [line(text, y=20 + 12 * i) for i, text in enumerate(head)]
    lines += [line(text, y=TOP + PITCH * i) for i, text in enumerate(texts) if text]
    if foot:
        lines.append(line(foot, y=800, x=290))
    return Page(number, WIDTH, HEIGHT, tuple(lines), (), 0.0)


def table_page(
    number: int, *, before: Sequence[str], rows: Sequence[Sequence[str | None]], after: Sequence[str] = ()
) -> Page:
    """A page with text, a ruled table whose cells hold one line each, and text below it."""
    lines = [line(text, y=TOP + PITCH * i) for i, text in enumerate(before)]
    y = TOP + PITCH * (len(before) + 1)
    grid: list[tuple[Cell | None, ...]] = []
    for row in rows:
        cells: list[Cell | None] = []
        for column, text in enumerate(row):
            x = LEFT + 120 * column
            if text is None:
                cells.append(None)
                continue
            cells.append(Cell(text, (x, y, x + 110, y + 12), (len(lines),)))
            lines.append(line(text, y=y, x=x))
        grid.append(tuple(cells))
        y += PITCH
    lines += [line(text, y=y + PITCH * (i + 1)) for i, text in enumerate(after)]
    table = Table((LEFT, TOP, LEFT + 120 * len(rows[0]), y), tuple(grid), ruled=True)
    return Page(number, WIDTH, HEIGHT, tuple(lines), (table,), 0.0)


def document(*pages: Page, title: str = "") -> ExtractedDocument:
    """An extracted document of these pages."""
    return ExtractedDocument("0" * 64, pages, title, ())


def clean(*pages: Page) -> CleanDocument:
    """The clean document of these pages."""
    return sanitization(document(*pages))


def segmented(*pages: Page) -> tuple[CleanDocument, PlanProfile, Segmentation]:
    """These pages through nodes 1 to 3."""
    cleaned = clean(*pages)
    profile = plan_processing(cleaned)
    return cleaned, profile, document_segmentation(cleaned, profile=profile)
