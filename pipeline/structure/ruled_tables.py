"""Tables read from the geometry of the page: heads, rows, what rows inherit."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipeline.model import ColumnRole
from pipeline.structure.columns import Column, column_of, money_factor
from pipeline.structure.fragments import Cell, Fragment, cell_text
from pipeline.structure.vocabulary import is_table_head
from pipeline.text import fold

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pipeline.model import CleanDocument, CleanLine, PlacedTable

MAX_HEAD_ROWS = 3
MAX_TITLE_ROWS = 3
MAX_HEAD_CELL_CHARS = 70
MIN_HEAD_SHARE = 0.5
_INHERITED = frozenset(
    {ColumnRole.PROGRAMME, ColumnRole.SECTOR, ColumnRole.OBJECTIVE, ColumnRole.PROJECT, ColumnRole.RESULT}
)

_YEAR_HEAD = re.compile(r"(?:(?:ano|vigencia|meta) )?20[0-4]\d(?: ?-? ?20[0-4]\d)?")
_FIGURE = re.compile(r"(?!(?:19|20)\d\d$)\$? ?\d[\d.,']*(?: ?%)?|sl|nd|n/a")

LineMap = dict[tuple[int, int], list[Fragment]]
"""Where the characters of a source line (page, line) went: fragments of clean lines."""


@dataclass(frozen=True, slots=True)
class RuledRow:
    """A row of a geometric table with its columns and what it inherits."""

    table: int
    cells: tuple[tuple[Cell, Column], ...]
    context: tuple[str, ...]
    factor: int
    context_roles: tuple[ColumnRole, ...] = ()
    """What the column of each text of ``context`` holds."""
    goes_on: bool = False
    """The row began on the page before: its cells continue the cells of the last row there."""


@dataclass(frozen=True, slots=True)
class _Head:
    columns: tuple[Column, ...]
    factor: int


def line_map(lines: Sequence[CleanLine]) -> LineMap:
    """Map the source lines that stand in tables to the clean lines that hold their characters."""
    found: LineMap = {}
    for index, line in enumerate(lines):
        if line.table is None:
            continue
        for piece in line.pieces:
            fragments = found.setdefault((piece.page, piece.line), [])
            if fragments and fragments[-1].line == index:
                fragments[-1] = Fragment(index, fragments[-1].start, piece.start + piece.length)
            else:
                fragments.append(Fragment(index, piece.start, piece.start + piece.length))
    return found


class RuledTables:
    """Reads the tables of a document in order; remembers the head for tables that go on over pages."""

    def __init__(self, document: CleanDocument) -> None:
        self._document = document
        self._map = line_map(document.lines)
        self._head: _Head | None = None
        self._head_page = -10
        self._continues = False
        self._context: dict[int, str] = {}

    def rows(self, table: int, *, title: str, note: str) -> list[RuledRow]:
        """The rows of a table below its head; ``title`` and ``note`` may say in what unit amounts are."""
        placed = self._document.tables[table]
        grid = [[self._cell(placed, cell.lines) if cell else () for cell in row] for row in placed.table.rows]
        titles = self._title_rows(grid)
        said = " ".join([title, note, *(cell_text(cell, lines=self._document.lines) for cell in titles)])
        head, body = self._read_head(grid, first=len(titles), placed=placed, title=said)
        rows: list[RuledRow] = []
        banner: str | None = None
        for index, cells in enumerate(grid):
            if len(titles) <= index < body:
                continue
            filled = [i for i, cell in enumerate(cells) if cell]
            if not filled:
                continue
            if len(filled) == 1 and len(cells) > 2 and filled[0] == 0:  # noqa: PLR2004  a row of one cell in a wider table
                banner = cell_text(cells[0], lines=self._document.lines)
                self._context.clear()
            # A title above the head stands in no column.
            columns = head.columns if index >= body else ()
            inherited = self._inherit(cells, columns=columns)
            if banner:
                inherited = ((banner, ColumnRole.OTHER), *inherited)
            pairs = tuple(
                (cell, columns[i] if i < len(columns) else Column("", ColumnRole.OTHER, None))
                for i, cell in enumerate(cells)
                if cell
            )
            goes_on = body == 0 and not rows and self._continues and self._all_lower(cells)
            texts, roles = tuple(text for text, _ in inherited), tuple(role for _, role in inherited)
            rows.append(RuledRow(table, pairs, texts, head.factor, roles, goes_on))
        return rows

    def _all_lower(self, cells: Sequence[Cell]) -> bool:
        """Whether every text of the row begins in the middle of a sentence."""
        texts = [cell_text(cell, lines=self._document.lines) for cell in cells if cell]
        return all(text[:1].islower() for text in texts if text)

    def _cell(self, placed: PlacedTable, numbers: Sequence[int]) -> Cell:
        return tuple(fragment for number in numbers for fragment in self._map.get((placed.page, number), ()))

    def _title_rows(self, grid: Sequence[Sequence[Cell]]) -> list[Cell]:
        """The rows of one text each with which a table begins, such as ``INGRESOS (en millones)``."""
        titles: list[Cell] = []
        for row in grid[:MAX_TITLE_ROWS]:
            filled = [cell for cell in row if cell]
            if len(filled) != 1 or len(row) < 2:  # noqa: PLR2004  a table of one column has no titles
                break
            titles.append(filled[0])
        return titles

    def _read_head(
        self, grid: Sequence[Sequence[Cell]], *, first: int, placed: PlacedTable, title: str
    ) -> tuple[_Head, int]:
        """The head that begins at row ``first``, and the first row below it; 0 where there is no head."""
        width = max((len(row) for row in grid), default=0)
        body = 0
        heads: list[list[str]] = [[] for _ in range(width)]
        for index, row in enumerate(grid[first : first + MAX_HEAD_ROWS], first + 1):
            texts = [cell_text(cell, lines=self._document.lines) for cell in row]
            if not _is_head_row(texts, first=body == 0):
                break
            body = index
            for column, text in enumerate(texts):
                if text:
                    heads[column].append(text)
        if (
            body == 0
            and self._head
            and self._head_page >= placed.page - 1
            and len(self._head.columns) == width
        ):
            self._continues = self._head_page == placed.page - 1
            self._head_page = placed.page
            return self._head, 0
        self._continues = False
        self._context.clear()
        joined = [" ".join(parts) for parts in heads]
        factor = money_factor(fold(" ".join([title, *joined])))
        head = _Head(tuple(column_of(text, folded=fold(text)) for text in joined), factor)
        self._head, self._head_page = head, placed.page
        return head, body

    def _inherit(
        self, cells: Sequence[Cell], *, columns: Sequence[Column]
    ) -> tuple[tuple[str, ColumnRole], ...]:
        """What stands in the merged cells to the left: kept until the column has a text again."""
        inherited: list[tuple[str, ColumnRole]] = []
        for place in range(min(len(cells), len(columns))):
            role = columns[place].role
            if role not in _INHERITED:
                continue
            if cells[place]:
                self._context[place] = cell_text(cells[place], lines=self._document.lines)
                for later in [c for c in self._context if c > place]:
                    del self._context[later]
            elif place in self._context:
                inherited.append((self._context[place], role))
        return tuple(inherited)


def _is_head_row(texts: Sequence[str], *, first: bool) -> bool:
    """Whether a row names columns: short cells, half of them of known meaning, some of head words alone.

    Rows below the first are heads only when half of their cells are made of head words alone:
    ``Programas | SGP | 2013`` is, ``Programas ejecutados | 4`` is not.
    """
    filled = [fold(text) for text in texts if text]
    if len(filled) < 2 or any(len(text) > MAX_HEAD_CELL_CHARS for text in filled):  # noqa: PLR2004
        return False
    exact = sum(is_table_head(text) or _YEAR_HEAD.fullmatch(text) is not None for text in filled)
    if not first:
        return exact >= max(1, MIN_HEAD_SHARE * len(filled)) and not any(
            _FIGURE.fullmatch(text) for text in filled
        )
    known = sum(column_of(text, folded=text).role is not ColumnRole.OTHER for text in filled)
    return (
        exact >= 1
        and known >= max(2, MIN_HEAD_SHARE * len(filled))
        and not any(_FIGURE.fullmatch(text) for text in filled)
    )
