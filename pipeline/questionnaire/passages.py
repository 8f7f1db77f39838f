"""Choosing what to quote of a segment: whole sentences of prose, whole rows of tables."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import re2

from pipeline.model import SegmentIndex, SegmentKind, Span

if TYPE_CHECKING:
    from pipeline.questionnaire.features import Features

SENTENCE_END = re2.compile(r"[.;:!?][\"')\]]*\s+")
MIN_SENTENCE_CHARS = 60
"""Shorter sentences are quoted with their neighbour: alone they say too little."""


def quote_span(features: Features, *, segment: int, cues: tuple[str, ...]) -> Span:
    """The sentence of a segment that holds most of the cues, or the whole row of a table."""
    text = features.segments[segment].text
    index = SegmentIndex(segment)
    if features.segments[segment].kind is SegmentKind.TABLE_ROW:
        return Span(index, 0, len(text))
    sentences = sentence_spans(text)
    if len(sentences) == 1:
        return Span(index, *sentences[0])
    offset = int(features.joined.starts[segment])
    votes = [0] * len(sentences)
    for cue in cues:
        places = features.places_of(cue, segment=segment)
        seen = {_sentence_at(int(place) - offset, sentences) for place in places}
        for number in seen:
            votes[number] += 1
    best = int(np.argmax(votes))
    return Span(index, *sentences[best])


def _sentence_at(position: int, sentences: list[tuple[int, int]]) -> int:
    for number, (_, end) in enumerate(sentences):
        if position < end:
            return number
    return len(sentences) - 1


def sentence_spans(text: str) -> list[tuple[int, int]]:
    """Spans of the sentences of ``text``, without outer blanks; at least one."""
    spans: list[tuple[int, int]] = []
    start = 0
    for match in SENTENCE_END.finditer(text):
        if match.end() - start >= MIN_SENTENCE_CHARS:
            spans.append((start, len(text[: match.end()].rstrip())))
            start = match.end()
    if start < len(text):
        if spans and len(text) - start < MIN_SENTENCE_CHARS:
            spans[-1] = (spans[-1][0], len(text.rstrip()))
        else:
            spans.append((start, len(text.rstrip())))
    return spans or [(0, len(text))]
