"""The application ``evaluation``: ``import_path: actors.application:build`` in ``ray_config.yaml``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ray import serve

from actors.aggregator import Aggregator
from actors.dispatcher import Dispatcher
from actors.evaluator import Evaluator
from cluster.settings import Settings

if TYPE_CHECKING:
    from ray.serve import Application


def build(_arguments: dict[str, str]) -> Application:
    """Bind the three deployments; how many of each there are is said by ``ray_config.yaml``."""
    settings = Settings.load()
    pool = serve.deployment(max_ongoing_requests=settings.in_flight_per_evaluator)
    evaluators = pool(Evaluator).bind()
    single = serve.deployment(num_replicas=1)
    return single(Dispatcher).bind(evaluators, single(Aggregator).bind(evaluators))
