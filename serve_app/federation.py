"""``GET /metrics``: the batch families of all Ray nodes without Ray's prefix, in the text format of Prometheus."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import httpx
import ray
from prometheus_client.parser import text_string_to_metric_families

from cluster.metrics import FAMILIES

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from prometheus_client import Metric

RAY_PREFIX = "ray_"
BY_NAME = {family.name: family for family in FAMILIES}
TIMEOUT_SECONDS = 0.8
"""The whole page is to be there within a second."""
LABELS_OF_RAY = frozenset(
    {"SessionName", "Version", "Component", "JobId", "ActorId", "NodeAddress", "WorkerId"}
)
OPENTELEMETRY_PREFIX = "otel_"
"""Labels that Ray adds to everything, and that say nothing about the batch."""


def node_addresses() -> tuple[str, ...]:
    """Addresses of the metrics pages of all living nodes; empty outside a Ray cluster."""
    if not ray.is_initialized():
        return ()
    return tuple(
        f"http://{node['NodeManagerAddress']}:{node['MetricsExportPort']}/metrics"
        for node in ray.nodes()
        if node.get("Alive") and node.get("MetricsExportPort")
    )


async def federated(addresses: Iterable[str], *, totals: Mapping[str, int]) -> str:
    """The page: our families of every node that answers in time, then the totals that Redis keeps.

    Totals survive restarts; they are counters with the prefix ``decalogo_``.
    """
    async with httpx.AsyncClient(timeout=TIMEOUT_SECONDS, trust_env=False) as client:
        pages = await asyncio.gather(*(_page(client, address) for address in addresses))
    lines = [line for name in sorted(BY_NAME) for line in _family(name, pages=pages)]
    for name, value in sorted(totals.items()):
        lines += [
            f"# HELP decalogo_{name}_total Since the registry of jobs exists",
            f"# TYPE decalogo_{name}_total counter",
            f"decalogo_{name}_total {value}",
        ]
    return "\n".join(lines) + "\n"


async def _page(client: httpx.AsyncClient, address: str) -> str:
    try:
        answer = await client.get(address)
    except httpx.HTTPError:
        return ""
    # Only our lines are parsed: Ray's whole page is about 1 MB.
    wanted = tuple(f"{RAY_PREFIX}{name}" for name in BY_NAME)
    starts = (*wanted, *(f"# HELP {name}" for name in wanted), *(f"# TYPE {name}" for name in wanted))
    return "\n".join(line for line in answer.text.splitlines() if line.startswith(starts)) + "\n"


def _family(name: str, *, pages: Iterable[str]) -> list[str]:
    family = BY_NAME[name]
    base = name.removesuffix("_total") if family.kind == "counter" else name
    samples: dict[str, float] = {}
    for page in pages:
        for metric in text_string_to_metric_families(page):
            if metric.name in {f"{RAY_PREFIX}{base}", f"{RAY_PREFIX}{name}"}:
                _add(samples, metric=metric)
    if not samples:
        return []
    head = [f"# HELP {name} {family.description} ({family.unit})", f"# TYPE {name} {family.kind}"]
    return head + [f"{key} {value}" for key, value in samples.items()]


def _add(samples: dict[str, float], *, metric: Metric) -> None:
    for sample in metric.samples:
        labels = {
            k: v
            for k, v in sample.labels.items()
            if k not in LABELS_OF_RAY and not k.startswith(OPENTELEMETRY_PREFIX)
        }
        inside = ",".join(f'{k}="{_escaped(v)}"' for k, v in sorted(labels.items()))
        name = sample.name.removeprefix(RAY_PREFIX)
        key = f"{name}{{{inside}}}" if inside else name
        # The same series of two processes of one node becomes one: counters and histograms add up.
        samples[key] = samples.get(key, 0.0) + sample.value


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace("\n", "\\n").replace('"', '\\"')
