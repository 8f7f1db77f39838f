"""Extraction: PDF bytes in, lines and tables with their places out, read in a confined child process."""

from __future__ import annotations

from pipeline.extraction.limits import ExtractionLimits
from pipeline.extraction.scans import page_has_text, scanned_pages
from pipeline.extraction.worker import ExtractionCancelled, ExtractionWorker, NoSuchPage

__all__ = [
    "ExtractionCancelled",
    "ExtractionLimits",
    "ExtractionWorker",
    "NoSuchPage",
    "page_has_text",
    "scanned_pages",
]
