"""Every instrument of the service, in one place. Ray exports them from each node with its prefix ``ray_``.

Labels have few values and never come from users. Dashboards and alert rules are checked against ``FAMILIES``.
Must be used inside a Ray worker; elsewhere the instruments record into nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Literal

from ray.util.metrics import Counter, Gauge, Histogram

LATENCY_BUCKETS_SECONDS = [1, 5, 10, 15, 20, 25, 30, 40, 50, 60, 90, 120]

Kind = Literal["counter", "gauge", "histogram"]


@dataclass(frozen=True, slots=True)
class Family:
    """A metric: name without Ray's prefix, kind, unit, what it says, label names, buckets of a histogram."""

    name: str
    kind: Kind
    unit: str
    description: str
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()


DOCUMENTS_PROCESSED = Family(
    "documents_processed_total",
    "counter",
    "documents",
    "Documents that ended: succeeded, failed, cancelled",
    ("status",),
)
THROUGHPUT = Family(
    "batch_throughput_per_hour",
    "gauge",
    "documents per hour",
    "Documents ended per hour of work, last 5 minutes",
)
WORKER_UTILIZATION = Family(
    "worker_utilization",
    "gauge",
    "ratio 0 to 1",
    "Share of the last minute an evaluator was at work on a document",
    ("worker_id",),
)
QUEUE_DEPTH = Family(
    "queue_depth", "gauge", "documents", "Documents that wait: queued, delayed, dead letters", ("queue_name",)
)
LATENCY = Family(
    "batch_document_processing_latency_seconds",
    "histogram",
    "seconds",
    "From claim to final result, of one document",
    buckets=tuple(LATENCY_BUCKETS_SECONDS),
)
QUEUE_AGE = Family(
    "queue_oldest_age_seconds", "gauge", "seconds", "How long the first document of the queue has waited"
)
IN_FLIGHT = Family(
    "documents_in_flight", "gauge", "documents", "Documents given to evaluators and not yet ended"
)
WORK_PRESENT = Family(
    "work_present", "gauge", "0 or 1", "1 while any document waits or runs: alerts ask for it"
)
RETRIES = Family(
    "document_retries_total", "counter", "attempts", "Attempts that failed and are repeated", ("code",)
)
NODE_SECONDS = Family(
    # A sum, no histogram: 15 steps by 14 buckets by 8 evaluators would double the page that is scraped.
    "pipeline_node_seconds_total",
    "counter",
    "seconds",
    "Time spent in each step of the pipeline",
    ("node",),
)
CACHE_HITS = Family(
    "result_cache_hits_total", "counter", "documents", "Documents answered by an equal one before"
)
ENGINE_LOADS = Family("engine_loads_total", "counter", "loads", "How often an evaluator loaded its models")
CHILD_STARTS = Family(
    "extraction_child_restarts_total", "counter", "restarts", "Extraction children replaced"
)
EVALUATOR_DEATHS = Family(
    "evaluator_deaths_total", "counter", "deaths", "Deliveries that ended with the death of their evaluator"
)

EVALUATORS_OUTGROWN = Family(
    "evaluators_outgrown_total",
    "counter",
    "evaluators",
    "Evaluators that left because their memory had grown",
)
REGISTRY_LOSSES = Family(
    "registry_data_losses_total",
    "counter",
    "losses",
    "How often Redis came back with less than it had: accepted jobs may be gone",
)

FAMILIES: tuple[Family, ...] = tuple(value for value in list(globals().values()) if isinstance(value, Family))


@cache
def _counter(family: Family) -> Counter:
    return Counter(family.name, description=family.description, tag_keys=family.labels)


@cache
def _gauge(family: Family) -> Gauge:
    return Gauge(family.name, description=family.description, tag_keys=family.labels)


@cache
def _histogram(family: Family) -> Histogram:
    return Histogram(
        family.name,
        description=family.description,
        boundaries=list(family.buckets),
        tag_keys=family.labels,
    )


def add(family: Family, *, amount: float = 1.0, **labels: str) -> None:
    """Count ``amount`` more."""
    if amount > 0:
        _counter(family).inc(amount, tags=labels)


def put(family: Family, value: float, **labels: str) -> None:
    """Set a gauge."""
    _gauge(family).set(value, tags=labels)


def observe(family: Family, value: float, **labels: str) -> None:
    """Record one value in a histogram."""
    _histogram(family).observe(value, tags=labels)
