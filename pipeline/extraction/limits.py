"""What one document may cost, and how long a child lives."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ExtractionLimits:
    """Limits of the extraction child.

    The longest plan known (655 pages) needs 1.5 s of CPU, 150 MB of address space and 2 million
    characters; the defaults leave a wide margin and still stop a bomb.
    """

    max_file_bytes: int = 50 * 2**20
    max_pages: int = 2_000
    max_text_chars: int = 8_000_000
    """Four times the longest plan: the nodes keep some 300 bytes for each character, in the evaluator itself."""
    memory_bytes: int = 1_500 * 2**20
    """Address space of the child (RLIMIT_AS)."""
    cpu_seconds: int = 600
    """CPU time of one document; the child's life is bounded by this times ``documents_per_child``."""
    wall_seconds: float = 120.0
    start_seconds: float = 30.0
    """How long a new child may take until it is ready."""
    documents_per_child: int = 100
    max_frame_bytes: int = 64 * 2**20
    """A longer answer frame is refused before it is read."""
    max_answer_bytes: int = 512 * 2**20
    """All answer frames of one document together."""
    max_width_px: int = 4_000
    """Width of a rendered page."""
