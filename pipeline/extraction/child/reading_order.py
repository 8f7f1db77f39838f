"""Puts the text of a page into the order in which a person reads it.

MuPDF gives text in the order in which the PDF paints it, which is often, but not always, reading order.
The rule here is modest: text set in columns is read column by column between the lines that cross the
gutter; anything else is read from top to bottom, paragraph by paragraph.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .fragments import Fragment, joined, same_baseline

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

_MIN_COLUMN_LINES = 6
"""Fewer lines than this beside each other are a list or a caption, not columns."""
_MIN_GUTTER = 7.0
_MIN_FILL = 0.6
"""Lines of running text fill their column; those of a table without rules do not."""
_MAX_CROSSING = 0.25
_NARROWEST_COLUMN = 0.2
"""A column takes at least this part of the page's width, margin included."""
_STEP = 2.0
_SHARED = 0.4
"""Lines that overlap less than this part of their height stand below each other without doubt."""


def in_reading_order(fragments: Sequence[Fragment], *, width: float) -> list[Fragment]:
    """Lines in reading order, joined where words of one line were apart."""
    gutter = _gutter([fragment for fragment in fragments if fragment.level], width=width)
    if gutter is None:
        return _by_paragraph(fragments)
    return _by_column(fragments, gutter=gutter)


def rows_joined(fragments: Iterable[Fragment]) -> list[Fragment]:
    """Fragments sorted from top to bottom; those on one baseline become one line.

    Where all text is turned, it keeps the order in which the PDF paints it.
    """
    fragments = list(fragments)
    if _runs_down(fragments) or not any(fragment.level for fragment in fragments):
        return fragments
    lines: list[list[Fragment]] = []
    for fragment in sorted(fragments, key=_middle):
        if lines and fragment.level and lines[-1][0].level and same_baseline(lines[-1][0].box, fragment.box):
            lines[-1].append(fragment)
        else:
            lines.append([fragment])
    return [joined(sorted(line, key=lambda fragment: fragment.box[0])) for line in lines]


def _runs_down(fragments: Sequence[Fragment]) -> bool:
    """Whether each fragment stands on a baseline of its own below the one before, as most text does."""
    above = -1e9
    for fragment in fragments:
        box = fragment.box
        if not fragment.level or box[1] < above:
            return False
        above = box[3] - _SHARED * (box[3] - box[1])
    return True


def _middle(fragment: Fragment) -> tuple[float, float]:
    return ((fragment.box[1] + fragment.box[3]) / 2, fragment.box[0])


def _by_paragraph(fragments: Sequence[Fragment]) -> list[Fragment]:
    """MuPDF's blocks from top to bottom, those side by side from left to right."""
    blocks: dict[int, list[Fragment]] = {}
    for fragment in fragments:
        blocks.setdefault(fragment.block, []).append(fragment)
    paragraphs = [rows_joined(block) for block in blocks.values()]
    paragraphs.sort(key=lambda lines: (min([line.box[1] for line in lines]), lines[0].box[0]))
    return [line for band in _bands(paragraphs) for paragraph in band for line in paragraph]


def _bands(paragraphs: Sequence[list[Fragment]]) -> list[list[list[Fragment]]]:
    """Paragraphs that start within the height of the first line of another stand beside it."""
    bands: list[list[list[Fragment]]] = []
    for paragraph in paragraphs:
        if bands and same_baseline(bands[-1][0][0].box, paragraph[0].box):
            bands[-1].append(paragraph)
        else:
            bands.append([paragraph])
    return [sorted(band, key=lambda lines: lines[0].box[0]) for band in bands]


def _by_column(fragments: Sequence[Fragment], *, gutter: float) -> list[Fragment]:
    ordered: list[Fragment] = []
    left: list[Fragment] = []
    right: list[Fragment] = []

    def flush() -> None:
        width = gutter
        for column in (left, right):
            ordered.extend(in_reading_order(column, width=width) if column else ())
            column.clear()

    for fragment in sorted(fragments, key=_middle):
        if fragment.box[2] <= gutter:
            left.append(fragment)
        elif fragment.box[0] >= gutter:
            right.append(fragment)
        else:
            flush()
            ordered.append(fragment)
    flush()
    return ordered


def _gutter(fragments: Sequence[Fragment], *, width: float) -> float | None:
    """The middle of an empty strip that has lines of running text on both sides, or None."""
    far = _NARROWEST_COLUMN * width
    if sum([fragment.box[0] > far for fragment in fragments]) < _MIN_COLUMN_LINES:
        return None
    cover = _coverage(fragments, width=width)
    best: tuple[float, float] | None = None
    for start, end in _empty_strips(cover, most=int(_MAX_CROSSING * len(fragments))):
        middle = (start + end) / 2
        if end - start >= _MIN_GUTTER and _holds_columns(fragments, gutter=middle):
            best = max(best or (0.0, 0.0), (end - start, middle))
    return best[1] if best else None


def _coverage(fragments: Sequence[Fragment], *, width: float) -> list[int]:
    """How many lines lie over each strip of ``_STEP`` points of the page's width."""
    steps = min(int(width / _STEP) + 2, 5_000)
    change = [0] * (steps + 1)
    for fragment in fragments:
        first = min(max(int(fragment.box[0] / _STEP), 0), steps - 1)
        change[first] += 1
        change[min(max(int(fragment.box[2] / _STEP) + 1, first + 1), steps)] -= 1
    cover: list[int] = []
    total = 0
    for step in change[:-1]:
        total += step
        cover.append(total)
    return cover


def _empty_strips(cover: Sequence[int], *, most: int) -> list[tuple[float, float]]:
    strips: list[tuple[float, float]] = []
    start: int | None = None
    for index, lines in enumerate(cover):
        if lines <= most:
            start = index if start is None else start
        elif start is not None:
            if start > 0 and any(cover[:start]):
                strips.append((start * _STEP, index * _STEP))
            start = None
    return strips


def _holds_columns(fragments: Sequence[Fragment], *, gutter: float) -> bool:
    left = [fragment for fragment in fragments if fragment.box[2] <= gutter]
    right = [fragment for fragment in fragments if fragment.box[0] >= gutter]
    if min(len(left), len(right)) < _MIN_COLUMN_LINES:
        return False
    shared = min(_edge(left, pick=max, side=3), _edge(right, pick=max, side=3)) - max(
        _edge(left, pick=min, side=1), _edge(right, pick=min, side=1)
    )
    height = max(fragment.box[3] - fragment.box[1] for fragment in left)
    return shared > _MIN_COLUMN_LINES * 0.8 * height and _filled(left) and _filled(right)


def _edge(fragments: Sequence[Fragment], *, pick: Callable[[list[float]], float], side: int) -> float:
    return pick([fragment.box[side] for fragment in fragments])


def _filled(column: Sequence[Fragment]) -> bool:
    """Whether most lines of a column reach from its left edge to its right edge."""
    span = _edge(column, pick=max, side=2) - _edge(column, pick=min, side=0)
    widths = sorted(fragment.box[2] - fragment.box[0] for fragment in column)
    return widths[len(widths) // 2] >= _MIN_FILL * span
