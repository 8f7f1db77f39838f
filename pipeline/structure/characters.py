"""Characters of one line made ordinary, each still mapped to where it came from.

What PDFs do to Spanish text: ligatures, accents that stand before their letter (``pol´ıtica``),
decomposed letters, list marks from the private use area, exotic spaces, control characters.
"""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

LIST_MARK = "•"
SOFT_HYPHEN = "\u00ad"
_SPACE = 0x20
_EDGES = frozenset(("", " "))
"""How a line begins that is empty or has to be stripped."""

# Everything a clean Spanish line may hold besides the space; the rest is rewritten.
_PLAIN = re.compile(r"[!-_a-~¡-§©-¬®-³µ-ſ‐-―‘’“”…€™≥≤°•]")
_PLAIN_CODES = 0x2300
_ODD_CODES = np.array([chr(code) != " " and not _PLAIN.match(chr(code)) for code in range(_PLAIN_CODES)])

_BULLETS = frozenset(
    "\u2022\u25aa\u25ab\u25cf\u25cb\u25e6\u25a0\u25a1\u25c6\u25c7\u25ba\u25b6\u2023\u2043\u2219\u27a2\u27a4\u2714\u2713\u2756\u2794\u2192\u25fe\u25fd"
)
_SPACING_ACCENTS = {"´": "\u0301", "`": "\u0300", "¨": "\u0308", "˜": "\u0303", "ˆ": "\u0302"}
_ACCENTED_BASES = frozenset("aeiouAEIOUnNıuU")
_DOTLESS = {"ı": "i"}


def odd_texts(texts: Sequence[str]) -> set[int]:
    """Positions of the texts that ``clean_characters`` would change. One look-up for the whole document."""
    joined = "\n".join(texts)
    codes = np.frombuffer(joined.encode("utf-32-le", "surrogatepass"), dtype="<u4")
    odd = _ODD_CODES[np.minimum(codes, _PLAIN_CODES - 1)] | (codes >= _PLAIN_CODES)
    odd[:-1] |= (codes[:-1] == _SPACE) & (codes[1:] == _SPACE)
    ends = np.cumsum([len(text) + 1 for text in texts], dtype=np.int64)
    odd[ends[:-1] - 1] = False  # what stands between the lines
    touched = set(np.searchsorted(ends, np.flatnonzero(odd), side="right").tolist())
    touched.update([i for i, text in enumerate(texts) if text[:1] in _EDGES or text[-1] == " "])
    return touched


def clean_characters(text: str) -> tuple[str, tuple[int, ...]]:
    """Make ``text`` NFC with single spaces, ordinary letters and ``•`` for every list mark.

    Returns:
        The clean text and, for each of its characters, the index in ``text`` it came from.
    """
    chars, sources = _rewrite(text)
    return _single_spaces(chars, sources)


def _rewrite(text: str) -> tuple[list[str], list[int]]:
    chars: list[str] = []
    sources: list[int] = []
    skip = -1
    for index, char in enumerate(text):
        if index == skip:
            continue
        following = text[index + 1] if index + 1 < len(text) else ""
        composed = _compose_spacing(char, following=following, in_word=bool(chars) and chars[-1].isalpha())
        if composed:
            skip = index + 1
            out = composed
        elif chars and unicodedata.combining(char):
            joined = unicodedata.normalize("NFC", chars[-1] + char)
            if len(joined) == 1:
                chars[-1] = joined
            continue
        else:
            out = _ordinary(char, following=following, at_start=not any(c != " " for c in chars[-3:]))
        for part in out:
            chars.append(part)
            sources.append(index)
    return chars, sources


def _compose_spacing(char: str, *, following: str, in_word: bool) -> str:
    """``´`` and ``a`` within a word become ``á``; elsewhere such a mark is a quotation mark."""
    mark = _SPACING_ACCENTS.get(char)
    if mark is None or not in_word or not following or following not in _ACCENTED_BASES:
        return ""
    joined = unicodedata.normalize("NFC", _DOTLESS.get(following, following) + mark)
    return joined if len(joined) == 1 else ""


def _ordinary(char: str, *, following: str, at_start: bool) -> str:  # noqa: PLR0911  one line per class
    category = unicodedata.category(char)
    if char in _BULLETS or category == "Co":
        return LIST_MARK + " " if at_start else " "
    unmapped = char == "\ufffd" or (category == "Cc" and char not in "\t\n\r\v\f")
    if at_start and unmapped and following in {" ", "\u00a0"}:
        return LIST_MARK  # symbol fonts without a mapping give their bullets as such characters
    if category in {"Zs", "Zl", "Zp"} or char in "\t\n\r\v\f":
        return " "
    if char == SOFT_HYPHEN:
        return char
    if category in {"Cc", "Cf", "Cs", "Cn"}:
        return ""
    if "\ufb00" <= char <= "\ufb06":
        return unicodedata.normalize("NFKC", char)
    return unicodedata.normalize("NFC", char)


def _single_spaces(chars: list[str], sources: list[int]) -> tuple[str, tuple[int, ...]]:
    kept: list[str] = []
    places: list[int] = []
    last = len(chars) - 1
    for index, (char, source) in enumerate(zip(chars, sources, strict=True)):
        if char == " " and (not kept or kept[-1] == " "):
            continue
        if char == SOFT_HYPHEN and index != last:
            continue
        kept.append(char)
        places.append(source)
    while kept and kept[-1] == " ":
        kept.pop()
        places.pop()
    return "".join(kept), tuple(places)
