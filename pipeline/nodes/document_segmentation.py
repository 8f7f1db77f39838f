"""Node 3: the segments of a plan: paragraphs, list items, table rows, headings, each in its place."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from pipeline.model import ColumnRole, RowCell, Segment, Segmentation, SegmentIndex, SegmentKind, TableRow
from pipeline.structure.columns import money_factor
from pipeline.structure.flat_tables import closing_columns, flat_table, head_at, headless_ranges, in_head
from pipeline.structure.folding import fold_lines
from pipeline.structure.fragments import CELL_GLUE, Fragment, assemble, whole_line
from pipeline.structure.outline import CONTENTS_TITLE
from pipeline.structure.paragraphs import MAX_SEGMENT_CHARS, page_margins, paragraphs, split_long
from pipeline.structure.ruled_tables import RuledTables
from pipeline.text import fold

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pipeline.model import CleanDocument, PlanProfile, Section
    from pipeline.structure.columns import Column
    from pipeline.structure.fragments import Assembled, Cell

VERSION: str = "1.1.1"
MAX_CAPTION_CHARS = 160


def document_segmentation(document: CleanDocument, *, profile: PlanProfile) -> Segmentation:
    """Cut the document into segments in reading order.

    Every line outside tables of contents belongs to exactly one segment, save heads of tables.
    """
    segmenter = _Segmenter(document, profile=profile)
    segmenter.run()
    folded = fold_lines([segment.text for segment in segmenter.segments])
    return Segmentation(tuple(segmenter.segments), tuple(folded))


class _Segmenter:
    """Walks over the sections of one document; used once."""

    def __init__(self, document: CleanDocument, *, profile: PlanProfile) -> None:
        self.segments: list[Segment] = []
        self._document = document
        self._lines = document.lines
        self._folded = fold_lines([line.text for line in document.lines])
        self._head_lines = frozenset(index for index, text in enumerate(self._folded) if in_head(text))
        self._sections = profile.sections
        self._paths = _heading_paths(profile.sections)
        self._margins = page_margins(
            document.lines, pages=max([line.page for line in document.lines], default=0)
        )
        self._ruled = RuledTables(document)
        self._flat_tables = len(document.tables)
        self._last_row: tuple[int, Sequence[tuple[Cell, Column]]] | None = None
        self._open_columns: tuple[Column, ...] = ()

    def run(self) -> None:
        """Fill ``segments``."""
        starts = [section.first_line for section in self._sections]
        self._body(0, starts[0] if starts else len(self._lines), section=-1)
        for index, section in enumerate(self._sections):
            stop = starts[index + 1] if index + 1 < len(starts) else len(self._lines)
            if section.title == CONTENTS_TITLE:
                contents_end = min(stop, section.last_line)
                self._body(contents_end, stop, section=-1 if section.parent is None else section.parent)
                continue
            begin = self._heading(section, stop=stop)
            self._body(begin, stop, section=index)

    def _heading(self, section: Section, *, stop: int) -> int:
        """Give the lines of the heading as a segment; returns the first line after it."""
        title = section.title
        end = section.first_line
        length = 0
        while end < stop and length < len(title) and title.startswith(self._lines[end].text, length):
            length += len(self._lines[end].text) + 1
            end += 1
        if length < len(title):
            return section.first_line
        fragments = [whole_line(i, lines=self._lines) for i in range(section.first_line, end)]
        path = self._paths[section.id][:-1]
        self._add(SegmentKind.HEADING, [fragments], section=section.id, path=path)
        return end

    def _body(self, first: int, stop: int, *, section: int) -> None:
        index = first
        prose_from = first
        while index < stop:
            table = self._lines[index].table
            if table is not None:
                self._prose(prose_from, index, section=section)
                index = prose_from = self._ruled_table(index, stop=stop, section=section)
                continue
            body = head_at(self._folded, index=index, stop=stop) if index in self._head_lines else None
            if body is not None:
                self._prose(prose_from, index, section=section)
                index = prose_from = self._flat_table(index, body, stop=stop, section=section)
                continue
            index += 1
        self._prose(prose_from, stop, section=section)

    def _ruled_table(self, index: int, *, stop: int, section: int) -> int:
        table = self._lines[index].table or 0
        end = index
        while end < stop and self._lines[end].table == table:
            end += 1
        title = self._caption(index)
        for row in self._ruled.rows(table, title=title, note=self._note(end)):
            if any(
                fragment.line < index or fragment.line >= end for cell, _ in row.cells for fragment in cell
            ):
                continue
            cells = self._with_last_row(row.cells) if row.goes_on else row.cells
            above = TableRow(table, title, (), row.context, row.factor, context_roles=row.context_roles)
            self._row(cells, section=section, above=above)
        return end

    def _with_last_row(self, cells: Sequence[tuple[Cell, Column]]) -> Sequence[tuple[Cell, Column]]:
        """The cells of the last row, each continued by the cell of its column; that row is taken back."""
        if not self.segments or self._last_row is None or self._last_row[0] != len(self.segments) - 1:
            return cells
        merged = dict.fromkeys(column for _, column in (*self._last_row[1], *cells))
        by_column: dict[Column, list[Fragment]] = {column: [] for column in merged}
        for cell, column in (*self._last_row[1], *cells):
            by_column[column].extend(cell)
        self.segments.pop()
        return [(tuple(fragments), column) for column, fragments in by_column.items()]

    def _flat_table(self, first: int, body: int, *, stop: int, section: int) -> int:
        columns = closing_columns(self._open_columns) if first == body else None
        table = flat_table(first, body, stop=stop, lines=self._lines, folded=self._folded, columns=columns)
        if first != body:
            self._open_columns = table.columns
        title = self._caption(first)
        factor = money_factor(" ".join([fold(title), *self._folded[first:body], self._note(table.stop)]))
        number = self._flat_tables
        self._flat_tables += 1
        for row in table.rows:
            if len(row.cells) == 1 and row.cells[0][1].role is ColumnRole.OTHER:
                self._add(SegmentKind.PARAGRAPH, [row.cells[0][0]], section=section, path=self._path(section))
                continue
            above = TableRow(number, title, (), (), factor, ruled=False)
            self._row(row.cells, section=section, above=above)
        return max(table.stop, body)

    def _caption(self, first: int) -> str:
        if first == 0:
            return ""
        before = self._lines[first - 1]
        return before.text if len(before.text) <= MAX_CAPTION_CHARS and before.table is None else ""

    def _note(self, after: int) -> str:
        """The line below a table when it speaks of the table: source, unit of the amounts."""
        text = self._folded[after] if after < len(self._folded) else ""
        return text if text.startswith(("fuente", "nota", "cifras", "valores", "(", "*")) else ""

    def _row(self, cells: Sequence[tuple[Cell, Column]], *, section: int, above: TableRow) -> None:
        """Give the segment of a row; ``above`` is the row without its cells."""
        assembled = assemble([cell for cell, _ in cells], lines=self._lines)
        if len(assembled.text) > MAX_SEGMENT_CHARS:
            self._long_row(cells, section=section, above=above)
            return
        row_cells = tuple(
            RowCell(assembled.text[start:end], column.role, column.head, start, end, column.year)
            for (start, end), (_, column) in zip(assembled.spans, cells, strict=True)
        )
        row = msgspec.structs.replace(above, cells=row_cells)
        self._last_row = (len(self.segments), cells)
        self._append(
            SegmentKind.TABLE_ROW,
            assembled,
            section=section,
            path=self._path(section),
            row=row,
        )

    def _long_row(self, cells: Sequence[tuple[Cell, Column]], *, section: int, above: TableRow) -> None:
        """Give a row that is too long as several rows, cut between cells or inside a cell too long itself."""
        part: list[tuple[Cell, Column]] = []
        size = 0
        for cell, column in cells:
            for piece in split_long(cell, lines=self._lines):
                length = sum(f.end - f.start + 1 for f in piece) + len(CELL_GLUE)
                if part and size + length > MAX_SEGMENT_CHARS:
                    self._row(part, section=section, above=above)
                    part, size = [], 0
                part.append((tuple(piece), column))
                size += length
        self._row(part, section=section, above=above)

    def _prose(self, first: int, stop: int, *, section: int) -> None:
        for begin, end in headless_ranges(self._lines, self._folded, first=first, stop=stop):
            self._paragraphs(first, begin, section=section)
            self._flat_table(begin, begin, stop=end, section=section)
            first = end
        self._paragraphs(first, stop, section=section)

    def _paragraphs(self, first: int, stop: int, *, section: int) -> None:
        if first >= stop:
            return
        groups = paragraphs(range(first, stop), lines=self._lines, folded=self._folded, margins=self._margins)
        for fragments, listed in groups:
            kind = SegmentKind.LIST_ITEM if listed else SegmentKind.PARAGRAPH
            for piece in split_long(fragments, lines=self._lines):
                self._add(kind, [piece], section=section, path=self._path(section))

    def _path(self, section: int) -> tuple[str, ...]:
        return self._paths[section] if section >= 0 else ()

    def _add(
        self, kind: SegmentKind, cells: Sequence[Sequence[Fragment]], *, section: int, path: tuple[str, ...]
    ) -> None:
        assembled = assemble(cells, lines=self._lines)
        self._append(kind, assembled, section=section, path=path, row=None)

    def _append(
        self,
        kind: SegmentKind,
        assembled: Assembled,
        *,
        section: int,
        path: tuple[str, ...],
        row: TableRow | None,
    ) -> None:
        if not assembled.text:
            return
        page = self._lines[assembled.runs[0].line].page
        index = SegmentIndex(len(self.segments))
        runs = assembled.runs
        self.segments.append(Segment(index, kind, assembled.text, page, section, path, runs, row))


def _heading_paths(sections: Sequence[Section]) -> list[tuple[str, ...]]:
    paths: list[tuple[str, ...]] = []
    for section in sections:
        parent = paths[section.parent] if section.parent is not None else ()
        paths.append((*parent, section.title))
    return paths
