"""The whole plan as one ASCII buffer, so that a linear-time pattern runs over it once.

One RE2 search over 400 KB costs about a millisecond; the same search segment by segment costs ten
times that in calls. Each character of the folded text is one byte (what is not ASCII becomes ``?``),
so an offset in the buffer is an offset in the text of its segment.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import re2

from pipeline.model import SegmentIndex, Span
from pipeline.text import fold

if TYPE_CHECKING:
    from pipeline.model import Segmentation

CELL_MARK: Final = b" | "
"""What stands between the cells in the text of a table row."""
SENTENCE_ENDS: Final = (b". ", b"; ", b"? ", b"! ", CELL_MARK)
SENTENCE_REACH: Final = 1_500
"""How far a sentence reaches: a megabyte without a full stop would cost its square."""


@dataclass(frozen=True, slots=True)
class PlanText:
    """Folded segments joined by line feeds; ``starts[i]`` is where segment ``i`` begins in ``data``.

    A fold never leaves a line feed inside a segment, so a pattern that excludes it stays in one segment.
    """

    segmentation: Segmentation
    data: bytes
    starts: tuple[int, ...]

    @classmethod
    def of(cls, segmentation: Segmentation) -> PlanText:
        """Join the folded texts of ``segmentation``."""
        starts: list[int] = []
        position = 0
        for folded in segmentation.folded:
            starts.append(position)
            position += len(folded) + 1
        data = "\n".join(segmentation.folded).encode("ascii", "replace")
        return cls(segmentation=segmentation, data=data, starts=tuple(starts))

    def segment_at(self, offset: int) -> int:
        """Index of the segment that holds buffer position ``offset``."""
        return bisect_right(self.starts, offset) - 1

    def bounds(self, index: int) -> tuple[int, int]:
        """Buffer positions where segment ``index`` begins and ends."""
        start = self.starts[index]
        return start, start + len(self.segmentation.folded[index])

    def span(self, start: int, end: int) -> Span:
        """The span of buffer positions ``start``..``end``, which lie in one segment."""
        index = self.segment_at(start)
        base = self.starts[index]
        return Span(SegmentIndex(index), start - base, end - base)

    def original(self, start: int, end: int) -> str:
        """The plan's own characters at buffer positions ``start``..``end`` of one segment."""
        index = self.segment_at(start)
        base = self.starts[index]
        return self.segmentation.segments[index].text[start - base : end - base]

    def sentence(self, offset: int) -> tuple[int, int]:
        """Buffer positions of the sentence around ``offset``, within its segment and ``SENTENCE_REACH``."""
        first, last = self.bounds(self.segment_at(offset))
        first, last = max(first, offset - SENTENCE_REACH), min(last, offset + SENTENCE_REACH)
        start, end = first, last
        for mark in SENTENCE_ENDS:
            before = self.data.rfind(mark, first, offset)
            if before >= 0:
                start = max(start, before + len(mark))
            after = self.data.find(mark, offset, end)
            if after >= 0:
                end = after if mark == CELL_MARK else after + 1
        return start, end


def trimmed(data: bytes, start: int, end: int, *, strip: bytes = b" ,;:.-?\"'()|") -> tuple[int, int]:
    """``start``..``end`` without leading and trailing bytes of ``strip``."""
    while start < end and data[start] in strip:
        start += 1
    while end > start and data[end - 1] in strip:
        end -= 1
    return start, end


_LETTERHEAD: Final = re2.compile(
    rb"\bnit\b[.: ?]*[0-9]|\b(?:tel|cel|fax|telefono|celular)s?\b[.: (]{1,3}\+?[0-9]{3}|[a-z0-9]@[a-z]"
)


def is_letterhead(text: str) -> bool:
    """Whether a text holds a tax number, a telephone or a mail address: the sender, not what is planned."""
    return _LETTERHEAD.search(fold(text).encode("ascii", "replace")) is not None


_SPACED: Final = 8
"""Even text with seven spaces a word fills a line; more is not read."""


def one_line(text: str, *, limit: int) -> str:
    """``text`` with single spaces, cut at the last word before ``limit`` characters."""
    joined = " ".join(text[: limit * _SPACED].split())
    if len(joined) <= limit:
        return joined
    cut = joined.rfind(" ", 0, limit)
    return joined[: cut if cut > 0 else limit]
