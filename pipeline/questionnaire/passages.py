"""Cutting prose into whole sentences, the smallest passages that are quoted."""

from __future__ import annotations

import re

SENTENCE_END = re.compile(r"([.!?][\"'”’)\]]*)[ \t\n\f\r]+")
ENUMERATION_END = re.compile(r"([.;!?][\"'”’)\]]*)[ \t\n\f\r]+")
"""Classes that share no character, one after the other: no text makes them slow, and on short texts they beat an
engine that must be handed bytes."""
MIN_SEMICOLONS = 3
"""A paragraph with so many semicolons enumerates; its parts are judged one by one."""
MIN_SENTENCE_CHARS = 60
"""Shorter sentences are quoted with their neighbour: alone they say too little."""


def sentence_spans(text: str) -> list[tuple[int, int]]:
    """Spans of the sentences of ``text``, without outer blanks; at least one."""
    if len(text) < MIN_SENTENCE_CHARS:
        return [(0, len(text.rstrip()))]
    spans: list[tuple[int, int]] = []
    start = 0
    ends = ENUMERATION_END if text.count(";") >= MIN_SEMICOLONS else SENTENCE_END
    for match in ends.finditer(text):
        if match.end() - start >= MIN_SENTENCE_CHARS:
            spans.append((start, match.end(1)))
            start = match.end()
    if start < len(text):
        end = len(text.rstrip())
        if spans and len(text) - start < MIN_SENTENCE_CHARS:
            spans[-1] = (spans[-1][0], end)
        else:
            spans.append((start, end))
    return spans or [(0, len(text))]
