"""How an ASGI application becomes a Serve deployment. The only module of ``serve_app`` that knows Ray."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ray import serve

if TYPE_CHECKING:
    from collections.abc import Callable

    from fastapi import FastAPI
    from ray.serve import Application

CPUS = 0.1
"""The HTTP applications wait more than they compute."""
ONGOING_REQUESTS_MAX = 200
"""Open event streams count as requests."""


def deploy(make_app: Callable[[], FastAPI], *, name: str) -> Application:
    """Wrap an application; it is made on the replica, from the settings in the replica's environment."""
    deployment = serve.deployment(
        serve.ingress(make_app)(),
        name=name,
        max_ongoing_requests=ONGOING_REQUESTS_MAX,
        ray_actor_options={"num_cpus": CPUS},
        graceful_shutdown_timeout_s=20,
    )
    return deployment.bind()
