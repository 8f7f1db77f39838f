"""Node 1: clean text. Furniture of the pages removed, hyphenation undone, Unicode normalised."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.model import CleanDocument, CleanLine, PlacedTable, SourcePiece
from pipeline.structure.characters import clean_characters, odd_texts
from pipeline.structure.hyphenation import undo_hyphenation
from pipeline.structure.running_lines import running_lines
from pipeline.structure.same_line import join_same_line

if TYPE_CHECKING:
    from pipeline.model import ExtractedDocument, Line

VERSION: str = "1.0.0"


def sanitization(document: ExtractedDocument) -> CleanDocument:
    """Clean the text of a document, every character still mapped to page, line and position.

    Removed are running heads and feet, page numbers and lines without visible characters.
    Every kept character of ``CleanLine.text`` belongs to exactly one piece of its line, in order.
    """
    furniture = running_lines(document.pages)
    odd = odd_texts([line.text for page in document.pages for line in page.lines])
    tables: list[PlacedTable] = []
    lines: list[CleanLine] = []
    total = 0
    for page in document.pages:
        table_of: dict[int, int] = {}
        for placed in page.tables:
            for row in placed.rows:
                for cell in row:
                    if cell is not None:
                        table_of.update(dict.fromkeys(cell.lines, len(tables)))
            tables.append(PlacedTable(page.number, placed))
        first = total
        total += len(page.lines)
        for index, line in enumerate(page.lines):
            if (page.number, index) in furniture and index not in table_of:
                continue
            table = table_of.get(index)
            if first + index in odd:
                clean = _clean_line(line, page=page.number, index=index, table=table)
            else:
                pieces = (SourcePiece(0, len(line.text), page.number, index, 0),)
                clean = CleanLine(line.text, page.number, line.box, line.font_size, line.bold, pieces, table)
            if clean is not None:
                lines.append(clean)
    kept = len(lines)
    joined = undo_hyphenation(join_same_line(lines))
    return CleanDocument(document, tuple(joined), tuple(tables), total - kept)


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
