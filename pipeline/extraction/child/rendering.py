"""Draws a page with passages marked, as PNG."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .documents import open_pdf
from .engine import pymupdf
from .faults import Fault

if TYPE_CHECKING:
    from collections.abc import Iterator

_YELLOW = (1.0, 0.87, 0.1)
_OPACITY = 0.4
_MAX_PIXELS = 40_000_000


def render(pdf: bytearray, *, request: dict[str, Any]) -> Iterator[dict[str, Any] | bytes]:
    """Yield the answer ``image`` and the PNG of ``request["page"]`` (from 1), ``width_px`` wide.

    ``request["highlights"]`` are boxes in points of the page as displayed. With ``request["grey"]`` the picture is
    a PGM in shades of grey: what reads text from it needs neither colours nor the time that packing takes.
    """
    document = open_pdf(pdf, max_pages=request["max_pages"])
    if not 1 <= request["page"] <= document.page_count:
        raise Fault("no_such_page", str(request["page"]))
    page = document.load_page(request["page"] - 1)
    _mark(page, boxes=request["highlights"])
    scale = request["width_px"] / max(page.rect.width, 1.0)
    if page.rect.height * scale * request["width_px"] > _MAX_PIXELS:
        scale = (_MAX_PIXELS / (page.rect.width * page.rect.height)) ** 0.5
    grey = request.get("grey", False)
    colours = pymupdf.csGRAY if grey else pymupdf.csRGB
    pixels = page.get_pixmap(matrix=pymupdf.Matrix(scale, scale), colorspace=colours, alpha=False)
    document.close()
    yield {"kind": "image"}
    yield pixels.tobytes("pgm" if grey else "png")


def _mark(page: Any, *, boxes: list[tuple[float, float, float, float]]) -> None:
    if not boxes:
        return
    shape = page.new_shape()
    for box in boxes:
        shape.draw_rect(pymupdf.Rect(box) * page.derotation_matrix)
    shape.finish(color=None, fill=_YELLOW, fill_opacity=_OPACITY)
    shape.commit(overlay=True)
