"""What the registry knows exactly, as metrics: its totals outlive every process.

``GET /metrics`` shows these values as they are; the Dispatcher exports them through Ray as well, where counters
begin anew with each process, as Prometheus expects of counters.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from cluster import metrics

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from cluster.metrics import Family
    from cluster.records import QueueFigures

_COUNTERS: dict[str, tuple[Family, dict[str, str]]] = {
    **{
        f"documents_{end}": (metrics.DOCUMENTS_PROCESSED, {"status": end})
        for end in ("succeeded", "failed", "cancelled")
    },
    **{f"jobs_{end}": (metrics.JOBS_ENDED, {"status": end}) for end in ("completed", "failed", "cancelled")},
    "documents_submitted": (metrics.DOCUMENTS_SUBMITTED, {}),
    "jobs_submitted": (metrics.JOBS_SUBMITTED, {}),
    "cache_hits": (metrics.CACHE_HITS, {}),
    "dead_letters": (metrics.DEAD_LETTERS, {}),
    "leases_expired": (metrics.LEASES_EXPIRED, {}),
    "duplicates_different": (metrics.RESULTS_DIFFERING, {}),
}
COUNTED = frozenset(_COUNTERS)
"""Names of totals that are metrics of their own."""


@dataclass(frozen=True, slots=True)
class Reading:
    """One value of one series."""

    family: Family
    value: float
    labels: Mapping[str, str] = field(default_factory=dict)


def counters(totals: Mapping[str, int]) -> Iterator[Reading]:
    """The registry's totals that are metrics; what is missing is 0."""
    for name, (family, labels) in _COUNTERS.items():
        yield Reading(family, float(totals.get(name, 0)), labels)


def gauges(figures: QueueFigures) -> Iterator[Reading]:
    """What waits and runs now."""
    queues = {
        "pdm_evaluation_queue": figures.depth,
        "delayed": figures.delayed,
        "dead_letters": figures.dead,
    }
    for queue, size in queues.items():
        yield Reading(metrics.QUEUE_DEPTH, float(size), {"queue_name": queue})
    yield Reading(metrics.QUEUE_AGE, figures.oldest_age_seconds)
    yield Reading(metrics.WORK_PRESENT, float(figures.work_present))
    yield Reading(metrics.JOBS_UNFINISHED, float(figures.unfinished_jobs))


class ExportedTotals:
    """Turns totals into what a counter of this process has to be raised by."""

    def __init__(self) -> None:
        self._before: Mapping[str, int] = {}

    def note(self, totals: Mapping[str, int]) -> None:
        """Count what was added since the last call; the first call only takes note."""
        if self._before:
            # A total that went back belongs to another Redis: ``add`` counts nothing that is not positive.
            grown = {name: value - self._before.get(name, 0) for name, value in totals.items()}
            for reading in counters(grown):
                # Evaluators count these themselves, at once and where it happened.
                if reading.family not in {metrics.CACHE_HITS, metrics.DOCUMENTS_PROCESSED}:
                    metrics.add(reading.family, amount=reading.value, **reading.labels)
        self._before = dict(totals)
