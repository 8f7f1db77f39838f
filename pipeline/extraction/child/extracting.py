"""Reads a document page by page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .documents import open_pdf, title_of
from .fault_documents import obey
from .faults import Fault, fault_of
from .glyph_boxes import GlyphBoxes
from .pages import empty_page, read_page

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .pages import PageReading


def extract(pdf: bytearray, *, request: dict[str, Any]) -> Iterator[PageReading | dict[str, Any] | bytes]:
    """Yield the reading of each page and the answer ``document`` at the end.

    A page that MuPDF cannot read is given back empty and counted, so that one broken page does not
    cost the document; memory that runs out ends the document.

    Raises:
        Fault: See ``open_pdf`` and ``obey``; further ``too_much_text`` and ``malformed`` when no page can be read.
    """
    document = open_pdf(pdf, max_pages=request["max_pages"])
    instead = obey(document, allowed=request["fault_documents"])
    if instead is not None:
        yield instead
    left = request["max_text_chars"]
    pages = document.page_count
    unreadable = 0
    hidden = False
    glyph_boxes = GlyphBoxes()
    for index in range(pages):
        reading, readable = _page(document, index=index, max_chars=left, glyph_boxes=glyph_boxes)
        left -= reading.characters
        if left < 0:
            raise Fault("too_much_text")
        unreadable += not readable
        hidden |= reading.hides_text
        yield reading
    if unreadable == pages:
        raise Fault("malformed", "no page can be read")
    warnings = [
        code
        for code, holds in (
            ("repaired", document.is_repaired),
            ("unreadable_pages", unreadable > 0),
            ("hidden_text", hidden),
        )
        if holds
    ]
    title = title_of(document)
    document.close()
    yield {"kind": "document", "title": title, "pages": pages, "warnings": warnings}


def _page(document: Any, *, index: int, max_chars: int, glyph_boxes: GlyphBoxes) -> tuple[PageReading, bool]:
    """The page and whether it could be read."""
    try:
        page = document.load_page(index)
        return read_page(page, number=index + 1, max_chars=max_chars, glyph_boxes=glyph_boxes), True
    except Exception as error:
        fault = fault_of(error)
        if fault.code != "malformed":
            raise fault from error
        return empty_page(index + 1), False
