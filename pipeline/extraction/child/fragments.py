"""A run of words on one baseline: what MuPDF calls a line, or the part of it inside one table cell."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from msgspec.structs import replace

if TYPE_CHECKING:
    from collections.abc import Sequence

Box = tuple[float, float, float, float]
Word = tuple[float, float, float, float, str]
"""x0, y0, x1, y1 in points of the page as displayed, and the text. Plain tuples: there are very many.

Those that MuPDF gives have three numbers more, which nothing reads.
"""


class Fragment(msgspec.Struct, frozen=True, gc=False):
    """Words from left to right with the style that most of them have.

    ``block`` is MuPDF's paragraph guess; ``cell`` says in which cell of which table the words stand.
    """

    words: Sequence[Word]
    box: Box
    size: float
    bold: bool
    level: bool
    """Written from left to right along the page; False for turned text."""
    block: int
    cell: tuple[int, int] | None = None


def text_of(fragment: Fragment) -> str:
    """The words of a fragment with single spaces between them."""
    return " ".join([word[4] for word in fragment.words])


def box_of(words: Sequence[Word]) -> Box:
    """The smallest box around ``words``."""
    return (
        min([word[0] for word in words]),
        min([word[1] for word in words]),
        max([word[2] for word in words]),
        max([word[3] for word in words]),
    )


def same_baseline(one: Box, other: Box) -> bool:
    """Whether two boxes overlap vertically by more than half of the lower one."""
    overlap = min(one[3], other[3]) - max(one[1], other[1])
    return overlap > 0.5 * min(one[3] - one[1], other[3] - other[1])


def joined(fragments: Sequence[Fragment]) -> Fragment:
    """One fragment with the words of all, in the order given, and the style of the longest."""
    if len(fragments) == 1:
        return fragments[0]
    words = tuple(word for fragment in fragments for word in fragment.words)
    longest = max(fragments, key=lambda fragment: sum(len(word[4]) for word in fragment.words))
    return replace(longest, words=words, box=box_of(words), block=fragments[0].block)
