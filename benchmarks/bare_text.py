"""The limit to be near: PyMuPDF's plain text of every page of a PDF, and nothing else."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pymupdf

if TYPE_CHECKING:
    from pathlib import Path


def bare_text_seconds(path: Path) -> float:
    """CPU seconds of ``page.get_text()`` over all pages."""
    begin = time.process_time()
    with pymupdf.open(path) as document:
        for page in document:
            page.get_text()
    return time.process_time() - begin
