"""How large the pool should be: at once what the node can use, and one evaluator at a time beyond that.

Named by ``ray_config.yaml``; Serve's controller asks it at every look, applies the delays and keeps to the bounds.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ray.serve.config import AutoscalingContext


class OneAtATime:
    """As many evaluators as documents are given out; those that could not work yet come one after another.

    An evaluator that starts takes some seconds of a core. Up to ``at_once`` evaluators find work as soon as they are
    there. Further ones only stand ready: each waits for one ``upscale_delay_s`` of load and for the one before to be
    there, so that no batch is slower for them than by that share of the node.
    """

    def __init__(self, *, at_once: int) -> None:
        """``at_once``: documents that may be evaluated at the same time."""
        self._at_once = at_once

    def __call__(self, context: AutoscalingContext) -> tuple[int, dict[str, Any]]:
        """The wanted number of evaluators, and nothing to be remembered."""
        now, target = context.current_num_replicas, context.target_num_replicas
        target_of_each = context.config.get_target_ongoing_requests() if context.config else 1.0
        wanted = math.ceil(context.total_num_requests / target_of_each)
        next_one = target if now < target else target + 1
        return min(wanted, max(self._at_once, next_one)), {}
