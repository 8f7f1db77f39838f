"""Node 4: how far each segment is about each of the ten points.

Three things speak for a point: the segment's own words (lexicon), the headings and table titles it
stands under, and, where these leave in doubt whether the segment is about the point at all, its sentence
embedding compared with that of model passages. A segment counts as being about a point from ``ABOUT`` on.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from importlib import resources
from typing import TYPE_CHECKING

import numpy as np

from pipeline.encoders import DEFAULT_ENCODER, SCALES, EncoderChoice, Scale, leads_of
from pipeline.lexicons.point_words import NAMED, STRONG_WEIGHT, PointWords, WordWeights
from pipeline.lexicons.term_matching import JoinedTexts
from pipeline.model import POINT_IDS, Relevance, SegmentIndex, SegmentKind
from pipeline.text import fold

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pipeline.encoders import Encoder
    from pipeline.model import PlanProfile, Segmentation

VERSION: str = "1.3.0"

ABOUT = 0.5
"""From this relevance on a segment is about a point."""
WHOLE_PLAN = 400
"""A text of fewer passages is an excerpt: it cannot be said of it that it leaves something out."""
PASSING_CHARS = 600
PASSING_WEIGHT = 0.55
"""A single term in a long paragraph may be a passing mention."""
MIN_EMBEDDED_CHARS = 25
MAX_EMBEDDED = 400
"""At most so many segments of a text are embedded, 0.8 s of a core. Plans have up to 144 that are in doubt, so that
which they are does not depend on the others."""
EMBEDDED_CHARS = 160
"""Sentence embeddings blur over long texts; the beginning says what a passage is about.

Texts are embedded folded, so that capitals and lost accents change nothing.
"""
SHIFT_LIMITS = (-0.04, 0.05)
"""How far the lead of a point's model passages over all others moves a doubtful relevance; ``Scale`` says per lead."""
DOUBT = (ABOUT, ABOUT - SHIFT_LIMITS[0])
"""Relevances in this range are in doubt: the embedding can lower them below ``ABOUT``."""
DOUBT_WHERE_RULES_DECIDE = (ABOUT, 0.8)
"""In a text too short for a whole plan, where each passage is weighed by rules alone, so much more is in doubt."""


@dataclass(frozen=True, slots=True)
class EmbeddingModels:
    """The sentence encoder and the compiled lexicons; loaded once per process."""

    encoder: Encoder
    words: PointWords
    prototypes: NDArray[np.float64]
    """(number of prototypes, length of the encoder's vectors), of unit length."""
    owners: NDArray[np.int64]
    """Point of each prototype, -1 for those that speak of none."""
    scale: Scale

    @classmethod
    def load(cls, threads: int = 1, *, choice: EncoderChoice | None = None) -> EmbeddingModels:
        """Load encoder and lexicons.

        ``threads`` is the encoder's number of BLAS threads; more than the cores at hand slow it down.
        """
        chosen = choice or EncoderChoice.of(DEFAULT_ENCODER)
        encoder = chosen.load(threads=threads)
        sentences, owners = _prototypes()
        vectors = _unit(encoder.encode([fold(text) for text in sentences]))
        scale = SCALES.get(chosen.name) or Scale.calibrated(vectors @ vectors.T, owners=owners)
        return cls(encoder, PointWords.load(), vectors, owners, scale)


def embedding(segmentation: Segmentation, *, profile: PlanProfile, models: EmbeddingModels) -> Relevance:
    """Judge the relevance of every segment to every point.

    Relevances are rounded to three decimals before anything is decided on them, so that
    differences between BLAS kernels (about 1e-7) change nothing.
    """
    del profile
    segments = segmentation.segments
    lexical = lexical_relevance(segmentation, words=models.words)
    scores, embedded = _settled(lexical.scores, segmentation=segmentation, models=models)
    headings = [segment.kind is SegmentKind.HEADING for segment in segments]
    about = (scores >= ABOUT) & ~np.array(headings, dtype=np.bool_)[:, None]
    points = range(len(POINT_IDS))
    return Relevance(
        scores=scores,
        inherited=lexical.inherited,
        shift=scores - lexical.scores,
        direct=np.round(lexical.own.weights, 3) >= NAMED,
        about=tuple(tuple(SegmentIndex(int(i)) for i in np.flatnonzero(about[:, point])) for point in points),
        terms=tuple(
            {SegmentIndex(text): names for text, names in lexical.own.names(point).items()}
            for point in points
        ),
        embedded_segments=embedded,
    )


def _without_passing_mentions(
    weights: NDArray[np.float64], *, segmentation: Segmentation
) -> NDArray[np.float64]:
    long = (
        np.fromiter(map(len, segmentation.folded), dtype=np.int64, count=len(segmentation.folded))
        > PASSING_CHARS
    )
    single = weights <= STRONG_WEIGHT
    return np.where(long[:, None] & single, np.minimum(weights, PASSING_WEIGHT), weights)


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


@dataclass(frozen=True, slots=True)
class LexicalRelevance:
    """Relevance by own words and titles alone, before the embedding settles what is doubtful.

    Arrays are (segments, 10).
    """

    scores: NDArray[np.float64]
    inherited: NDArray[np.float64]
    own: WordWeights


def lexical_relevance(segmentation: Segmentation, *, words: PointWords) -> LexicalRelevance:
    """Weigh segments by the lexicons: their own words, and those of the titles above them."""
    weighed = words.weigh(JoinedTexts(segmentation.folded))
    own = _without_passing_mentions(weighed.weights, segmentation=segmentation)
    inherited = words.inherited(segmentation.segments)
    scores = np.round(1 - (1 - own) * (1 - inherited), 3)
    return LexicalRelevance(scores, inherited, WordWeights(own, weighed.strong, weighed.terms))


def _settled(
    scores: NDArray[np.float64], *, segmentation: Segmentation, models: EmbeddingModels
) -> tuple[NDArray[np.float64], int]:
    """Let the embedding settle the doubtful relevances, those of the rarest points first."""
    least, most = DOUBT if len(segmentation.segments) >= WHOLE_PLAN else DOUBT_WHERE_RULES_DECIDE
    doubtful = (scores >= least) & (scores <= most)
    rarity = np.argsort(np.argsort((scores >= ABOUT).sum(axis=0), kind="stable"), kind="stable")
    candidates = [
        (int(rarity[doubtful[segment.index]].min()), segment.index)
        for segment in segmentation.segments
        if segment.kind is not SegmentKind.HEADING
        and len(segment.text) >= MIN_EMBEDDED_CHARS
        and doubtful[segment.index].any()
    ]
    chosen = sorted(index for _, index in sorted(candidates)[:MAX_EMBEDDED])
    if not chosen:
        return scores, 0
    texts = [segmentation.folded[index][:EMBEDDED_CHARS] for index in chosen]
    similarity = np.round(_unit(models.encoder.encode(texts)) @ models.prototypes.T, 3)
    lead = leads_of(similarity, owners=models.owners)
    shift = np.clip(models.scale.shift_per_lead * (lead - models.scale.neutral_lead), *SHIFT_LIMITS)
    settled = scores.copy()
    rows = np.array(chosen)
    settled[rows] = np.where(
        doubtful[rows], np.clip(np.round(scores[rows] + shift, 3), 0.0, 1.0), scores[rows]
    )
    return settled, len(chosen)
