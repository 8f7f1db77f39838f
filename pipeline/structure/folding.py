"""Folding many lines at once: one look-up for the whole document instead of one per character."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pipeline.text import fold

if TYPE_CHECKING:
    from collections.abc import Sequence

SEPARATOR = "\x1e"
"""The record separator: a control character, which clean text never holds and folding keeps."""

_FOLDED_CODES = 0x2300
"""Folding changes nothing above; a test compares the two ways of folding."""
_TABLE = np.array([ord(fold(chr(code))) for code in range(_FOLDED_CODES)], dtype="<u4")


def fold_lines(texts: Sequence[str]) -> list[str]:
    """``[fold(text) for text in texts]``, ten times faster; a separator inside a text counts as a space."""
    if not texts:
        return []
    joined = SEPARATOR.join(texts)
    if joined.count(SEPARATOR) != len(texts) - 1:
        joined = SEPARATOR.join(text.replace(SEPARATOR, " ") for text in texts)
    return _fold(joined).split(SEPARATOR)


def _fold(text: str) -> str:
    codes = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype="<u4")
    folded = np.where(codes < _FOLDED_CODES, _TABLE[np.minimum(codes, _FOLDED_CODES - 1)], codes)
    return folded.astype("<u4", copy=False).tobytes().decode("utf-32-le", "surrogatepass")
