"""Extraction: PDF bytes in, lines and tables with their places out, read in a confined child process."""

from __future__ import annotations

from pipeline.extraction.limits import ExtractionLimits
from pipeline.extraction.scans import page_has_text, scanned_pages
from pipeline.extraction.worker import ExtractionCancelled, ExtractionWorker, NoSuchPage

VERSION = "1.0.0"
"""Rises when equal bytes give another document; an evaluation rests on it and on PyMuPDF's version."""

__all__ = [
    "VERSION",
    "ExtractionCancelled",
    "ExtractionLimits",
    "ExtractionWorker",
    "NoSuchPage",
    "page_has_text",
    "scanned_pages",
]
