"""The units that criteria are judged on: sentences of prose, rows of tables, headings.

A paragraph may speak of many things; a sentence speaks of one. What a sentence is about comes from
its own words, from its neighbours in the paragraph and from the titles above.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pipeline.lexicons.point_words import NAMED, PointWords
from pipeline.lexicons.term_matching import JoinedTexts
from pipeline.model import SegmentIndex, SegmentKind, Span
from pipeline.nodes.embedding import ABOUT
from pipeline.questionnaire.passages import sentence_spans

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pipeline.model import Relevance, Segment, Segmentation

NEIGHBOUR_SHARE = 0.8
"""What a sentence takes over from the sentence before it in the same paragraph."""
LONG_ROW_CHARS = 350
"""Longer rows are tables whose rows could not be told apart; they are judged sentence by sentence."""
MANY_POINTS = 3
ENUMERATION_LOSS = 0.12
"""A sentence that names more points than ``MANY_POINTS`` enumerates: it says little of each."""


class Units:
    """Sentences and rows of a document with their relevance to each point."""

    def __init__(self, segmentation: Segmentation, *, relevance: Relevance) -> None:
        self._segmentation = segmentation
        self._all = segmentation.segments
        self.segment_of: NDArray[np.int64]
        self.spans: list[tuple[int, int]] = []
        self._spans: dict[int, Span] = {}
        owners: list[int] = []
        texts: list[str] = []
        for segment, folded in zip(segmentation.segments, segmentation.folded, strict=True):
            for start, end in _parts(segment):
                owners.append(segment.index)
                self.spans.append((start, end))
                texts.append(folded[start:end])
        self.segment_of = np.array(owners, dtype=np.int64)
        self.joined = JoinedTexts(texts)
        self.size = len(texts)
        self.segments: tuple[Segment, ...] = tuple(self._all[owner] for owner in owners)
        self.first_of = np.searchsorted(self.segment_of, np.arange(len(self._all)))
        self.own, self.about = self._relevance(relevance)

    def span(self, unit: int) -> Span:
        """Where a unit stands in its segment."""
        if unit not in self._spans:
            start, end = self.spans[unit]
            self._spans[unit] = Span(SegmentIndex(int(self.segment_of[unit])), start, end)
        return self._spans[unit]

    def at(self, *, segment: int, position: int) -> int:
        """The unit that holds a position of a segment's text."""
        unit = int(self.first_of[segment])
        while (
            unit + 1 < self.size and self.segment_of[unit + 1] == segment and self.spans[unit][1] <= position
        ):
            unit += 1
        return unit

    def _relevance(self, relevance: Relevance) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """(own words, relevance) of every unit for every point; 0 where it is not about the point."""
        words = PointWords.load()
        weighed = words.weigh(self.joined)
        own = weighed.weights
        self.term_starts = tuple(np.sort(starts) for _, _, starts in weighed.strong)
        inherited = relevance.inherited[self.segment_of]
        self.inherited = inherited
        before = np.zeros_like(own)
        same = self.segment_of[1:] == self.segment_of[:-1]
        before[1:] = np.where(same[:, None] & (own[:-1] > NAMED), own[:-1] * NEIGHBOUR_SHARE, 0.0)
        named = np.maximum(own, before)
        scores = 1 - (1 - named) * (1 - inherited)
        shift = relevance.shift[self.segment_of]
        scores = np.where(named + inherited > 0, np.clip(scores + shift, 0.0, 1.0), 0.0)
        spread = np.maximum((own >= NAMED).sum(axis=1) - MANY_POINTS, 0)
        scores = np.where(inherited >= ABOUT, scores, scores * (1 - ENUMERATION_LOSS) ** spread[:, None])
        headings = np.fromiter(
            (s.kind is SegmentKind.HEADING for s in self.segments), dtype=np.bool_, count=self.size
        )
        about = np.where((np.round(scores, 3) >= ABOUT) & ~headings[:, None], np.round(scores, 3), 0.0)
        return np.where(own >= NAMED, about, 0.0), about


def _parts(segment: Segment) -> list[tuple[int, int]]:
    row = segment.kind is SegmentKind.TABLE_ROW and len(segment.text) <= LONG_ROW_CHARS
    if row or segment.kind is SegmentKind.HEADING:
        return [(0, len(segment.text))]
    return sentence_spans(segment.text)
