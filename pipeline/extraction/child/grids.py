"""Tables from ruling lines: rules that touch make a grid, cells without a rule between them are one cell."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from .rules import SNAP, Rule

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .fragments import Box

MAX_RULES = 1_500
"""Rules in one direction; a page with more is a drawing, not a table."""
MAX_COLUMNS = 60
MAX_ROWS = 250
_BORDER_SHARE = 0.6
"""Part of a cell's side that must be ruled to count as a border."""
_OVERHANG = 12.0
"""A rule that reaches farther than this beyond the last crossing rule bounds an open cell."""


class GridCell(NamedTuple):
    """A cell that spans rows ``top``..``bottom`` and columns ``left``..``right`` (exclusive)."""

    top: int
    left: int
    bottom: int
    right: int


@dataclass(frozen=True, slots=True)
class Grid:
    """The geometry of a table: its lines, its cells, and which cell covers each elementary square."""

    xs: tuple[float, ...]
    ys: tuple[float, ...]
    cells: tuple[GridCell, ...]
    owner: tuple[tuple[int, ...], ...]

    @property
    def box(self) -> Box:
        """The outer border in points."""
        return (self.xs[0], self.ys[0], self.xs[-1], self.ys[-1])

    def cell_box(self, cell: int) -> Box:
        """The border of a cell in points."""
        place = self.cells[cell]
        return (self.xs[place.left], self.ys[place.top], self.xs[place.right], self.ys[place.bottom])

    def cell_at(self, *, x: float, y: float) -> int | None:
        """The cell that a point stands in, if it stands in the table."""
        column, row = bisect_right(self.xs, x) - 1, bisect_right(self.ys, y) - 1
        if 0 <= column < len(self.xs) - 1 and 0 <= row < len(self.ys) - 1:
            return self.owner[row][column]
        return None


def grids_of(horizontal: Sequence[Rule], vertical: Sequence[Rule]) -> list[Grid]:
    """The tables that the rules of a page draw, from top to bottom."""
    if not 1 < len(horizontal) <= MAX_RULES or not 1 < len(vertical) <= MAX_RULES:
        return []
    grids = [
        grid
        for across, down in _connected(horizontal, vertical)
        if (grid := _grid([horizontal[i] for i in across], [vertical[i] for i in down])) is not None
    ]
    grids = [
        grid
        for grid in grids
        if not any(_inside(grid.box, other.box) for other in grids if other is not grid)
    ]
    return sorted(grids, key=lambda grid: (grid.ys[0], grid.xs[0]))


def _inside(inner: Box, outer: Box) -> bool:
    return (
        inner != outer
        and inner[0] >= outer[0] - SNAP
        and inner[1] >= outer[1] - SNAP
        and inner[2] <= outer[2] + SNAP
        and inner[3] <= outer[3] + SNAP
    )


def _connected(horizontal: Sequence[Rule], vertical: Sequence[Rule]) -> list[tuple[list[int], list[int]]]:
    """Groups of rules that cross or touch each other."""
    forest = _Forest(len(horizontal) + len(vertical))
    order = sorted(range(len(vertical)), key=lambda index: vertical[index].position)
    positions = [vertical[index].position for index in order]
    for index, rule in enumerate(horizontal):
        first = bisect_left(positions, rule.start - SNAP)
        last = bisect_right(positions, rule.end + SNAP)
        for other in order[first:last]:
            if vertical[other].start - SNAP <= rule.position <= vertical[other].end + SNAP:
                forest.join(index, len(horizontal) + other)
    groups: dict[int, tuple[list[int], list[int]]] = {}
    for index in range(len(horizontal) + len(vertical)):
        across, down = groups.setdefault(forest.root(index), ([], []))
        if index < len(horizontal):
            across.append(index)
        else:
            down.append(index - len(horizontal))
    return [group for group in groups.values() if len(group[0]) > 1 and len(group[1]) > 1]


class _Forest:
    """Disjoint sets; the smallest member names the set."""

    def __init__(self, size: int) -> None:
        self._parent = list(range(size))

    def root(self, member: int) -> int:
        parent = self._parent
        while parent[member] != member:
            parent[member] = parent[parent[member]]
            member = parent[member]
        return member

    def join(self, one: int, other: int) -> None:
        one, other = self.root(one), self.root(other)
        if one != other:
            self._parent[max(one, other)] = min(one, other)


def _grid(horizontal: list[Rule], vertical: list[Rule]) -> Grid | None:
    xs = _positions(vertical, crossing=horizontal)
    ys = _positions(horizontal, crossing=vertical)
    rows, columns = len(ys) - 1, len(xs) - 1
    if columns < 2 or rows < 1 or columns > MAX_COLUMNS or rows > MAX_ROWS:  # noqa: PLR2004  one column is a box
        return None
    walls = _borders(vertical, lines=xs, across=ys)
    floors = _borders(horizontal, lines=ys, across=xs)
    forest = _Forest(rows * columns)
    for row in range(rows):
        for column in range(columns):
            if column and row not in walls[column]:
                forest.join(row * columns + column, row * columns + column - 1)
            if row and column not in floors[row]:
                forest.join(row * columns + column, (row - 1) * columns + column)
    return _cells(forest, xs=xs, ys=ys, walls=walls)


def _positions(rules: list[Rule], *, crossing: list[Rule]) -> list[float]:
    positions: list[float] = []
    for rule in sorted(rules):
        if not positions or rule.position - positions[-1] > SNAP:
            positions.append(rule.position)
    start = min(rule.start for rule in crossing)
    end = max(rule.end for rule in crossing)
    if positions[0] - start > _OVERHANG:
        positions.insert(0, start)
    if end - positions[-1] > _OVERHANG:
        positions.append(end)
    return positions


def _borders(rules: list[Rule], *, lines: list[float], across: list[float]) -> list[set[int]]:
    """For each of ``lines``, the squares along it whose side is ruled."""
    borders: list[set[int]] = [set() for _ in lines]
    for rule in rules:
        line = min(bisect_left(lines, rule.position - SNAP), len(lines) - 1)
        first = max(bisect_right(across, rule.start + SNAP) - 1, 0)
        for square in range(first, len(across) - 1):
            start, end = across[square], across[square + 1]
            if start >= rule.end:
                break
            if min(end, rule.end) - max(start, rule.start) >= _BORDER_SHARE * (end - start):
                borders[line].add(square)
    return borders


def _cells(forest: _Forest, *, xs: list[float], ys: list[float], walls: list[set[int]]) -> Grid:
    rows, columns = len(ys) - 1, len(xs) - 1
    members: dict[int, list[tuple[int, int]]] = {}
    for row in range(rows):
        for column in range(columns):
            members.setdefault(forest.root(row * columns + column), []).append((row, column))
    cells: list[GridCell] = []
    for squares in members.values():
        cell = GridCell(
            squares[0][0],
            min([column for _, column in squares]),
            squares[-1][0] + 1,
            max([column for _, column in squares]) + 1,
        )
        if (cell.bottom - cell.top) * (cell.right - cell.left) == len(squares):
            cells.append(cell)
        else:
            cells += _runs(squares, walls=walls)
    cells.sort()
    owner = [[0] * columns for _ in range(rows)]
    for index, cell in enumerate(cells):
        for row in range(cell.top, cell.bottom):
            owner[row][cell.left : cell.right] = [index] * (cell.right - cell.left)
    return Grid(tuple(xs), tuple(ys), tuple(cells), tuple(map(tuple, owner)))


def _runs(squares: list[tuple[int, int]], *, walls: list[set[int]]) -> list[GridCell]:
    """Squares that make no rectangle, as cells of one row each."""
    runs: list[GridCell] = []
    for row, column in squares:
        last = runs[-1] if runs else None
        if last and last.top == row and last.right == column and row not in walls[column]:
            runs[-1] = last._replace(right=column + 1)
        else:
            runs.append(GridCell(row, column, row + 1, column + 1))
    return runs
