"""How far texts name each of the ten points in their own words, and what the titles above them say."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from pipeline.lexicons import Lexicon, load_lexicons
from pipeline.lexicons.term_matching import JoinedTexts, TermMatcher
from pipeline.model import POINT_IDS
from pipeline.text import fold

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from pipeline.lexicons.term_matching import TermMatches
    from pipeline.model import Segment

STRONG_WEIGHT = 0.7
"""Weight of one strong term."""
MORE_STRONG = 0.5
"""What each further strong term leaves of the distance to certainty."""
WEAK_WEIGHT = 0.3
WEAK_PAIR_WEIGHT = 0.55
"""Two different weak terms make a passage speak of the point, if barely."""
NAMED = 0.5
"""From this weight on a text names the point."""
NEAREST_HEADING = 0.6
UPPER_HEADING = 0.3
"""Inheritance from the nearest heading that names a point, and from those above it."""
KINDS = 4
"""Groups of terms a point has: strong, weak, exclude, beside."""


@dataclass(frozen=True, slots=True)
class PointWords:
    """The ten lexicons compiled into one automaton."""

    matcher: TermMatcher
    lexicons: tuple[Lexicon, ...]

    @classmethod
    @cache
    def load(cls) -> PointWords:
        """Read and compile the lexicons; once per process."""
        lexicons = load_lexicons()
        groups: dict[str, tuple[str, ...]] = {}
        for lexicon in lexicons:
            groups[f"{lexicon.point} strong"] = lexicon.strong
            groups[f"{lexicon.point} weak"] = lexicon.weak
            groups[f"{lexicon.point} exclude"] = lexicon.exclude
            groups[f"{lexicon.point} beside"] = lexicon.beside
        return cls(TermMatcher(groups), lexicons)

    def weigh(self, joined: JoinedTexts) -> WordWeights:
        """Weigh every text for every point: (texts, 10), each 0..1."""
        found = self.matcher.matches(joined)
        text = joined.text_at(found.start)
        size = len(joined.starts)
        weights = np.zeros((size, len(POINT_IDS)))
        strong_terms: list[tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]] = []
        for number, lexicon in enumerate(self.lexicons):
            outside = _outside(found, group=KINDS * number + 2)
            strong = (found.group == KINDS * number) & outside
            weak = (found.group == KINDS * number + 1) & outside
            weak_count = _distinct(text[weak], found.term[weak], size=size)
            if lexicon.beside:
                hinted = _beside(weak_count, text[found.group == KINDS * number + 3], size=size)
            else:
                hinted = _hinted(weak_count, pairs=lexicon.weak_pairs)
            weights[:, number] = _weight(_distinct(text[strong], found.term[strong], size=size), hinted)
            strong_terms.append((text[strong], found.term[strong], found.start[strong]))
        return WordWeights(weights, tuple(strong_terms), tuple(self.matcher.terms))

    def inherited(self, segments: Sequence[Segment]) -> NDArray[np.float64]:
        """What headings, table titles and the rows above say of each segment: (segments, 10).

        The nearest title that names any point passes on most; titles above it less.
        """
        titles: dict[str, int] = {}
        paths: dict[tuple[str, ...], int] = {}
        of_segment = np.zeros(len(segments), dtype=np.int64)
        for position, segment in enumerate(segments):
            path = titles_above(segment)
            for title in path:
                titles.setdefault(title, len(titles))
            of_segment[position] = paths.setdefault(path, len(paths))
        table = np.zeros((len(paths), len(POINT_IDS)))
        if titles:
            weights = self.weigh(JoinedTexts([fold(title).replace("\n", " ") for title in titles])).weights
            named = np.where(weights >= NAMED, np.minimum(1.0, weights / STRONG_WEIGHT), 0.0)
            topical: list[bool] = [bool(row.any()) for row in named]
            for path, row in paths.items():
                numbers = [
                    number for number in (titles[title] for title in reversed(path)) if topical[number]
                ]
                if numbers:
                    shares = [NEAREST_HEADING, *[UPPER_HEADING] * (len(numbers) - 1)]
                    table[row] = (named[numbers] * np.array(shares)[:, None]).max(axis=0)
        inherited: NDArray[np.float64] = table[of_segment]
        return inherited


@dataclass(frozen=True, slots=True)
class WordWeights:
    """Weights of texts for points; ``strong`` has, per point, text, term and start of each strong match."""

    weights: NDArray[np.float64]
    strong: tuple[tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]], ...]
    terms: tuple[str, ...]

    def names(self, point: int) -> dict[int, tuple[str, ...]]:
        """The strong terms of a point that stand in each text."""
        names: dict[int, list[str]] = {}
        texts, terms, _ = self.strong[point]
        for text, term in zip(texts.tolist(), terms.tolist(), strict=True):
            kept = names.setdefault(text, [])
            if self.terms[term] not in kept:
                kept.append(self.terms[term])
        return {text: tuple(kept) for text, kept in names.items()}


def titles_above(segment: Segment) -> tuple[str, ...]:
    """The titles a segment stands under, outermost first: headings, table title, rows above."""
    if segment.row is None:
        return segment.heading_path
    title = (
        (segment.row.title,) if segment.row.title and segment.row.title not in segment.heading_path else ()
    )
    return (*segment.heading_path, *title, *segment.row.context)


def _outside(found: TermMatches, *, group: int) -> NDArray[np.bool_]:
    """The matches that begin in no match of ``group``."""
    excluded = found.group == group
    if not excluded.any():
        return np.ones(len(found.start), dtype=np.bool_)
    # A place lies in as many matches as begin up to it and do not end up to it.
    begun = np.searchsorted(np.sort(found.start[excluded]), found.start, side="right")
    ended = np.searchsorted(np.sort(found.end[excluded]), found.start, side="right")
    outside: NDArray[np.bool_] = begun == ended
    return outside


def _distinct(text: NDArray[np.int64], term: NDArray[np.int64], *, size: int) -> NDArray[np.int64]:
    """Number of different terms in each text."""
    base = int(term.max()) + 1 if len(term) else 1
    pairs = np.unique(text * base + term)
    return np.bincount(pairs // base, minlength=size)


def _hinted(weak: NDArray[np.int64], *, pairs: bool) -> NDArray[np.float64]:
    hinted: NDArray[np.float64] = np.where((weak > 1) & pairs, WEAK_PAIR_WEIGHT, WEAK_WEIGHT * (weak > 0))
    return hinted


def _beside(weak: NDArray[np.int64], beside: NDArray[np.int64], *, size: int) -> NDArray[np.float64]:
    both = (weak > 0) & (np.bincount(beside, minlength=size) > 0)
    hinted: NDArray[np.float64] = np.where(both, STRONG_WEIGHT, 0.0)
    return hinted


def _weight(strong: NDArray[np.int64], hinted: NDArray[np.float64]) -> NDArray[np.float64]:
    certain = 1 - (1 - STRONG_WEIGHT) * MORE_STRONG ** np.maximum(strong - 1, 0)
    weight: NDArray[np.float64] = np.where(strong > 0, certain, hinted)
    return weight
