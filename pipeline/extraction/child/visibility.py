"""Which text a reader of the page cannot see.

A document may carry words that nobody sees: printed white on white, in a size below one point, fully
transparent or in the invisible rendering mode. They would be evidence that no analyst can find, so they
are left out. Text over an image is kept: that is how recognised text of a scan is stored.
"""

from __future__ import annotations

from typing import Any

MIN_SIZE_POINTS = 1.0
_NEARLY_WHITE = 0xF0F0F0
_FILLED_OR_STROKED = 16 | 32


class Backdrop:
    """What is painted on a page under or around its text."""

    def __init__(self, page: Any, *, vectors: list[dict[str, Any]], images: list[Any]) -> None:
        self._page = page
        self._images = images
        self._vectors = vectors
        self._dark: list[Any] | None = None
        self._shades: list[Any] | None = None

    def has_image(self, box: tuple[float, float, float, float]) -> bool:
        """Whether an image lies under the centre of ``box``."""
        return _covers(self._images, box=box)

    def contrasts_with_white(self, box: tuple[float, float, float, float]) -> bool:
        """Whether anything but white paper lies under the centre of ``box``."""
        if self._dark is None:
            self._dark = [
                vector["bbox"]
                for vector in self._vectors
                if not vector["stroked"] and vector["alpha"] and not _nearly_white(vector["color"])
            ]
        return self.has_image(box) or _covers(self._dark, box=box) or _covers(self._shadings(), box=box)

    def _shadings(self) -> list[Any]:
        """Boxes of colour gradients; they need a run of their own, so only when nothing else explains."""
        if self._shades is None:
            self._shades = [entry[1] for entry in self._page.get_bboxlog() if "shade" in entry[0]]
        return self._shades


def hidden_spans(spans: list[dict[str, Any]], *, backdrop: Backdrop) -> int:
    """How many of the spans of a line hold words that nobody can see."""
    hidden = 0
    for span in spans:
        if is_hidden(span, backdrop=backdrop):
            hidden += 1
    return hidden


def is_hidden(span: dict[str, Any], *, backdrop: Backdrop) -> bool:
    """Whether ``span`` holds words that nobody can see on the page."""
    if (
        span["color"] & _NEARLY_WHITE != _NEARLY_WHITE
        and span["char_flags"] & _FILLED_OR_STROKED
        and span["size"] >= MIN_SIZE_POINTS
        and span["alpha"]
    ):
        return False
    return not span["text"].isspace() and _cannot_be_seen(span, backdrop=backdrop)


def _cannot_be_seen(span: dict[str, Any], *, backdrop: Backdrop) -> bool:
    if span["size"] < MIN_SIZE_POINTS:
        return True
    if not span["char_flags"] & _FILLED_OR_STROKED or not span["alpha"]:
        return not backdrop.has_image(span["bbox"])
    return not backdrop.contrasts_with_white(span["bbox"])


def _nearly_white(color: int) -> bool:
    return color & _NEARLY_WHITE == _NEARLY_WHITE


def _covers(boxes: list[Any], *, box: tuple[float, float, float, float]) -> bool:
    x, y = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
    return any(one[0] <= x <= one[2] and one[1] <= y <= one[3] for one in boxes)
