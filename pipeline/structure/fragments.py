"""From parts of clean lines to the text of a segment, each character mapped back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from pipeline.model import TextRun

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pipeline.model import CleanLine

CELL_GLUE = " | "


class Fragment(msgspec.Struct, frozen=True, gc=False):
    """Characters ``start``..``end`` of clean line ``line``."""

    line: int
    start: int
    end: int


Cell = tuple[Fragment, ...]
"""The fragments of one table cell, in reading order."""


@dataclass(frozen=True, slots=True)
class Assembled:
    """A text put together from fragments, its runs, and the span of each cell in it."""

    text: str
    runs: tuple[TextRun, ...]
    spans: tuple[tuple[int, int], ...]


def whole_line(line: int, *, lines: Sequence[CleanLine]) -> Fragment:
    """All characters of a line."""
    return Fragment(line, 0, len(lines[line].text))


def assemble(cells: Sequence[Sequence[Fragment]], *, lines: Sequence[CleanLine]) -> Assembled:
    """Join fragments with spaces and cells with `` | ``; the glue belongs to no run."""
    parts: list[str] = []
    runs: list[TextRun] = []
    spans: list[tuple[int, int]] = []
    length = 0
    for cell in cells:
        if length:
            parts.append(CELL_GLUE)
            length += len(CELL_GLUE)
        begin = length
        for fragment in cell:
            if length > begin:
                parts.append(" ")
                length += 1
            line, start, end = fragment.line, fragment.start, fragment.end
            parts.append(lines[line].text[start:end])
            stop = length + end - start
            runs.append(TextRun(length, stop, line, start))
            length = stop
        spans.append((begin, length))
    return Assembled("".join(parts), tuple(runs), tuple(spans))


def cell_text(cell: Sequence[Fragment], *, lines: Sequence[CleanLine]) -> str:
    """The text of a cell, its fragments joined with spaces."""
    return " ".join(lines[f.line].text[f.start : f.end] for f in cell)
