"""Spans of what happens to a job, sent by OTLP to whoever listens at ``otlp_endpoint``; nothing at all without it.

One trace per job. Identifiers are derived from those of the job and its documents, so that processes that know
nothing of each other write into one trace and nothing has to travel with the queue:

    job                      Aggregator, when the job ends
    ├─ upload, upload file   upload replicas
    ├─ document (attempt)    evaluators: queue wait, one span for each step, finish
    └─ aggregate             Aggregator

Spans are made when what they tell of is over, and sent by a thread of their own: a collector that is away costs
spans, never a document.
"""

from __future__ import annotations

import contextvars
import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from opentelemetry.trace import Tracer

    from cluster.settings import Settings

ROOT = "job"
"""The key of the span that all others of a job descend from."""
EXPORT_SECONDS = 5.0
SEND_EVERY_MS = 1000

Attribute = str | int | float | bool


@dataclass(frozen=True, slots=True)
class Span:
    """Something that took time. Times are seconds since the epoch.

    ``key`` names it within its job, ``parent`` is the key of the span it belongs to, None for the root.
    Attributes are identifiers, sizes and codes; never text, names of files or what somebody typed.
    """

    name: str
    began: float
    ended: float
    key: str
    parent: str | None = ROOT
    attributes: Mapping[str, Attribute] = field(default_factory=dict)


_tracer: Tracer | None = None
_chosen: contextvars.ContextVar[tuple[int, int]] = contextvars.ContextVar("chosen")


def configure(settings: Settings, *, component: str) -> None:
    """Begin to send, if there is anybody to send to; ``component`` names this process. Once per process."""
    global _tracer  # noqa: PLW0603  a process has one tracer
    if settings.otlp_endpoint and _tracer is None:
        _tracer = _make_tracer(settings.otlp_endpoint, component=component)


def emit(job_id: str, *spans: Span) -> None:
    """Hand over spans of a job that are complete; returns at once."""
    if _tracer is not None:
        for span in spans:
            _emit(_tracer, job_id, span)


def trace_id(job_id: str) -> int:
    """The trace of a job, 128 bits: what to look for in a viewer, as 32 hexadecimal digits."""
    return int.from_bytes(hashlib.sha256(job_id.encode()).digest()[:16]) or 1


def span_id(job_id: str, key: str) -> int:
    """The span of ``key`` within a job, 64 bits."""
    return int.from_bytes(hashlib.sha256(f"{job_id}/{key}".encode()).digest()[:8]) or 1


def _emit(tracer: Tracer, job_id: str, span: Span) -> None:
    from opentelemetry.trace import (  # noqa: PLC0415  only where somebody listens
        INVALID_SPAN,
        NonRecordingSpan,
        SpanContext,
        TraceFlags,
        set_span_in_context,
    )

    trace = trace_id(job_id)
    parent = INVALID_SPAN
    if span.parent is not None:
        there = SpanContext(
            trace, span_id(job_id, span.parent), is_remote=True, trace_flags=TraceFlags(TraceFlags.SAMPLED)
        )
        parent = NonRecordingSpan(there)
    token = _chosen.set((trace, span_id(job_id, span.key)))
    try:
        made = tracer.start_span(
            span.name,
            context=set_span_in_context(parent),
            attributes={"decalogo.job_id": job_id, **span.attributes},
            start_time=int(span.began * 1e9),
        )
    finally:
        _chosen.reset(token)
    made.end(end_time=int(max(span.began, span.ended) * 1e9))


def _make_tracer(endpoint: str, *, component: str) -> Tracer:
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415
    from opentelemetry.sdk.resources import Resource  # noqa: PLC0415
    from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415
    from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415
    from opentelemetry.sdk.trace.id_generator import IdGenerator  # noqa: PLC0415

    class Chosen(IdGenerator):
        def generate_trace_id(self) -> int:
            return _chosen.get()[0]

        def generate_span_id(self) -> int:
            return _chosen.get()[1]

    resource = Resource.create({"service.name": "decalogo", "decalogo.component": component})
    provider = TracerProvider(resource=resource, id_generator=Chosen())
    exporter = OTLPSpanExporter(endpoint=endpoint, timeout=EXPORT_SECONDS)
    provider.add_span_processor(BatchSpanProcessor(exporter, schedule_delay_millis=SEND_EVERY_MS))
    return provider.get_tracer("decalogo")
