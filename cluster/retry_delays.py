"""How long a document waits after an attempt that failed."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cluster.settings import Settings

JITTER_LOWEST = 0.5


def retry_delay_seconds(attempt: int, *, settings: Settings, chance: float) -> float:
    """Delay before the attempt after ``attempt``: base · 2^(attempt−1), at most the cap, times 0.5 to 1.

    ``chance`` is a number from 0 to 1. The jitter keeps documents that failed together from returning
    together.
    """
    full: float = min(settings.retry_cap_seconds, settings.retry_base_seconds * 2.0 ** (attempt - 1))
    return full * (JITTER_LOWEST + (1 - JITTER_LOWEST) * chance)
