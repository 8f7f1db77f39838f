"""Folding many lines at once: one call for the whole document instead of one per line."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.text import fold

if TYPE_CHECKING:
    from collections.abc import Sequence

SEPARATOR = "\x1e"
"""The record separator: a control character, which clean text never holds and folding keeps."""


def fold_lines(texts: Sequence[str]) -> list[str]:
    """``[fold(text) for text in texts]``, about ten times faster; a separator inside a text counts as a space."""
    joined = SEPARATOR.join(texts)
    if joined.count(SEPARATOR) != len(texts) - 1:
        joined = SEPARATOR.join(text.replace(SEPARATOR, " ") for text in texts)
    return fold(joined).split(SEPARATOR) if texts else []
