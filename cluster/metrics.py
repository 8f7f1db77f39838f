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
WAIT_BUCKETS_SECONDS = [0.1, 1, 5, 15, 30, 60, 120, 300, 600, 1800, 3600, 7200]

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
    "percent",
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
QUEUE_WAIT = Family(
    "document_queue_wait_seconds",
    "histogram",
    "seconds",
    "From the queue to the claim, of one document",
    buckets=tuple(WAIT_BUCKETS_SECONDS),
)
DOCUMENTS_SUBMITTED = Family(
    "documents_submitted_total", "counter", "documents", "Documents of jobs that were accepted"
)
JOBS_SUBMITTED = Family("jobs_submitted_total", "counter", "jobs", "Jobs that were accepted")
JOBS_ENDED = Family(
    "jobs_ended_total", "counter", "jobs", "Jobs that ended: completed, failed, cancelled", ("status",)
)
JOBS_UNFINISHED = Family("jobs_unfinished", "gauge", "jobs", "Jobs that were accepted and have not ended")
DEAD_LETTERS = Family(
    "dead_letters_total", "counter", "documents", "Documents that failed for good after all their attempts"
)
LEASES_EXPIRED = Family(
    "leases_expired_total", "counter", "leases", "Claims whose evaluator fell silent: the work was given away"
)
RESULTS_DIFFERING = Family(
    "results_differing_total",
    "counter",
    "documents",
    "Results that differ from an earlier one of the same bytes: must stay 0",
)
PAGES_PROCESSED = Family(
    "pages_processed_total", "counter", "pages", "Pages of documents that were evaluated"
)
CPU_SECONDS = Family(
    "evaluator_cpu_seconds_total",
    "counter",
    "seconds",
    "Processor time of evaluators and the children that read PDFs for them",
)
EVALUATOR_MEMORY = Family(
    "evaluator_memory_bytes",
    "gauge",
    "bytes",
    "Resident memory of an evaluator and its child",
    ("worker_id",),
)
EVALUATORS_ALIVE = Family("evaluators_alive", "gauge", "evaluators", "Evaluators that run")
RUNNING_PLACES = Family(
    "running_places", "gauge", "documents", "Documents that may be worked on at once, on all nodes together"
)
REDIS_UP = Family("redis_up", "gauge", "0 or 1", "1 while the registry answers")
STORAGE_FREE = Family("storage_free_bytes", "gauge", "bytes", "Free space where uploads and results are kept")
STORAGE_NEEDED = Family(
    "storage_needed_bytes", "gauge", "bytes", "Free space below which no batch is accepted: a setting"
)
UPLOAD_BYTES = Family(
    "upload_bytes_total", "counter", "bytes", "Bytes of uploads that were received, refused ones included"
)
UPLOADS_REFUSED = Family(
    "uploads_refused_total",
    "counter",
    "requests",
    "Uploads that were refused, by code of the error",
    ("code",),
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
REGISTRY_MISMATCH = Family(
    "registry_mismatch",
    "gauge",
    "0 or 1",
    "1 while the stored files belong to another registry than the one that answers: nothing is accepted or swept",
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
