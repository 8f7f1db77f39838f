"""The lexicons of the ten points: which words make a passage speak of a point, and which only seem to.

One TOML file a point with ``strong``, ``weak`` and ``exclude`` terms in folded form (lower case, no
accents). The files decide what counts as evidence, so they are part of the freeze hash.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from importlib import resources

from pipeline.model import POINT_IDS


@dataclass(frozen=True, slots=True)
class Lexicon:
    """The terms of one point.

    ``strong`` alone make a passage speak of the point; two different ``weak`` ones do, unless
    ``weak_pairs`` is false; within ``exclude`` neither counts. Where there are ``beside`` terms, a
    weak term speaks of the point next to one of them, and only then.
    """

    point: str
    strong: tuple[str, ...]
    weak: tuple[str, ...]
    exclude: tuple[str, ...]
    beside: tuple[str, ...]
    weak_pairs: bool


def load_lexicons() -> tuple[Lexicon, ...]:
    """Read the ten lexicons, in the order of the points.

    Raises:
        ValueError: a file names another point or holds a term twice.
    """
    return tuple(_load(point) for point in POINT_IDS)


def _load(point: str) -> Lexicon:
    text = resources.files(__package__).joinpath(f"{point.lower()}.toml").read_text("utf-8")
    table = tomllib.loads(text)
    if table["point"] != point:
        raise ValueError(f"{point.lower()}.toml speaks of {table['point']}")
    terms = (*table["strong"], *table["weak"])
    twice = sorted({term for term in terms if terms.count(term) > 1})
    if twice:
        raise ValueError(f"{point}: terms that stand twice: {twice}")
    return Lexicon(
        point,
        tuple(table["strong"]),
        tuple(table["weak"]),
        tuple(table["exclude"]),
        tuple(table.get("beside", ())),
        table.get("weak_pairs", True),
    )
