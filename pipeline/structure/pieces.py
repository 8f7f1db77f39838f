"""Cutting and joining clean lines without losing where their characters come from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from pipeline.model import CleanLine, SourcePiece

if TYPE_CHECKING:
    from collections.abc import Iterable


def shifted(pieces: Iterable[SourcePiece], *, by: int) -> tuple[SourcePiece, ...]:
    """The same pieces, ``by`` characters further in the clean line."""
    return tuple(replace(piece, start=piece.start + by) for piece in pieces)


def cut(pieces: Iterable[SourcePiece], *, start: int, end: int) -> tuple[SourcePiece, ...]:
    """What of the pieces lies in ``start``..``end`` of the clean line, counted from ``start``."""
    kept: list[SourcePiece] = []
    for piece in pieces:
        left = max(piece.start, start)
        right = min(piece.start + piece.length, end)
        if left < right:
            source = piece.source_start + left - piece.start
            kept.append(SourcePiece(left - start, right - left, piece.page, piece.line, source))
    return tuple(kept)


def head_of(line: CleanLine, *, end: int) -> CleanLine:
    """The first ``end`` characters of a line."""
    return replace(line, text=line.text[:end], pieces=cut(line.pieces, start=0, end=end))


def tail_of(line: CleanLine, *, start: int) -> CleanLine:
    """A line from character ``start`` on."""
    return replace(line, text=line.text[start:], pieces=cut(line.pieces, start=start, end=len(line.text)))


def concatenated(left: CleanLine, right: CleanLine, *, glue: str) -> CleanLine:
    """Two lines as one: page, font and table of ``left``; ``glue`` belongs to no piece.

    The box covers both when they stand on the same page.
    """
    offset = len(left.text) + len(glue)
    box = left.box
    if left.page == right.page:
        box = (
            min(left.box[0], right.box[0]),
            min(left.box[1], right.box[1]),
            max(left.box[2], right.box[2]),
            max(left.box[3], right.box[3]),
        )
    pieces = left.pieces + shifted(right.pieces, by=offset)
    return replace(left, text=left.text + glue + right.text, box=box, pieces=pieces)
