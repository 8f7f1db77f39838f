"""Which pages hold text, and which are pictures of text."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pipeline.model import Page

MIN_LETTERS_ON_IMAGE = 25
"""Fewer letters than this on a picture are a page number, a stamp or the mark of a scanner program."""
MIN_IMAGE_SHARE = 0.3
"""A page that images cover to this part is mostly picture."""


def page_has_text(page: Page) -> bool:
    """Whether the page holds text that is more than a mark on a picture.

    On a page that is mostly picture that takes ``MIN_LETTERS_ON_IMAGE`` letters, elsewhere one.
    """
    needed = MIN_LETTERS_ON_IMAGE if page.image_share >= MIN_IMAGE_SHARE else 1
    letters = 0
    for line in page.lines:
        letters += sum([char.isalpha() for char in line.text])
        if letters >= needed:
            return True
    return False


def scanned_pages(pages: Sequence[Page]) -> tuple[int, ...]:
    """Numbers of the pages that carry an image instead of text."""
    return tuple(
        page.number for page in pages if page.image_share >= MIN_IMAGE_SHARE and not page_has_text(page)
    )
