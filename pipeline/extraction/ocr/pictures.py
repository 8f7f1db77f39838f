"""A page as shades of grey, and the straight lines drawn on it: the borders of its tables."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pipeline.errors import CHILD_PROTOCOL, ExtractionFailure
from pipeline.extraction.child.grids import MAX_RULES
from pipeline.extraction.child.rules import MAX_THICKNESS, Rule, merged

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pipeline.extraction.ocr.skew import Skew

CONTRAST = 30
"""Of 255: how much darker a line is than the paper, or the shade, on both sides of it."""
BESIDE_POINTS = (1.2, MAX_THICKNESS)
"""How far from the middle of a line its sides are looked at: hairlines close to text, and thick lines."""
MIN_RULE_POINTS = 24.0
"""A shorter stroke may be part of a letter."""
MAX_GAPS = 0.04
"""Part of a line that dirt may have taken away."""
PIXELS_PER_RULE = 20
"""A line is some pixels thick; a picture with more runs is a drawing or dirt."""
_HEAD = re.compile(rb"P5\n(\d{1,5}) (\d{1,5})\n255\n")


@dataclass(frozen=True, slots=True)
class Picture:
    """A page drawn in shades of grey. ``pgm`` is the file, ``pixels`` the same as an array (height, width)."""

    pgm: bytes
    pixels: NDArray[np.uint8]
    points_per_pixel: float

    @classmethod
    def checked(cls, untrusted_pgm: bytes, *, page_width: float) -> Picture:
        """The picture of a page that is ``page_width`` points wide.

        Raises:
            ExtractionFailure: CHILD_PROTOCOL, not the picture that an honest child draws.
        """
        head = _HEAD.match(untrusted_pgm)
        if head is None:
            raise ExtractionFailure(CHILD_PROTOCOL, "no picture")
        width, height = int(head[1]), int(head[2])
        if not width or width * height != len(untrusted_pgm) - head.end():
            raise ExtractionFailure(CHILD_PROTOCOL, "size of a picture")
        pixels = np.frombuffer(untrusted_pgm, dtype=np.uint8, offset=head.end()).reshape(height, width)
        return cls(untrusted_pgm, pixels, page_width / width)


def rules_on(picture: Picture, *, skew: Skew) -> tuple[list[Rule], list[Rule]]:
    """Horizontal and vertical rules of the picture, in points of the straight page."""
    scale = picture.points_per_pixel
    across = _pieces(picture.pixels, scale=scale)
    down = _pieces(np.ascontiguousarray(picture.pixels.T), scale=scale)
    return (
        merged(skew.straight_rules(across, horizontal=True)),
        merged(skew.straight_rules(down, horizontal=False)),
    )


def _pieces(pixels: NDArray[np.uint8], *, scale: float) -> list[Rule]:
    """Long runs along the rows of what is darker than its surroundings above and below."""
    length = int(MIN_RULE_POINTS / scale)
    if pixels.shape[1] <= length:
        return []
    sums = np.zeros((pixels.shape[0], pixels.shape[1] + 1), dtype=np.int32)
    np.cumsum(_ridges(pixels, scale=scale), axis=1, out=sums[:, 1:])
    full = sums[:, length:] - sums[:, :-length] >= length * (1 - MAX_GAPS)
    rules: list[Rule] = []
    for row in np.flatnonzero(full.any(axis=1)).tolist():
        edges = np.flatnonzero(np.diff(np.concatenate(([False], full[row], [False])).astype(np.int8)))
        for start, last in edges.reshape(-1, 2).tolist():
            rules.append(Rule((row + 0.5) * scale, start * scale, (last + length - 1) * scale))
        if len(rules) > PIXELS_PER_RULE * MAX_RULES:
            return []
    return rules


def _ridges(pixels: NDArray[np.uint8], *, scale: float) -> NDArray[np.bool_]:
    """Where a pixel is darker than those above and below it; beyond the picture there is paper."""
    darker = np.zeros(pixels.shape, dtype=np.bool_)
    for points in BESIDE_POINTS:
        steps = max(int(points / scale), 1)
        padded = np.pad(pixels, ((steps, steps), (0, 0)), constant_values=255).astype(np.int16)
        beside = np.minimum(padded[: -2 * steps], padded[2 * steps :])
        darker |= pixels + np.int16(CONTRAST) < beside
    return darker
