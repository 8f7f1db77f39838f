"""Checks what the child answered before anything else sees it.

The child may have been taken over by the document that it read. Its answers are therefore decoded into
typed structures (never pickle), and every number, index and text is checked against the limits.
JSON cannot express infinities or NaN, so what decodes as a float is finite.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from pipeline.model import Box, Line, Page, Table  # noqa: TC001  msgspec resolves them at run time

if TYPE_CHECKING:
    from pipeline.extraction.limits import ExtractionLimits

_MAX_COORDINATE = 1_000_000.0
_CONTROLS = dict.fromkeys((*range(32), *range(127, 160), *range(55296, 57344)))


class ProtocolViolation(Exception):
    """The child answered something that no honest child answers."""


class Ready(msgspec.Struct, tag_field="kind", tag="ready", frozen=True, forbid_unknown_fields=True):
    """The child is confined and waits for documents."""

    sandbox: dict[str, str]


class Pages(msgspec.Struct, tag_field="kind", tag="pages", frozen=True, forbid_unknown_fields=True):
    """Some pages, in order."""

    pages: list[Page]


class Finished(msgspec.Struct, tag_field="kind", tag="document", frozen=True, forbid_unknown_fields=True):
    """The last answer about a document."""

    title: str
    pages: int
    warnings: list[str]


class Image(msgspec.Struct, tag_field="kind", tag="image", frozen=True, forbid_unknown_fields=True):
    """A frame with PNG bytes follows."""


class Fault(msgspec.Struct, tag_field="kind", tag="fault", frozen=True, forbid_unknown_fields=True):
    """The document could not be read."""

    code: str
    detail: str


Answer = Ready | Pages | Finished | Image | Fault

_DECODER: msgspec.json.Decoder[Answer] = msgspec.json.Decoder(Answer)


def decode(untrusted_answer: bytes) -> Answer:
    """Decode one frame. Raises ``ProtocolViolation`` when it is none of the known answers."""
    try:
        return _DECODER.decode(untrusted_answer)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise ProtocolViolation(str(error)[:200]) from error


def checked_page(untrusted_page: Page, *, number: int, limits: ExtractionLimits) -> Page:
    """The page, if it is page ``number`` and consistent in itself; texts lose control characters.

    Raises:
        ProtocolViolation: A number, index or length is impossible.
    """
    page = untrusted_page
    if page.number != number:
        raise ProtocolViolation(f"page {page.number} instead of {number}")
    if not (0 <= page.width <= _MAX_COORDINATE and 0 <= page.height <= _MAX_COORDINATE):
        raise ProtocolViolation("size of a page")
    if not 0 <= page.image_share <= 1:
        raise ProtocolViolation("share of images")
    if sum([len(line.text) for line in page.lines]) > limits.max_text_chars:
        raise ProtocolViolation("text of a page")
    for line in page.lines:
        _check_line(line)
    for table in page.tables:
        _check_table(table, lines=len(page.lines))
    return page


def without_controls(untrusted_text: str) -> str:
    """``untrusted_text`` without control characters (C0, C1) and lone surrogates."""
    return untrusted_text.translate(_CONTROLS)


def _check_line(line: Line) -> None:
    text = line.text
    if not text.isprintable() and text.translate(_CONTROLS) != text:
        raise ProtocolViolation("control characters")
    edges = line.word_edges
    if not edges or len(edges) != 2 * len(text.split()):
        raise ProtocolViolation("words of a line")
    if not (min(edges) >= -_MAX_COORDINATE and max(edges) <= _MAX_COORDINATE):
        raise ProtocolViolation("edges of words")
    if not 0 <= line.font_size <= _MAX_COORDINATE:
        raise ProtocolViolation("font size")
    _check_box(line.box)


def _check_table(table: Table, *, lines: int) -> None:
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
            if cell.text.translate(_CONTROLS) != cell.text:
                raise ProtocolViolation("control characters")


def _check_box(box: Box) -> None:
    x0, y0, x1, y1 = box
    if not (
        -_MAX_COORDINATE <= x0 <= x1 <= _MAX_COORDINATE and -_MAX_COORDINATE <= y0 <= y1 <= _MAX_COORDINATE
    ):
        raise ProtocolViolation("a box")
