"""Reads one page from its picture: words by Tesseract, tables by the lines drawn on it."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from pipeline.extraction.child.assembly import assembled, cut_at_cells, line_of
from pipeline.extraction.child.grids import grids_of
from pipeline.extraction.ocr.pictures import Picture, rules_on
from pipeline.extraction.ocr.process import ConfinedProgram
from pipeline.extraction.ocr.program import LANGUAGE, Tesseract
from pipeline.extraction.ocr.skew import Skew
from pipeline.extraction.ocr.words import checked_words, in_points, lines_of
from pipeline.model import Page

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

RESOLUTION_DPI = 300
"""What Tesseract is made for; a scan of fewer dots is enlarged."""
POINTS_PER_INCH = 72
SEGMENTATION = 3
"""Tesseract finds the blocks of a page by itself, without turning it."""
WALL_PER_CPU = 20
"""How many times its processor time a page may take on a busy machine."""


@dataclass(frozen=True, slots=True)
class OcrLimits:
    """What reading pictures may cost.

    A page of a plan takes some seconds of processor time and 200 MB; see ``docs/decisions/096-ocr.md``.
    """

    page_seconds: int = 60
    """Processor time of one page; a page that needs more ends the document, for it would be another one elsewhere."""
    pages: int = 120
    """Of one document, from its beginning; further ones stay pictures, and are named."""
    memory_bytes: int = 1024 * 2**20


@dataclass(frozen=True, slots=True)
class ReadPage:
    """A page as read from its picture, and how sure the program is of its words, in percent."""

    page: Page
    confidence: float


class PageReader:
    """Reads pictures of pages, one at a time."""

    def __init__(self, tesseract: Tesseract, *, limits: OcrLimits | None = None) -> None:
        self.limits = limits or OcrLimits()
        self._tesseract = tesseract
        self._program = ConfinedProgram(
            memory_bytes=self.limits.memory_bytes,
            cpu_seconds=self.limits.page_seconds,
            readable=(tesseract.data_folder, tesseract.program.parent),
        )

    @property
    def decides(self) -> Mapping[str, str]:
        """What of this reader decides what is read, by name: for the freeze."""
        return {
            "ocr:tesseract": self._tesseract.version,
            "ocr:pages": str(self.limits.pages),
        }

    @property
    def files(self) -> Mapping[str, Path]:
        """Files that decide what is read, by name: their content is part of the freeze."""
        return {f"ocr:{LANGUAGE}.traineddata": self._tesseract.language_file}

    def width_px(self, page: Page, *, most: int) -> int:
        """How wide the picture of ``page`` should be, at most ``most``."""
        return max(1, min(round(page.width * RESOLUTION_DPI / POINTS_PER_INCH), most))

    def read(self, untrusted_pgm: bytes, *, page: Page, deadline: float) -> ReadPage:
        """Read ``page`` from its picture. The same picture gives the same page.

        Args:
            untrusted_pgm: the page in shades of grey, as the extraction child drew it.
            page: what is known of it.
            deadline: of ``time.monotonic()``.

        Raises:
            LimitExceeded: OCR_LIMIT, too much time.
            ExtractionFailure: OCR_FAILED, CHILD_PROTOCOL; another attempt may succeed.
        """
        picture = Picture.checked(untrusted_pgm, page_width=page.width)
        height, width = picture.pixels.shape
        dpi = round(POINTS_PER_INCH / picture.points_per_pixel)
        seconds = self.limits.page_seconds * WALL_PER_CPU
        untrusted_tsv = self._program.run(
            self._command(dpi=dpi),
            given=picture.pgm,
            environment={"OMP_THREAD_LIMIT": "1", "TESSDATA_PREFIX": str(self._tesseract.data_folder)},
            deadline=min(deadline, time.monotonic() + seconds),
        )
        pixels = checked_words(untrusted_tsv, width=width, height=height)
        words = in_points(pixels, points_per_pixel=picture.points_per_pixel)
        skew = Skew.of(words, width=page.width, height=page.height)
        grids, fragments = cut_at_cells(
            lines_of(words, skew=skew), grids=grids_of(*rules_on(picture, skew=skew))
        )
        lines, tables = assembled(fragments, grids=grids, width=page.width)
        content = {
            "lines": [skew.line_back(line_of(line)) for line in lines],
            "tables": [skew.table_back(table) for table in tables],
            "image_share": page.image_share,
        }
        size = {"number": page.number, "width": page.width, "height": page.height}
        read = msgspec.convert({**size, **content}, Page)
        sure = sum(word.confidence for word in words) / max(len(words), 1)
        return ReadPage(read, round(sure, 1))

    def cancel(self) -> None:
        """End the reading in progress, which raises ``ExtractionFailure``; any thread may call."""
        self._program.cancel()

    def _command(self, *, dpi: int) -> list[str]:
        arithmetic = f"dotproduct={self._tesseract.arithmetic}"
        return [
            str(self._tesseract.program), "stdin", "stdout", "-l", LANGUAGE, "--dpi", str(max(dpi, 70)),
            "--psm", str(SEGMENTATION), "-c", arithmetic, "tsv",
        ]  # fmt: skip
