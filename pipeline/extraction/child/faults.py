"""What goes wrong in the child, as small codes; the parent maps them to sentences."""

from __future__ import annotations

MEMORY_MARKS = ("malloc", "calloc", "realloc", "out of memory", "bad_alloc", "memory")


class Fault(Exception):
    """Ends a request with a code of ``pipeline.errors``."""

    def __init__(self, code: str, detail: str = "") -> None:
        super().__init__(code)
        self.code = code
        self.detail = detail


def fault_of(error: Exception) -> Fault:
    """Classify what MuPDF or Python raised: no memory, or a document that cannot be read."""
    if isinstance(error, Fault):
        return error
    message = f"{type(error).__name__}: {error}"[:300]
    if isinstance(error, MemoryError) or any(mark in message.lower() for mark in MEMORY_MARKS):
        return Fault("memory", message)
    return Fault("malformed", message)
