"""One page: its text, split at the borders of table cells, joined to lines, in reading order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .assembly import assembled, cut_at_cells
from .faults import Fault
from .grids import grids_of
from .page_text import read_text
from .rules import rules_of

if TYPE_CHECKING:
    from .fragments import Box

MAX_SIDE_POINTS = 200_000.0
"""Seventy metres; the largest page of PDF without a user unit has 14,400 points."""
MAX_LINES = 60_000
"""Lines of one page; a page of a plan has fifty."""
MAX_LINE_CHARS = 50_000
"""Of one line, of which a plan has some hundred: what reads lines looks around in them."""


@dataclass(frozen=True, slots=True)
class PageReading:
    """A page as it goes over the pipe, and what the document counts."""

    page: dict[str, Any]
    characters: int
    hides_text: bool


def read_page(page: Any, *, number: int, max_chars: int) -> PageReading:
    """Read a page of PyMuPDF.

    Raises:
        Fault: ``too_much_text`` when the page alone has more than ``max_chars`` characters,
            or a line of more than ``MAX_LINE_CHARS``; ``malformed`` when its size is absurd.
    """
    width, height = page.rect.width, page.rect.height
    if not (0 < width <= MAX_SIDE_POINTS and 0 < height <= MAX_SIDE_POINTS):
        raise Fault("malformed", f"size of page {number}")
    text = read_text(page)
    horizontal, vertical = rules_of(text.vectors, width=width, height=height)
    grids = grids_of(horizontal, vertical)
    grids, fragments = cut_at_cells(text.fragments, grids=grids)
    if len(fragments) > MAX_LINES:
        raise Fault("too_much_text", f"page {number}")
    lines, tables = assembled(fragments, grids=grids, width=width)
    lengths = [len(line["text"]) for line in lines]
    characters = sum(lengths)
    if characters > max_chars or max(lengths, default=0) > MAX_LINE_CHARS:
        raise Fault("too_much_text", f"page {number}")
    content = {
        "number": number,
        "width": round(width, 2),
        "height": round(height, 2),
        "lines": lines,
        "tables": tables,
        "image_share": _image_share(text.images, width=width, height=height),
    }
    return PageReading(page=content, characters=characters, hides_text=text.hides_text)


def _image_share(images: list[Box], *, width: float, height: float) -> float:
    """The part of the page that images cover; overlapping images count twice, at most 1."""
    area = 0.0
    for x0, y0, x1, y1 in images:
        across = min(x1, width) - max(x0, 0.0)
        down = min(y1, height) - max(y0, 0.0)
        area += max(across, 0.0) * max(down, 0.0)
    return round(min(area / (width * height), 1.0), 3) if width and height else 0.0
