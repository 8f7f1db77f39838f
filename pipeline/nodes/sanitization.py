"""Node 1: clean text. Furniture of the pages removed, hyphenation undone, Unicode normalised."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from pipeline.model import CleanDocument, CleanLine, PlacedTable, SourcePiece
from pipeline.structure.characters import clean_characters, odd_texts
from pipeline.structure.hyphenation import undo_hyphenation
from pipeline.structure.running_lines import running_lines
from pipeline.structure.same_line import join_same_line

if TYPE_CHECKING:
    from pipeline.model import ExtractedDocument, Line, Page

VERSION: str = "1.0.1"


def sanitization(document: ExtractedDocument) -> CleanDocument:
    """Clean the text of a document, every character still mapped to page, line and position.

    Removed are running heads and feet, page numbers and lines without visible characters.
    Every kept character of ``CleanLine.text`` belongs to exactly one piece of its line, in order.
    """
    furniture: defaultdict[int, set[int]] = defaultdict(set)
    for number, index in running_lines(document.pages):
        furniture[number].add(index)
    odd = odd_texts([line.text for page in document.pages for line in page.lines])
    tables: list[PlacedTable] = []
    lines: list[CleanLine] = []
    total = 0
    for page in document.pages:
        table_of = _tables_by_line(page, first=len(tables))
        tables.extend(PlacedTable(page.number, table) for table in page.tables)
        first, number, removed = total, page.number, furniture[page.number]
        total += len(page.lines)
        for index, line in enumerate(page.lines):
            if index in removed and index not in table_of:
                continue
            table = table_of.get(index)
            if first + index in odd:
                clean = _clean_line(line, page=number, index=index, table=table)
                if clean is not None:
                    lines.append(clean)
                continue
            text = line.text
            pieces = (SourcePiece(0, len(text), number, index, 0),)
            lines.append(CleanLine(text, number, line.box, line.font_size, line.bold, pieces, table))
    kept = len(lines)
    joined = undo_hyphenation(join_same_line(lines))
    return CleanDocument(document, tuple(joined), tuple(tables), total - kept)


def _tables_by_line(page: Page, *, first: int) -> dict[int, int]:
    """In which table the lines of a page stand that stand in one; its tables are counted from ``first``."""
    return {
        line: number
        for number, table in enumerate(page.tables, first)
        for row in table.rows
        for cell in row
        if cell is not None
        for line in cell.lines
    }


def _clean_line(line: Line, *, page: int, index: int, table: int | None) -> CleanLine | None:
    text, sources = clean_characters(line.text)
    if not text:
        return None
    pieces = _pieces(sources, page=page, line=index)
    return CleanLine(text, page, line.box, line.font_size, line.bold, pieces, table)


def _pieces(sources: tuple[int, ...], *, page: int, line: int) -> tuple[SourcePiece, ...]:
    pieces: list[SourcePiece] = []
    start = 0
    for position in range(1, len(sources) + 1):
        if position == len(sources) or sources[position] != sources[position - 1] + 1:
            pieces.append(SourcePiece(start, position - start, page, line, sources[start]))
            start = position
    return tuple(pieces)
