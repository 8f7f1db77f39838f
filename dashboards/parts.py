"""What dashboards are made of: panels with queries, units and thresholds, and expressions used more than once.

All expressions are about the job ``decalogo`` (the service's own ``/metrics``): names without Ray's prefix,
exact totals. How it becomes Grafana's JSON stands in ``build``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["stat", "lines", "stack", "heatmap"]
Thresholds = tuple[tuple[float | None, str], ...]

GOOD_ABOVE_SLA: Thresholds = ((None, "red"), (170, "yellow"), (200, "green"))
GOOD_BELOW_SLA: Thresholds = ((None, "green"), (15, "yellow"), (21.2, "red"))
GOOD_NEAR_ZERO: Thresholds = ((None, "green"), (0.01, "yellow"), (0.05, "red"))
GOOD_WHEN_ONE: Thresholds = ((None, "red"), (1, "green"))
BAD_WHEN_ANY: Thresholds = ((None, "green"), (1, "red"))
QUEUE: Thresholds = ((None, "green"), (100, "red"))
PLAIN: Thresholds = ((None, "blue"),)


@dataclass(frozen=True, slots=True)
class Query:
    """A PromQL expression and how its series are called."""

    expr: str
    legend: str = ""


@dataclass(frozen=True, slots=True)
class Panel:
    """One question and its answer. ``width`` of the 24 columns of a row."""

    title: str
    description: str
    queries: tuple[Query, ...]
    unit: str = "short"
    kind: Kind = "lines"
    width: int = 12
    thresholds: Thresholds = PLAIN
    most: float | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """Panels under a heading."""

    title: str
    panels: tuple[Panel, ...]


@dataclass(frozen=True, slots=True)
class Board:
    """One dashboard. ``uid`` is also the name of its file."""

    uid: str
    title: str
    description: str
    rows: tuple[Row, ...]
    has_prices: bool = False


def quantile(share: float, family: str) -> str:
    """Of a histogram, over the last five minutes."""
    return f"histogram_quantile({share}, sum by (le) (rate({family}_bucket[5m])))"


def grown(family: str) -> str:
    """What a counter counted in the last hour, also one whose series began within it: such begin with 1, not 0."""
    return f"({family} unless {family} offset 1h) or increase({family}[1h])"


LATENCY = "batch_document_processing_latency_seconds"
WAIT = "document_queue_wait_seconds"
ENDED = 'documents_processed_total{status=~"succeeded|failed"}'
ERROR_RATE = f'sum(rate(documents_processed_total{{status="failed"}}[5m])) / sum(rate({ENDED}[5m]))'
CPU_PER_PAGE = "increase(evaluator_cpu_seconds_total[1h]) / increase(pages_processed_total[1h])"
CPU_PER_DOCUMENT = (
    "sum(increase(evaluator_cpu_seconds_total[1h])) / "
    'sum(increase(documents_processed_total{status="succeeded"}[1h]))'
)
