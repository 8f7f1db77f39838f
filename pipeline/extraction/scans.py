"""Which pages hold text, and which are pictures of text."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pipeline.model import Page

MIN_LETTERS = 25
"""Fewer letters than this are a page number, a stamp or the mark of a scanner program."""
MIN_IMAGE_SHARE = 0.5
"""A page without text that images cover to this part is a scan; otherwise it is blank."""


def page_has_text(page: Page) -> bool:
    """Whether the page has at least ``MIN_LETTERS`` letters."""
    letters = 0
    for line in page.lines:
        letters += sum([char.isalpha() for char in line.text])
        if letters >= MIN_LETTERS:
            return True
    return False


def scanned_pages(pages: Sequence[Page]) -> tuple[int, ...]:
    """Numbers of the pages that carry an image instead of text."""
    return tuple(page.number for page in pages if page.image_share >= MIN_IMAGE_SHARE and not page_has_text(page))
