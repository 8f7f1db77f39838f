"""``GET /metrics``: the batch families of all Ray nodes without Ray's prefix, in the text format of Prometheus.

What Redis knows exactly (documents by how they ended, queues) comes from there and not from Ray, whose counters
begin anew with each process; when Redis is away, Ray's figures stand in.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import httpx
from prometheus_client.parser import text_string_to_metric_families

from cluster import metrics
from cluster.metrics import FAMILIES, Family
from cluster.registry_metrics import COUNTED, Reading, counters, gauges

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from prometheus_client import Metric

    from cluster.records import QueueFigures

Labels = tuple[tuple[str, str], ...]
Samples = dict[tuple[str, Labels], float]

RAY_PREFIX = "ray_"
TIMEOUT_SECONDS = 0.8
"""The whole page is to be there within a second."""
LABELS_OF_RAY = frozenset(
    {"SessionName", "Version", "Component", "JobId", "ActorId", "NodeAddress", "WorkerId"}
)
_ZEROS = frozenset(
    family for family in FAMILIES if family.kind == "counter" and not family.labels
) - frozenset(reading.family for reading in counters({}))
OPENTELEMETRY_PREFIX = "otel_"
"""Labels that Ray adds to everything, and that say nothing about the batch."""


async def node_pages(addresses: Iterable[str]) -> list[str]:
    """Our lines of the metrics page of each node that answers in time."""
    async with httpx.AsyncClient(timeout=TIMEOUT_SECONDS, trust_env=False) as client:
        return await asyncio.gather(*(_page(client, address) for address in addresses))


async def _page(client: httpx.AsyncClient, address: str) -> str:
    try:
        answer = await client.get(f"http://{address}/metrics")
    except httpx.HTTPError:
        return ""
    # Only our lines are parsed: Ray's whole page is about 1 MB.
    wanted = tuple(f"{RAY_PREFIX}{family.name}" for family in FAMILIES)
    starts = (*wanted, *(f"# HELP {name}" for name in wanted), *(f"# TYPE {name}" for name in wanted))
    return "\n".join(line for line in answer.text.splitlines() if line.startswith(starts)) + "\n"


def look(
    *,
    redis_up: bool,
    registry_mismatch: bool | None,
    evaluators: int | None,
    free_bytes: int | None,
    needed_bytes: int,
    running_places: int,
) -> tuple[Reading, ...]:
    """What whoever answers has just seen, exported by Ray from its node as well; None is not known here."""
    seen = [
        Reading(metrics.REDIS_UP, float(redis_up)),
        Reading(metrics.STORAGE_NEEDED, float(needed_bytes)),
        Reading(metrics.RUNNING_PLACES, float(running_places)),
    ]
    if registry_mismatch is not None:
        seen.append(Reading(metrics.REGISTRY_MISMATCH, float(registry_mismatch)))
    if evaluators is not None:
        seen.append(Reading(metrics.EVALUATORS_ALIVE, float(evaluators)))
    if free_bytes is not None:
        seen.append(Reading(metrics.STORAGE_FREE, float(free_bytes)))
    for reading in seen:
        metrics.put(reading.family, reading.value)
    return tuple(seen)


def exposition(
    pages: Iterable[str],
    *,
    totals: Mapping[str, int] | None,
    figures: QueueFigures | None,
    seen: Iterable[Reading] = (),
) -> str:
    """The page: every family that has samples, then the other counters that Redis keeps, as ``decalogo_…_total``.

    Args:
        pages: our lines of the nodes' own pages.
        totals: the registry's counters, None while it is away.
        figures: the registry's queues, None while it is away.
        seen: what whoever asks has just looked at.

    A counter without labels that only processes keep, and that none has counted yet, is 0 as long as every node
    answers: what is first seen as 1 has, for Prometheus, not grown.
    """
    pages = list(pages)
    zeros = _ZEROS if pages and all(pages) else frozenset()
    parsed = [metric for page in pages for metric in text_string_to_metric_families(page)]
    known = _known(
        [
            *(counters(totals) if totals is not None else ()),
            *(gauges(figures) if figures is not None else ()),
            *seen,
        ]
    )
    lines: list[str] = []
    for family in sorted(FAMILIES, key=lambda family: family.name):
        samples = known.get(family.name) or _federated(family, parsed=parsed)
        if not samples and family in zeros:
            samples = {(family.name, ()): 0.0}
        if samples:
            lines += _lines(family.name, f"{family.description} ({family.unit})", family.kind, samples)
    for name, value in sorted((totals or {}).items()):
        if name in COUNTED:
            continue
        full = f"decalogo_{name}_total"
        lines += _lines(full, "Since the registry of jobs exists", "counter", {(full, ()): value})
    return "\n".join(lines) + "\n"


def _known(readings: Iterable[Reading]) -> dict[str, Samples]:
    known: dict[str, Samples] = {}
    for reading in readings:
        name = reading.family.name
        known.setdefault(name, {})[name, tuple(sorted(reading.labels.items()))] = reading.value
    return known


def _federated(family: Family, *, parsed: Iterable[Metric]) -> Samples:
    base = family.name.removesuffix("_total") if family.kind == "counter" else family.name
    samples: Samples = {}
    for metric in parsed:
        if metric.name in {f"{RAY_PREFIX}{base}", f"{RAY_PREFIX}{family.name}"}:
            for key, value in _without_ray(metric):
                # One series of several processes: counters and histograms add up; of a gauge the highest
                # counts, so that what a dead process said last cannot double what a living one says.
                before = samples.get(key, 0.0)
                samples[key] = max(before, value) if family.kind == "gauge" else before + value
    return samples


def _without_ray(metric: Metric) -> Iterator[tuple[tuple[str, Labels], float]]:
    for sample in metric.samples:
        labels = sorted(
            (name, value)
            for name, value in sample.labels.items()
            if name not in LABELS_OF_RAY and not name.startswith(OPENTELEMETRY_PREFIX)
        )
        yield (sample.name.removeprefix(RAY_PREFIX), tuple(labels)), sample.value


def _lines(name: str, description: str, kind: str, samples: Samples) -> list[str]:
    return [
        f"# HELP {name} {description}",
        f"# TYPE {name} {kind}",
        *(f"{sample}{_braces(labels)} {value!r}" for (sample, labels), value in samples.items()),
    ]


def _braces(labels: Labels) -> str:
    if not labels:
        return ""
    return "{" + ",".join(f'{name}="{_escaped(value)}"' for name, value in labels) + "}"


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace("\n", "\\n").replace('"', '\\"')
