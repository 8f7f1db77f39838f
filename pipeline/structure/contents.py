"""Tables of contents: many headings with page numbers, none of them a section."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from pipeline.structure.vocabulary import CONTENTS_TITLES

if TYPE_CHECKING:
    from collections.abc import Sequence

MAX_QUIET_LINES = 5
MIN_ENTRIES = 4
MAX_ENTRY_CHARS = 160

_PAGE_AT_END = re.compile(r"(?:\s|\.|…|-)\d{1,3}\s?$")


def contents_lines(folded: Sequence[str]) -> tuple[tuple[int, int], ...]:
    """Find the tables of contents as ranges of lines, their title included."""
    ranges: list[tuple[int, int]] = []
    limit = len(folded)
    index = 0
    while index < limit:
        text = folded[index]
        opens = text.rstrip(" .:") in CONTENTS_TITLES
        if opens or _has_leaders(text):
            stop = _end_of_contents(folded, start=index + 1 if opens else index)
            if stop - index >= MIN_ENTRIES:
                ranges.append((index, stop))
                index = stop
                continue
        index += 1
    return tuple(ranges)


def _end_of_contents(folded: Sequence[str], *, start: int) -> int:
    """The line after the last entry: entries may be interrupted by a few lines without a page number."""
    entries = 0
    last = start
    index = start
    while index < len(folded) and index - last <= MAX_QUIET_LINES:
        text = folded[index]
        if _has_leaders(text) or (_PAGE_AT_END.search(text) and len(text) < MAX_ENTRY_CHARS):
            last = index + 1
            entries += 1
        elif text.rstrip(" .:") in CONTENTS_TITLES:
            last = index + 1
        index += 1
    return last if entries >= MIN_ENTRIES else start


def _has_leaders(text: str) -> bool:
    """Whether dots or strokes lead to a page number. Plain look-ups: this is asked for every line."""
    return "...." in text or "……" in text or ". . . ." in text or "_____" in text or "------" in text
