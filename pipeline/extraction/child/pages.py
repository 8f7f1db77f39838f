"""One page: its text, split at the borders of table cells, joined to lines, in reading order."""

from __future__ import annotations

from array import array
from dataclasses import dataclass
from itertools import chain
from math import isfinite
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from .assembly import assembled, cut_at_cells
from .faults import Fault
from .fragments import text_of
from .grids import grids_of
from .page_text import read_text
from .rules import rules_of

if TYPE_CHECKING:
    from .fragments import Box, Fragment
    from .glyph_boxes import GlyphBoxes

MAX_SIDE_POINTS = 200_000.0
"""Seventy metres; the largest page of PDF without a user unit has 14,400 points."""
MAX_LINES = 60_000
"""Lines of one page; a page of a plan has fifty."""
MAX_LINE_CHARS = 50_000
"""Of one line, of which a plan has some hundred: what reads lines looks around in them."""
_EDGES = itemgetter(0, 2)


@dataclass(frozen=True, slots=True)
class PageReading:
    """A page as it goes over the pipe, and what the document counts.

    ``numbers`` are the places of the lines: four for the box of each, then two for the edges of each word. They go
    as they are, in the single precision that MuPDF computes in: written out in JSON they would take longer than
    everything else that is done with a page here.
    """

    page: dict[str, Any]
    numbers: array[float]
    characters: int
    hides_text: bool


def read_page(page: Any, *, number: int, max_chars: int, glyph_boxes: GlyphBoxes) -> PageReading:
    """Read a page of PyMuPDF; ``glyph_boxes`` is that of its document.

    Raises:
        Fault: ``too_much_text`` when the page alone has more than ``max_chars`` characters,
            or a line of more than ``MAX_LINE_CHARS``; ``malformed`` when its size is absurd.
    """
    size = page.rect
    width, height = size.width, size.height
    if not (0 < width <= MAX_SIDE_POINTS and 0 < height <= MAX_SIDE_POINTS):
        raise Fault("malformed", f"size of page {number}")
    text = read_text(page, glyph_boxes=glyph_boxes)
    horizontal, vertical = rules_of(text.vectors, width=width, height=height)
    grids = grids_of(horizontal, vertical)
    grids, fragments = cut_at_cells(text.fragments, grids=grids)
    if len(fragments) > MAX_LINES:
        raise Fault("too_much_text", f"page {number}")
    lines, tables = assembled(fragments, grids=grids, width=width)
    texts = [text_of(line) for line in lines]
    lengths = [len(text) for text in texts]
    characters = sum(lengths)
    if characters > max_chars or max(lengths, default=0) > MAX_LINE_CHARS:
        raise Fault("too_much_text", f"page {number}")
    content = {
        "number": number,
        "width": round(width, 2),
        "height": round(height, 2),
        "texts": texts,
        "sizes": [round(line.size, 2) for line in lines],
        "bold": [line.bold for line in lines],
        "tables": tables,
        "image_share": _image_share(text.images, width=width, height=height),
    }
    numbers = _numbers(lines, number=number)
    return PageReading(page=content, numbers=numbers, characters=characters, hides_text=text.hides_text)


def empty_page(number: int) -> PageReading:
    """What is answered for a page that cannot be read."""
    content = {
        "number": number,
        "width": 0.0,
        "height": 0.0,
        "texts": (),
        "sizes": (),
        "bold": (),
        "tables": (),
        "image_share": 0.0,
    }
    return PageReading(page=content, numbers=array("f"), characters=0, hides_text=False)


def _numbers(lines: list[Fragment], *, number: int) -> array[float]:
    """The boxes of all lines, then left and right edge of each of their words."""
    numbers = array("f", list(chain.from_iterable([line.box for line in lines])))
    words = chain.from_iterable([line.words for line in lines])
    numbers.extend(chain.from_iterable(map(_EDGES, words)))
    if not isfinite(sum(numbers)):
        raise Fault("malformed", f"places on page {number}")
    return numbers


def _image_share(images: list[Box], *, width: float, height: float) -> float:
    """The part of the page that images cover; overlapping images count twice, at most 1."""
    area = 0.0
    for x0, y0, x1, y1 in images:
        across = min(x1, width) - max(x0, 0.0)
        down = min(y1, height) - max(y0, 0.0)
        area += max(across, 0.0) * max(down, 0.0)
    return round(min(area / (width * height), 1.0), 3) if width and height else 0.0
