"""Leaves out PyMuPDF's corrections of character boxes where they correct nothing.

PyMuPDF makes the box of a character anew where the font is lower than its size says (ascender less descender below
one). To know that it asks the font twice for every character, in every extraction: a fifth of what a page costs. Fonts
of that kind are rare. So a page is extracted without corrections first, and once more with them unless all its fonts
were seen to need none on a page before. The boxes are the same as if every page had been extracted with them.
"""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, Any

from .engine import extra

if TYPE_CHECKING:
    from collections.abc import Iterator

_NEARLY = 0.999
"""A span that is lower than this part of its size is set in another font of the same name."""


def blocks_of(text_page: Any, *, raw: bool = False) -> list[dict[str, Any]]:
    """The blocks of a page, with characters instead of texts when ``raw``."""
    content: dict[str, list[dict[str, Any]]] = {}
    extra.JM_make_textpage_dict(text_page.m_internal, content, int(raw))
    return content["blocks"]


class GlyphBoxes:
    """What is known of the fonts of one document, page after page."""

    def __init__(self) -> None:
        self._high: set[str] = set()
        self._low: set[str] = set()
        self._last_page_high = False

    def blocks(self, text_page: Any) -> list[dict[str, Any]]:
        """The blocks of a page; words and characters that are extracted after it have the same boxes."""
        if self._last_page_high:
            extra.set_skip_quad_corrections(True)
            blocks = blocks_of(text_page)
            if all(map(self._is_known_as_high, _spans(blocks))):
                return blocks
        extra.set_skip_quad_corrections(False)
        blocks = blocks_of(text_page)
        self._last_page_high = self._learn(blocks)
        extra.set_skip_quad_corrections(self._last_page_high)
        return blocks

    def _is_known_as_high(self, span: dict[str, Any]) -> bool:
        _, top, _, bottom = span["bbox"]
        return span["font"] in self._high and bottom - top >= _NEARLY * span["size"]

    def _learn(self, blocks: list[dict[str, Any]]) -> bool:
        """Note the fonts of a page that was extracted with corrections; whether none of them needs any."""
        low = False
        for span in _spans(blocks):
            # A font without measures is given as 0.9 and -0.1, which in single precision are a little less than one.
            if span["ascender"] - span["descender"] >= 1:
                self._high.add(span["font"])
            else:
                self._low.add(span["font"])
                low = True
        self._high -= self._low
        return not low


def _spans(blocks: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    lines = chain.from_iterable([block["lines"] for block in blocks if block["type"] == 0])
    return chain.from_iterable([line["spans"] for line in lines])
