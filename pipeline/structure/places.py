"""Where a passage stands: pages and boxes, exact to the word."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pipeline.model import Box, CleanDocument, Line, Segment


@dataclass(frozen=True, slots=True)
class PagePlace:
    """Boxes on one page, in reading order."""

    page: int
    boxes: tuple[Box, ...]


def locate(document: CleanDocument, *, segment: Segment, start: int, end: int) -> tuple[PagePlace, ...]:
    """Find characters ``start``..``end`` of a segment's text on the pages of the document.

    Returns:
        One place per page in reading order; a box covers the words of one line that the span touches,
        from the left edge of the first to the right edge of the last. Empty for a span of glue alone.
    """
    places: dict[int, dict[tuple[int, int], tuple[int, int]]] = {}
    for run in segment.runs:
        if run.end <= start or run.start >= end:
            continue
        clean_start = run.line_start + max(start - run.start, 0)
        clean_end = run.line_start + min(run.end, end) - run.start
        for piece in document.lines[run.line].pieces:
            first = max(piece.start, clean_start)
            last = min(piece.start + piece.length, clean_end)
            if first >= last:
                continue
            source = (piece.source_start + first - piece.start, piece.source_start + last - piece.start)
            spans = places.setdefault(piece.page, {})
            key = (piece.page, piece.line)
            known = spans.get(key)
            spans[key] = source if known is None else (min(known[0], source[0]), max(known[1], source[1]))
    return tuple(_page_place(document, page=page, spans=places[page]) for page in sorted(places))


def _page_place(
    document: CleanDocument, *, page: int, spans: dict[tuple[int, int], tuple[int, int]]
) -> PagePlace:
    source = document.source.pages[page - 1]
    if source.number != page:
        source = next(candidate for candidate in document.source.pages if candidate.number == page)
    boxes = (_word_box(source.lines[line], start=start, end=end) for (_, line), (start, end) in spans.items())
    return PagePlace(page, tuple(boxes))


def _word_box(line: Line, *, start: int, end: int) -> Box:
    """The box of the words of a line that characters ``start``..``end`` touch."""
    text = line.text
    _, y0, _, y1 = line.box
    words = len(text.split())
    if not words or len(line.word_edges) != 2 * words:
        return line.box
    if start <= 0 and end >= len(text):
        return (line.word_edges[0], y0, line.word_edges[-1], y1)
    # As many words begin before a character as there are in the text before it.
    first = max(len(text[: start + 1].split()) - 1, 0)
    last = max(len(text[:end].split()) - 1, first)
    return (line.word_edges[2 * first], y0, line.word_edges[2 * last + 1], y1)
