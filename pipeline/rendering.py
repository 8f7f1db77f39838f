"""Pages of a plan as images, drawn in a confined child process like everything that touches a PDF."""

from __future__ import annotations

import threading
from functools import cache
from typing import TYPE_CHECKING

from pipeline.extraction import ExtractionLimits, ExtractionWorker

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pipeline.model import Box

PAGE_SECONDS = 20
"""For drawing one page; others wait behind it. The densest maps of real plans take less than two."""


class PageMissing(LookupError):
    """The document has no such page."""


class PageRenderer:
    """Draws pages, one at a time. Safe for threads."""

    def __init__(self) -> None:
        self._worker = ExtractionWorker(
            limits=ExtractionLimits(cpu_seconds=PAGE_SECONDS, wall_seconds=PAGE_SECONDS)
        )
        self._one_at_a_time = threading.Lock()

    @classmethod
    @cache
    def shared(cls) -> PageRenderer:
        """The renderer of this process; its child starts with the first page."""
        return cls()

    def render(self, pdf: bytes, *, page: int, highlights: Sequence[Box] = (), width_px: int) -> bytes:
        """A page as PNG, ``highlights`` marked.

        Raises:
            PageMissing: the document has no such page.
            PipelineError: the document cannot be read.
        """
        with self._one_at_a_time:
            try:
                return self._worker.render_page(pdf, page=page, highlights=highlights, width_px=width_px)
            except ValueError as error:
                raise PageMissing(page) from error

    def close(self) -> None:
        """End the child."""
        self._worker.close()


def sandbox_report() -> dict[str, str]:
    """What confines the process that reads PDFs on this machine, measure by measure."""
    with ExtractionWorker() as worker:
        return worker.sandbox_report()
