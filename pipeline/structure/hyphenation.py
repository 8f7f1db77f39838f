"""Words broken at the end of a line made whole again, over lines and pages."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from pipeline.structure.characters import SOFT_HYPHEN
from pipeline.structure.pieces import concatenated, head_of, tail_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pipeline.model import CleanLine

_HYPHENS = ("-", "\u2010", "\u2011", SOFT_HYPHEN)
_WORD = re.compile(r"[^\W\d_]+(?:-[^\W\d_]+)?")
_LOOK_AHEAD_LINES = 1


def undo_hyphenation(lines: Sequence[CleanLine]) -> list[CleanLine]:
    """Join ``demo-`` / ``cracia`` to ``democracia`` on the first line; the rest stays on the second.

    A hyphen stays where the text writes the word with one elsewhere (``socio-económico``) and never
    without; a soft hyphen never stays. The second line is dropped when nothing of it is left.
    """
    breaks = [
        i
        for i in range(len(lines) - _LOOK_AHEAD_LINES)
        if lines[i].text[-1:] in _HYPHENS and _broken(lines[i], lines[i + 1])
    ]
    if not breaks:
        return list(lines)
    # Once for each distinct word: the look-out for letters takes far longer than the split at spaces.
    distinct = set(" ".join([line.text for line in lines]).lower().split())
    words = set(_WORD.findall(" ".join(distinct)))
    out = list(lines)
    dropped: set[int] = set()
    for i in breaks:
        if i not in dropped:
            out[i], rest = _joined(out[i], out[i + 1], words=words)
            if rest is None:
                dropped.add(i + 1)
            else:
                out[i + 1] = rest
    return [line for index, line in enumerate(out) if index not in dropped]


def _broken(line: CleanLine, following: CleanLine) -> bool:
    """Whether a line that ends with a hyphen ends within a word."""
    text = line.text
    return (
        len(text) > 1
        and text[-2].isalpha()
        and following.text[0].islower()
        and (line.table is None) == (following.table is None)
    )


def _joined(line: CleanLine, following: CleanLine, *, words: set[str]) -> tuple[CleanLine, CleanLine | None]:
    end = following.text.find(" ")
    end = len(following.text) if end < 0 else end
    left = line.text[:-1].rsplit(" ", 1)[-1]
    right = following.text[:end]
    whole = _WORD.match((left + right).lower())
    hyphened = _WORD.match(f"{left}-{right}".lower())
    keep = (
        not line.text.endswith(SOFT_HYPHEN)
        and hyphened is not None
        and hyphened[0] in words
        and (whole is None or whole[0] not in words)
    )
    first = line if keep else head_of(line, end=len(line.text) - 1)
    joined = concatenated(first, head_of(following, end=end), glue="")
    if end == len(following.text):
        return joined, None
    return joined, tail_of(following, start=end + 1)
