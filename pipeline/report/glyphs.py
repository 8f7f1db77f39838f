"""The characters that a report can show: those of the fonts that come with the typesetter.

A character without a glyph makes PDF/UA impossible, and writing from right to left is set apart because the
typesetter can break down on it. Plans in Spanish need neither; what stands in them all the same becomes a square.
"""

from __future__ import annotations

import unicodedata
from functools import cache

RANGES = (
    *((0x20, 0x7E), (0xA1, 0xAC), (0xAE, 0x377), (0x37A, 0x37F), (0x384, 0x38A), (0x38E, 0x3A1)),
    *((0x3A3, 0x4FF), (0x1D00, 0x1F15), (0x2010, 0x2027), (0x2030, 0x2040), (0x2044, 0x2052)),
    *((0x2054, 0x205E), (0x2070, 0x2071), (0x2074, 0x208E), (0x2090, 0x209C), (0x20A0, 0x20C0)),
    *((0x2100, 0x211E), (0x2126, 0x2151), (0x2153, 0x2184), (0x2190, 0x23FF), (0x2460, 0x262F)),
    *((0x2638, 0x268B), (0x2701, 0x2704), (0x270C, 0x2727), (0x2729, 0x274B), (0x274F, 0x2752)),
    *((0x2758, 0x275E), (0x2761, 0x277F), (0x2798, 0x27AF), (0x27B1, 0x2B73), (0xFB00, 0xFB06)),
)
"""First and last code points. A test typesets all of them."""
ALONE = frozenset("\n\u2122\u2794\ufffd\u200b")
SQUARE = "\u25a1"
PICTURE_RANGES = ((0x20, 0x7E), (0xA1, 0xAC), (0xAE, 0x17F), (0x2010, 0x2015), (0x2018, 0x201E))
PICTURE_MARKS = frozenset("\u2020\u2022\u2026\u20ac\u2193")
DOT = "\u00b7"


def shown(text: str) -> str:
    """The text with each character that has no glyph replaced by its plain form, where it has one, or a square.

    Accents that make no letter together with the one before them are left out: alone they have no glyph.
    """
    plain = text.isascii() and text.isprintable()
    return text if plain else "".join(map(_shown, unicodedata.normalize("NFC", text)))


def in_picture(text: str) -> str:
    """The text for a picture, where there is one font: Latin letters and common marks, a dot for anything else."""
    return "".join(char if _in_picture(char) else DOT for char in shown(text))


def _in_picture(char: str) -> bool:
    return char in PICTURE_MARKS or any(first <= ord(char) <= last for first, last in PICTURE_RANGES)


def has_glyph(char: str) -> bool:
    """Whether the report's fonts can show a character."""
    return char in ALONE or any(first <= ord(char) <= last for first, last in RANGES)


@cache
def _shown(char: str) -> str:
    if unicodedata.category(char).startswith("M"):
        return ""
    if has_glyph(char):
        return char
    plain = unicodedata.normalize("NFKC", char)
    if all(map(has_glyph, plain)):
        return plain
    # Symbol fonts put bullets and arrows where nothing is defined: like control characters they say nothing.
    return "" if unicodedata.category(char) in {"Cc", "Cf", "Co", "Cs"} else SQUARE
