"""Leaving out corrections of character boxes changes no box."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from extraction_samples import A4, PROSE

from pipeline.extraction.child.engine import extra, mupdf, pymupdf
from pipeline.extraction.child.glyph_boxes import GlyphBoxes, blocks_of

if TYPE_CHECKING:
    from collections.abc import Iterator

HIGH = ("helv", "tiro", "cour")
LOW = "zadb"
"""ZapfDingbats is 0.96 of its size high."""


@pytest.fixture(autouse=True)
def corrections_on() -> Iterator[None]:
    """The switch belongs to the process: as it was before and after each test."""
    yield
    extra.set_skip_quad_corrections(False)


def _text_page(*fonts: str) -> Any:
    page = pymupdf.open().new_page(width=A4.width, height=A4.height)
    for row, font in enumerate(fonts):
        page.insert_text((72, 72 + 20 * row), PROSE, fontname=font)
    return mupdf.FzStextPage(extra.page_get_textpage(page.this, None, 0, (1, 0, 0, 1, 0, 0)))


def _places(text_page: Any, blocks: list[dict[str, Any]]) -> list[Any]:
    lines = [line for block in blocks for line in block["lines"]]
    spans = [span["bbox"] for line in lines for span in line["spans"]]
    return [[line["bbox"] for line in lines], spans, extra.extractWORDS(text_page, None)]


def _corrected(text_page: Any) -> list[Any]:
    extra.set_skip_quad_corrections(False)
    return _places(text_page, blocks_of(text_page))


@pytest.mark.parametrize(
    "pages",
    [
        [HIGH, HIGH],
        [HIGH, (*HIGH, LOW), HIGH, HIGH],
        [(LOW,), HIGH, HIGH, (LOW,)],
        [HIGH, HIGH, (LOW, "helv"), (LOW,)],
        [("helv",), ("helv",), ("tiro",), ("cour", "tiro"), (), HIGH],
    ],
)
def test_boxes_are_those_of_a_page_that_is_corrected(pages: list[tuple[str, ...]]) -> None:
    """Whatever fonts the pages before had: blocks and the words extracted after them stand where they would."""
    glyph_boxes = GlyphBoxes()
    for fonts in pages:
        text_page = _text_page(*fonts)
        found = _places(text_page, glyph_boxes.blocks(text_page))

        assert found == _corrected(text_page)


def test_a_low_font_is_the_one_that_needs_it() -> None:
    """The test above would fail without corrections."""
    text_page = _text_page(LOW)
    extra.set_skip_quad_corrections(True)

    assert _places(text_page, blocks_of(text_page)) != _corrected(text_page)
