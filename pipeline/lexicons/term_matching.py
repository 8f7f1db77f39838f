"""Finding many terms in many texts in one pass, in linear time.

The texts are joined with line ends between them and read once by an Aho-Corasick automaton.
A term is a run of words in folded form. It matches whole words; a final ``*`` allows any ending
of its last word, a ``*`` inside stands for the plural endings (nothing, ``s`` or ``es``), after a ``d``
for those of a participle (``articulad* con``).
"""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING

import ahocorasick
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

PLURALS = ("", "s", "es")
PARTICIPLES = ("o", "a", "os", "as")
LAST_SYMBOL = 0xBF
"""Code points above this one are letters in the scripts that plans use."""

FOUND = np.dtype([("last", np.int64), ("spelling", np.int64)])
"""What the automaton gives for a match: the position of its last character, and which spelling it is."""


class JoinedTexts:
    """Texts joined by line ends, with a way back from positions to texts. Texts hold no line ends."""

    __slots__ = ("lengths", "starts", "text", "word_characters")

    def __init__(self, texts: Sequence[str]) -> None:
        self.text = "\n".join(texts)
        self.lengths = np.fromiter((len(text) for text in texts), dtype=np.int64, count=len(texts))
        self.starts = np.concatenate(([0], np.cumsum(self.lengths + 1)[:-1])) if len(texts) else self.lengths
        codes = np.frombuffer(self.text.encode("utf-32-le"), dtype=np.uint32)
        letter = (codes >= ord("a")) & (codes <= ord("z"))
        digit = (codes >= ord("0")) & (codes <= ord("9"))
        self.word_characters = np.concatenate((letter | digit | (codes > LAST_SYMBOL), [False, False]))

    def text_at(self, positions: NDArray[np.int64]) -> NDArray[np.int64]:
        """Index of the text that each position of the joined text belongs to."""
        return np.searchsorted(self.starts, positions, side="right") - 1


class TermMatches:
    """Matches in order of their end: ``term`` (index of the group), ``start`` and ``end`` (exclusive)."""

    __slots__ = ("end", "group", "length", "start", "term")

    def __init__(
        self,
        *,
        group: NDArray[np.int64],
        term: NDArray[np.int64],
        start: NDArray[np.int64],
        end: NDArray[np.int64],
    ) -> None:
        self.group = group
        self.term = term
        self.start = start
        self.end = end


class TermMatcher:
    """Groups of terms compiled into one automaton. A term may belong to several groups."""

    def __init__(self, groups: Mapping[str, Sequence[str]]) -> None:
        self.groups = tuple(groups)
        spellings: dict[str, list[tuple[int, int, bool]]] = {}
        self.terms: list[str] = []
        for number, terms in enumerate(groups.values()):
            for term in terms:
                for spelling, open_end in _spellings(term):
                    spellings.setdefault(spelling, []).append((number, len(self.terms), open_end))
                self.terms.append(term)
        self._automaton = ahocorasick.Automaton()
        rows: list[tuple[int, int, bool]] = []
        first: list[int] = []
        sizes: list[int] = []
        for index, (spelling, owners) in enumerate(spellings.items()):
            self._automaton.add_word(spelling, index)
            first.append(len(rows))
            sizes.append(len(owners))
            rows.extend(owners)
        self._automaton.make_automaton()
        self._lengths = np.array([len(spelling) for spelling in spellings], dtype=np.int64)
        self._first = np.array(first, dtype=np.int64)
        self._sizes = np.array(sizes, dtype=np.int64)
        self._group = np.array([row[0] for row in rows], dtype=np.int64)
        self._term = np.array([row[1] for row in rows], dtype=np.int64)
        self._open = np.array([row[2] for row in rows], dtype=np.bool_)

    def matches(self, joined: JoinedTexts) -> TermMatches:
        """Every match of every term on word boundaries."""
        found = np.fromiter(self._automaton.iter(joined.text), dtype=FOUND)
        spelling = found["spelling"]
        end = found["last"] + 1
        start = end - self._lengths[spelling]
        begins = (start == 0) | ~joined.word_characters[start - 1]
        spelling, start, end = spelling[begins], start[begins], end[begins]
        sizes = self._sizes[spelling]
        which = np.repeat(np.arange(len(spelling)), sizes)
        within = np.arange(len(which)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
        row = self._first[spelling[which]] + within
        start, end = start[which], end[which]
        whole = self._open[row] | ~joined.word_characters[end]
        row = row[whole]
        return TermMatches(group=self._group[row], term=self._term[row], start=start[whole], end=end[whole])


def _spellings(term: str) -> list[tuple[str, bool]]:
    open_end = term.endswith("*")
    words = term.removesuffix("*").split(" ")
    options = [
        [word[:-1] + ending for ending in _endings(word)] if word.endswith("*") else [word] for word in words
    ]
    return [(" ".join(choice), open_end) for choice in product(*options)]


def _endings(word: str) -> tuple[str, ...]:
    return PARTICIPLES if word.endswith("d*") else PLURALS
