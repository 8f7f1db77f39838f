"""Valid plans whose metadata names a fault, see ``pipeline.extraction.child.fault_documents``."""

from __future__ import annotations

import pymupdf


def fault_plan(pdf: bytes, *, fault: str) -> bytes:
    """The same plan, asking for ``fault``."""
    with pymupdf.open(stream=pdf, filetype="pdf") as document:
        document.set_metadata({"keywords": f"decalogo-fault: {fault}"})
        content: bytes = document.tobytes(no_new_id=True)
    return content
