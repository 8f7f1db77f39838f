"""Rules to grids, and fragments to reading order, on bare geometry."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.extraction.child.fragments import Fragment
from pipeline.extraction.child.grids import grids_of
from pipeline.extraction.child.reading_order import in_reading_order
from pipeline.extraction.child.rules import Rule, rules_of


def _fragment(x0: float, y0: float, *, width: float, block: int) -> Fragment:
    box = (x0, y0, x0 + width, y0 + 10)
    return Fragment(words=((*box, f"{block}"),), box=box, size=10, bold=False, level=True, block=block)


def _vector(box: tuple[float, float, float, float], *, stroked: bool = False) -> dict[str, object]:
    return {"bbox": box, "stroked": stroked, "isrect": True, "alpha": 255, "color": 0}


def _order(fragments: list[Fragment]) -> list[str]:
    return [fragment.words[0][4] for fragment in in_reading_order(fragments, width=600)]


PROSE = [_fragment(72, 72 + 14 * line, width=450 - 7 * (line % 5), block=line) for line in range(30)]
COLUMNS = [
    _fragment(left, 72 + 14 * line, width=200 - 5 * (line % 4), block=20 * column + line)
    for column, left in enumerate((72, 320))
    for line in range(20)
]


@settings(max_examples=50, deadline=None)
@given(st.permutations(PROSE))
def test_single_column_is_read_downwards_however_it_is_painted(fragments: list[Fragment]) -> None:
    """The order of painting does not matter for a page of one column."""
    assert _order(fragments) == [fragment.words[0][4] for fragment in PROSE]


@settings(max_examples=50, deadline=None)
@given(st.permutations(COLUMNS))
def test_columns_are_read_leftmost_first_however_they_are_painted(fragments: list[Fragment]) -> None:
    """The order of painting does not matter for a page of two columns."""
    assert _order(fragments) == [fragment.words[0][4] for fragment in COLUMNS]


def test_short_entries_beside_each_other_are_no_columns() -> None:
    """A list of names and values is read row by row: its entries do not fill columns."""
    rows = [
        _fragment(x, 72 + 14 * row, width=150 if row == 3 else 40, block=row)
        for row in range(12)
        for x in (72, 330)
    ]
    lines = in_reading_order(rows, width=600)
    assert [len(line.words) for line in lines] == [2] * 12


def test_rules_drawn_in_pieces_are_one_rule() -> None:
    """Borders that a word processor paints cell by cell, as thin areas, join to one line."""
    pieces = [_vector((x, 100, x + 50, 100.5)) for x in range(72, 472, 50)]
    horizontal, vertical = rules_of(pieces, width=600, height=800)
    assert [(rule.start, rule.end) for rule in horizontal] == [(72, 472)]
    assert vertical == []


def test_cells_without_a_border_between_them_are_one_cell() -> None:
    """A missing piece of border merges two cells; the others keep their place."""
    horizontal = [Rule(100, 50, 350), Rule(120, 150, 350), Rule(140, 50, 350)]
    vertical = [Rule(x, 100, 140) for x in (50, 150, 250, 350)]
    (grid,) = grids_of(horizontal, vertical)
    assert len(grid.cells) == 5
    assert grid.cell_box(0) == (50, 100, 150, 140)
    assert grid.cell_at(x=60, y=135) == 0
    assert grid.cell_at(x=400, y=135) is None


def test_table_open_at_its_sides_and_at_the_page_break_is_closed() -> None:
    """Rules that reach beyond the outermost crossing rule bound the outer cells."""
    horizontal = [Rule(120, 50, 350), Rule(140, 50, 350)]
    vertical = [Rule(150, 90, 140), Rule(250, 90, 140)]
    (grid,) = grids_of(horizontal, vertical)
    assert grid.box == (50, 90, 350, 140)
    assert len(grid.cells) == 6


def test_cells_that_make_no_rectangle_fall_back_to_rows() -> None:
    """An area in the shape of an L is given as one cell for each row, and no square has two owners."""
    horizontal = [Rule(100, 0, 300), Rule(120, 0, 100), Rule(140, 0, 300)]
    vertical = [Rule(0, 100, 140), Rule(100, 100, 120), Rule(200, 120, 140), Rule(300, 100, 140)]
    (grid,) = grids_of(horizontal, vertical)
    squares = [(row, column) for cell in grid.cells for row in range(cell.top, cell.bottom)
               for column in range(cell.left, cell.right)]  # fmt: skip
    assert len(squares) == len(set(squares)) == (len(grid.xs) - 1) * (len(grid.ys) - 1)


def test_far_apart_tables_are_two_and_a_box_is_none() -> None:
    """Rules that do not touch belong to different tables; a frame with one column is no table."""

    def table(top: float) -> tuple[list[Rule], list[Rule]]:
        return [Rule(top, 50, 250), Rule(top + 20, 50, 250)], [Rule(x, top, top + 20) for x in (50, 150, 250)]

    first, second = table(300), table(100)
    box = [Rule(500, 50, 250), Rule(520, 50, 250)], [Rule(50, 500, 520), Rule(250, 500, 520)]
    grids = grids_of(first[0] + second[0] + box[0], first[1] + second[1] + box[1])
    assert [grid.ys[0] for grid in grids] == [100, 300]
