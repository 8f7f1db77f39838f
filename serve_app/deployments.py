"""How an ASGI application becomes a Serve deployment. Only this module and ``on_ray`` ask Ray."""

from __future__ import annotations

import asyncio
import threading
import time
from typing import TYPE_CHECKING, Any

import ray
import structlog
from ray import serve

from serve_app.backpressure import REPLICA_ENVIRONMENT

if TYPE_CHECKING:
    from collections.abc import Callable

    from fastapi import FastAPI
    from ray.serve import Application

log = structlog.get_logger()

CPUS = 0.1
"""The HTTP applications wait more than they compute."""
ONGOING_REQUESTS_MAX = 200
"""Open event streams count as requests."""
COUNTED_SECONDS = 5.0
ASK_SECONDS = 2.0
"""How long a count is good for, and how long Serve's controller is waited for."""
HEALTH_SECONDS = 1
"""How soon a dead replica is noticed, and replaced: until then its callers are told to come back."""
EVALUATION = ("evaluation", "Evaluator")
ALIVE_STATES = frozenset({"RUNNING", "UPDATING"})

_counted: tuple[float, int] = (float("-inf"), 0)
_asking = threading.Lock()
"""Ray 2.60 keeps a list of its own while it reads a status: two threads that ask at once make one fail (ValueError)."""


def deploy(make_app: Callable[[], FastAPI], *, name: str) -> Application:
    """Wrap an application; it is made on the replica, from the settings in the replica's environment."""
    deployment: Any = serve.deployment(
        name=name,
        max_ongoing_requests=ONGOING_REQUESTS_MAX,
        ray_actor_options={"num_cpus": CPUS, "runtime_env": {"env_vars": REPLICA_ENVIRONMENT}},
        graceful_shutdown_timeout_s=20,
        health_check_period_s=HEALTH_SECONDS,
    )
    application: Application = deployment(serve.ingress(make_app)()).bind()
    return application


async def count_evaluators() -> int:
    """How many evaluators run; while Serve does not answer, as many as it said last, at least one.

    The queue keeps what is accepted: a controller that is just restarting must not turn senders away.
    """
    at, count = _counted
    if time.monotonic() - at < COUNTED_SECONDS:
        return count
    try:
        async with asyncio.timeout(ASK_SECONDS):
            return await asyncio.to_thread(_count_once)
    except (TimeoutError, ray.exceptions.RayError, serve.exceptions.RayServeException) as error:
        log.warning("evaluators_not_counted", error=type(error).__name__)
        return max(1, count)


def _count_once() -> int:
    """Ask Serve, unless another thread has just done so.

    Threads are few and the storage needs them too: none waits for one that Serve leaves without an answer.
    """
    global _counted  # noqa: PLW0603  one answer serves all requests of this replica for some seconds
    if not _asking.acquire(timeout=ASK_SECONDS):
        return max(1, _counted[1])
    try:
        at, count = _counted
        if time.monotonic() - at < COUNTED_SECONDS:
            return count
        count = _evaluators()
        _counted = (time.monotonic(), count)
        return count
    finally:
        _asking.release()


def _evaluators() -> int:
    application, deployment = EVALUATION
    found = serve.status().applications.get(application)
    if found is None or deployment not in found.deployments:
        return 0
    states = found.deployments[deployment].replica_states
    return sum(count for state, count in states.items() if str(state) in ALIVE_STATES)


async def metrics_addresses() -> tuple[str, ...]:
    """Host and port at which each living node of the cluster exports its metrics; empty when Ray is away."""
    try:
        async with asyncio.timeout(ASK_SECONDS):
            nodes: list[dict[str, Any]] = await asyncio.to_thread(_nodes)
    except (TimeoutError, ray.exceptions.RayError) as error:
        log.warning("nodes_not_known", error=type(error).__name__)
        return ()
    return tuple(
        f"{node['NodeManagerAddress']}:{node['MetricsExportPort']}"
        for node in nodes
        if node.get("Alive") and node.get("MetricsExportPort")
    )


def _nodes() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = ray.nodes()  # type: ignore[no-untyped-call]
    return found
