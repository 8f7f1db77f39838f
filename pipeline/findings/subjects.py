"""Whether two passages speak of the same thing: overlap of their Spanish word stems."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

import Stemmer

from pipeline.text import fold

_WORD: Final = re.compile(r"[a-z]{3,}")
"""One class and one counter: no text makes it slow, and on short texts it beats an engine that must be handed bytes."""
_STOP: Final = frozenset(
    (  # noqa: SIM905  words read better as words
        "los las del que con por para una uno unos unas sus sin sobre entre como mas son este esta "
        "estos estas ese esa desde hasta donde cuando cada todo toda todos todas otro otra otros otras "
        "ser han muy asi nos les sea dentro ante bajo segun tanto municipio municipal municipales ano "
        "anos"
    ).split()
)
_STEMMER: Final = Stemmer.Stemmer("spanish", 0)
"""Without its own cache: that would be shared state between threads."""


@lru_cache(maxsize=50_000)
def _stem(word: str) -> str:
    return str(_STEMMER.stemWord(word))


@lru_cache(maxsize=8_192)
def stems(text: str) -> frozenset[str]:
    """The stems of the content words of ``text`` (folded or not)."""
    return frozenset(_stem(word) for word in _WORD.findall(fold(text)) if word not in _STOP)


def likeness(left: frozenset[str], right: frozenset[str]) -> float:
    """Jaccard index of two stem sets, 0..1, rounded to 3 decimals (Jaccard 1912)."""
    union = len(left | right)
    return round(len(left & right) / union, 3) if union else 0.0


def containment(left: frozenset[str], right: frozenset[str]) -> float:
    """Share of the smaller set that the larger one holds, 0..1, rounded to 3 decimals."""
    smaller = min(len(left), len(right))
    return round(len(left & right) / smaller, 3) if smaller else 0.0
