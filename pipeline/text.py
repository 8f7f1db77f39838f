"""Folding: the form of text that patterns and lexicons are matched against."""

from __future__ import annotations

import unicodedata


def _folding_table() -> dict[int, str]:
    table: dict[int, str] = {}
    for code in range(0x20, 0x250):
        char = chr(code)
        lower = char.lower()
        base = unicodedata.normalize("NFKD", lower)[:1] if len(lower) == 1 else char
        if base != char and len(base) == 1:
            table[code] = base
    table.update({ord(dash): "-" for dash in "‐‑‒–—―−"})
    table.update({ord(quote): '"' for quote in "“”„«»"})
    table.update({ord(quote): "'" for quote in "‘’‚´`"})
    table.update({ord(space): " " for space in "\t\n\r\u00a0\u2002\u2003\u2009\u202f"})
    return table


_TABLE = _folding_table()


def fold(text: str) -> str:
    """Lower case without accents, one character for each character of ``text``.

    Because the length is kept, a span found in the folded text is the same span of the original.
    ``text`` must be NFC, so that an accented letter is one character. ``ñ`` becomes ``n``, ``°`` stays.
    """
    return text.translate(_TABLE)
