"""Fragments and the grids of a page become its lines, in reading order, and its tables.

Nothing here needs MuPDF: the parent assembles the words of a recognised picture in the same way.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from .fragments import Fragment, box_of, text_of
from .reading_order import in_reading_order, rows_joined

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .fragments import Box, Word
    from .grids import Grid


def cut_at_cells(fragments: list[Fragment], *, grids: list[Grid]) -> tuple[list[Grid], list[Fragment]]:
    """The fragments, cut where their words change from one cell to another, and the grids that hold text."""
    if not grids:
        return grids, fragments
    return _without_empty(grids, [part for fragment in fragments for part in _parts(fragment, grids=grids)])


def _parts(fragment: Fragment, *, grids: Sequence[Grid]) -> list[Fragment]:
    """The fragment, cut where its words change from one cell to another."""
    top, bottom = fragment.box[1], fragment.box[3]
    near = [(index, grid) for index, grid in enumerate(grids) if grid.ys[0] < bottom and grid.ys[-1] > top]
    if not near:
        return [fragment]
    cells = [_cell_of(word, near=near) for word in fragment.words]
    if len(set(cells)) == 1:
        return [replace(fragment, cell=cells[0])]
    parts: list[Fragment] = []
    first = 0
    for index in range(1, len(cells) + 1):
        if index == len(cells) or cells[index] != cells[first]:
            words = fragment.words[first:index]
            parts.append(replace(fragment, words=words, box=box_of(words), cell=cells[first]))
            first = index
    return parts


def _cell_of(word: Word, *, near: Sequence[tuple[int, Grid]]) -> tuple[int, int] | None:
    x, y = (word[0] + word[2]) / 2, (word[1] + word[3]) / 2
    for index, grid in near:
        cell = grid.cell_at(x=x, y=y)
        if cell is not None:
            return (index, cell)
    return None


def _without_empty(grids: list[Grid], fragments: list[Fragment]) -> tuple[list[Grid], list[Fragment]]:
    """Drop grids in which fewer than two cells hold text: frames, charts, decoration."""
    filled: dict[int, set[int]] = {}
    for fragment in fragments:
        if fragment.cell:
            filled.setdefault(fragment.cell[0], set()).add(fragment.cell[1])
    kept = [index for index in range(len(grids)) if len(filled.get(index, ())) > 1]
    if len(kept) == len(grids):
        return grids, fragments
    renumbered = {old: new for new, old in enumerate(kept)}
    moved = [
        replace(
            fragment,
            cell=(renumbered[fragment.cell[0]], fragment.cell[1]) if fragment.cell[0] in renumbered else None,
        )
        if fragment.cell
        else fragment
        for fragment in fragments
    ]
    return [grids[index] for index in kept], moved


def assembled(
    fragments: list[Fragment], *, grids: list[Grid], width: float
) -> tuple[list[Fragment], list[dict[str, Any]]]:
    """Lines in reading order, each table's cells row by row where the table stands, and the tables.

    A table is as it goes over the pipe; its cells name their lines by position.
    """
    contents: list[dict[int, list[Fragment]]] = [{} for _ in grids]
    running: list[Fragment] = []
    for fragment in fragments:
        if fragment.cell is None:
            running.append(fragment)
        else:
            contents[fragment.cell[0]].setdefault(fragment.cell[1], []).append(fragment)
    placeholders = [
        Fragment(words=(), box=grid.box, size=0.0, bold=False, level=False, block=-1 - index)
        for index, grid in enumerate(grids)
    ]
    lines: list[Fragment] = []
    tables: list[dict[str, Any]] = [{}] * len(grids)
    for fragment in in_reading_order([*running, *placeholders], width=width):
        if fragment.words:
            lines.append(fragment)
        else:
            index = -1 - fragment.block
            tables[index] = _table(grids[index], content=contents[index], lines=lines)
    return lines, tables


def _table(grid: Grid, *, content: dict[int, list[Fragment]], lines: list[Fragment]) -> dict[str, Any]:
    """The table as it goes over the pipe; the lines of its cells are appended to ``lines``."""
    rows: list[list[dict[str, Any] | None]] = [[None] * (len(grid.xs) - 1) for _ in grid.ys[1:]]
    for index, place in enumerate(grid.cells):
        first = len(lines)
        lines += rows_joined(content.get(index, ()))
        rows[place.top][place.left] = {
            "text": " ".join([text_of(line) for line in lines[first:]]),
            "box": _rounded(grid.cell_box(index)),
            "lines": list(range(first, len(lines))),
        }
    return {"box": _rounded(grid.box), "rows": rows, "ruled": True}


def line_of(fragment: Fragment) -> dict[str, Any]:
    """A line with the fields of ``pipeline.model.Line``, numbers in hundredths of a point."""
    return {
        "text": text_of(fragment),
        "box": _rounded(fragment.box),
        "word_edges": [int(edge * 100 + 0.5) / 100 for word in fragment.words for edge in (word[0], word[2])],
        "font_size": round(fragment.size, 2),
        "bold": fragment.bold,
    }


def _rounded(box: Box) -> tuple[float, float, float, float]:
    """To hundredths of a point; arithmetic because ``round`` costs thrice as much."""
    return (
        int(box[0] * 100 + 0.5) / 100,
        int(box[1] * 100 + 0.5) / 100,
        int(box[2] * 100 + 0.5) / 100,
        int(box[3] * 100 + 0.5) / 100,
    )
