"""Checks the pages that the child answered, and puts their columns together to lines.

Every number, index and text is held against the limits before anything else sees it. Comparisons are written so
that what is not a number fails them.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np

from pipeline.extraction.answers import ProtocolViolation
from pipeline.model import Line, Page

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from pipeline.extraction.answers import PageColumns
    from pipeline.extraction.limits import ExtractionLimits
    from pipeline.model import Box, Table

_MAX_COORDINATE = 1_000_000.0
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_BOX = 4
"""Numbers of a box."""


def checked_pages(
    untrusted_pages: Sequence[PageColumns], *, untrusted_numbers: bytes, first: int, limits: ExtractionLimits
) -> list[Page]:
    """The pages, if they are ``first`` and those after it, each consistent in itself and with the numbers.

    Args:
        untrusted_pages: all but the places of their lines.
        untrusted_numbers: for each page the boxes of its lines, then the edges of their words, as floats of single
            precision; they become hundredths of a point.
        first: number of the first page.
        limits: what a document may hold.

    Raises:
        ProtocolViolation: A number, index or length is impossible.
    """
    numbers = _Numbers(untrusted_numbers)
    pages = [
        _page(columns, number=number, numbers=numbers, limits=limits)
        for number, columns in enumerate(untrusted_pages, first)
    ]
    if numbers.left:
        raise ProtocolViolation("numbers of no line")
    return pages


def checked_page(untrusted_page: Page, *, number: int, limits: ExtractionLimits) -> Page:
    """The page, if it is page ``number`` and consistent in itself: one that was put together on this side.

    Raises:
        ProtocolViolation: A number, index or length is impossible.
    """
    page = untrusted_page
    _check_size(page, number=number)
    counts = _word_counts([line.text for line in page.lines], limits=limits)
    for line, words in zip(page.lines, counts, strict=True):
        if len(line.word_edges) != 2 * words:
            raise ProtocolViolation("words of a line")
        if not all(-_MAX_COORDINATE <= edge <= _MAX_COORDINATE for edge in line.word_edges):
            raise ProtocolViolation("edges of words")
        _check_box(line.box)
    _check_fonts([line.font_size for line in page.lines])
    _check_tables(page.tables, lines=len(page.lines))
    return page


class _Numbers:
    """The numbers of some pages, taken one after another."""

    def __init__(self, untrusted_numbers: bytes) -> None:
        if len(untrusted_numbers) % np.dtype(np.float32).itemsize:
            raise ProtocolViolation("part of a number")
        with np.errstate(invalid="ignore"):  # what is not a number warns, and fails the comparison
            numbers = np.frombuffer(untrusted_numbers, dtype=np.float32).astype(np.float64)
            if not (np.abs(numbers) <= _MAX_COORDINATE).all():
                raise ProtocolViolation("coordinates")
        self._numbers = _hundredths(numbers)
        self._taken = 0

    @property
    def left(self) -> int:
        """How many were not taken yet."""
        return len(self._numbers) - self._taken

    def take(self, count: int) -> list[float]:
        """The next ``count`` numbers."""
        if count > self.left:
            raise ProtocolViolation("too few numbers")
        start = self._taken
        self._taken += count
        taken: list[float] = self._numbers[start : self._taken].tolist()
        return taken


def _hundredths(numbers: NDArray[np.float64]) -> NDArray[np.float64]:
    """Rounded to hundredths; the zero that is added makes of -0.0 the ordinary one."""
    return np.trunc(numbers * 100 + 0.5) / 100 + 0.0


def _page(columns: PageColumns, *, number: int, numbers: _Numbers, limits: ExtractionLimits) -> Page:
    _check_size(columns, number=number)
    texts, sizes, bold = columns.texts, columns.sizes, columns.bold
    if not len(texts) == len(sizes) == len(bold):
        raise ProtocolViolation("columns of a page")
    counts = _word_counts(texts, limits=limits)
    _check_fonts(sizes)
    _check_tables(columns.tables, lines=len(texts))
    boxes = _boxes(numbers.take(_BOX * len(texts)))
    edges = numbers.take(2 * sum(counts))
    lines = []
    stop = 0
    for text, box, words, size, is_bold in zip(texts, boxes, counts, sizes, bold, strict=True):
        start, stop = stop, stop + 2 * words
        lines.append(Line(text, box, tuple(edges[start:stop]), size, is_bold))
    return Page(number, columns.width, columns.height, tuple(lines), columns.tables, columns.image_share)


def _check_size(page: Page | PageColumns, *, number: int) -> None:
    if page.number != number:
        raise ProtocolViolation(f"page {page.number} instead of {number}")
    if not (0 <= page.width <= _MAX_COORDINATE and 0 <= page.height <= _MAX_COORDINATE):
        raise ProtocolViolation("size of a page")
    if not 0 <= page.image_share <= 1:
        raise ProtocolViolation("share of images")


def _word_counts(texts: Sequence[str], *, limits: ExtractionLimits) -> list[int]:
    """How many words each line has, if each is words with single spaces between them and nothing else.

    Looked at as one text: lines are many. No space but the ordinary one counts as printable.
    """
    if not texts:
        return []
    if sum(map(len, texts)) > limits.max_text_chars:
        raise ProtocolViolation("text of a page")
    whole = " ".join(texts)
    if whole.isprintable():
        single = not ("  " in whole or whole.startswith(" ") or whole.endswith(" "))
    else:
        if _CONTROL.search(whole):
            raise ProtocolViolation("control characters")
        single = whole.split() == whole.split(" ")
    if not single:
        raise ProtocolViolation("words of a line")
    return [text.count(" ") + 1 for text in texts]


def _check_fonts(sizes: Sequence[float]) -> None:
    if not all(0 <= size <= _MAX_COORDINATE for size in sizes):
        raise ProtocolViolation("font size")


def _boxes(numbers: list[float]) -> list[Box]:
    each = iter(numbers)
    boxes = list(zip(each, each, each, each, strict=True))
    if not all(x0 <= x1 and y0 <= y1 for x0, y0, x1, y1 in boxes):
        raise ProtocolViolation("a box")
    return boxes


def _check_tables(tables: Sequence[Table], *, lines: int) -> None:
    for table in tables:
        _check_box(table.box)
        columns = len(table.rows[0]) if table.rows else 0
        for row in table.rows:
            if len(row) != columns:
                raise ProtocolViolation("shape of a table")
            for cell in row:
                if cell is None:
                    continue
                _check_box(cell.box)
                if cell.lines and not (min(cell.lines) >= 0 and max(cell.lines) < lines):
                    raise ProtocolViolation("lines of a cell")
                if _CONTROL.search(cell.text):
                    raise ProtocolViolation("control characters")


def _check_box(box: Box) -> None:
    x0, y0, x1, y1 = box
    if not (
        -_MAX_COORDINATE <= x0 <= x1 <= _MAX_COORDINATE and -_MAX_COORDINATE <= y0 <= y1 <= _MAX_COORDINATE
    ):
        raise ProtocolViolation("a box")
