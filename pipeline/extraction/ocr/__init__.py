"""Reads pages that are pictures with Tesseract, a program of its own, confined like the reader of PDFs."""

from __future__ import annotations

from pipeline.extraction.ocr.page_reader import OcrLimits, PageReader
from pipeline.extraction.ocr.program import Tesseract

__all__ = ["OcrLimits", "PageReader", "Tesseract"]
