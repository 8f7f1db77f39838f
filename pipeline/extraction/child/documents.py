"""Opens a PDF from memory, or says why it cannot be read."""

from __future__ import annotations

from typing import Any

from .engine import pymupdf
from .faults import Fault, fault_of


def open_pdf(pdf: bytearray, *, max_pages: int) -> Any:
    """Open ``pdf``; a document with an empty user password opens like any other.

    Raises:
        Fault: ``malformed``, ``not_a_pdf``, ``encrypted``, ``no_pages``, ``too_many_pages`` or ``memory``.
    """
    try:
        document = pymupdf.open(stream=pdf, filetype="pdf")
    except Exception as error:
        raise fault_of(error) from error
    if not document.is_pdf:
        raise Fault("not_a_pdf")
    if document.needs_pass:
        raise Fault("encrypted")
    pages = _page_count(document)
    if pages < 1:
        raise Fault("malformed" if document.is_repaired else "no_pages")
    if pages > max_pages:
        raise Fault("too_many_pages", str(pages))
    return document


def _page_count(document: Any) -> int:
    """How many pages there are, or are declared where MuPDF finds the number absurd."""
    try:
        return int(document.page_count)
    except RuntimeError:
        kind, declared = document.xref_get_key(document.pdf_catalog(), "Pages/Count")
        if kind == "int" and int(declared) > 0:
            return int(declared)
        raise


def title_of(document: Any) -> str:
    """The title in the document's information dictionary, or nothing."""
    try:
        return str(document.metadata.get("title") or "")[:500]
    except Exception:  # noqa: BLE001  a broken dictionary costs the title, not the document
        return ""
