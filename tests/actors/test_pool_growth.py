"""How large the pool should be, as Serve's controller asks it."""

from __future__ import annotations

from typing import Any

import pytest
from ray.serve.config import AutoscalingConfig, AutoscalingContext

from actors.pool_growth import OneAtATime


def context(*, requests: float, now: int, target: int) -> AutoscalingContext:
    """What the controller tells a policy, as far as this one looks."""
    unused: dict[str, Any] = dict.fromkeys(
        (
            "deployment_id", "deployment_name", "app_name", "total_queued_requests", "aggregated_metrics",
            "raw_metrics", "last_scale_up_time", "last_scale_down_time", "current_time",
        )
    )  # fmt: skip
    return AutoscalingContext(
        **unused,
        running_replicas=[],
        policy_state={},
        current_num_replicas=now,
        target_num_replicas=target,
        total_num_requests=requests,
        capacity_adjusted_min_replicas=1,
        capacity_adjusted_max_replicas=8,
        config=AutoscalingConfig(min_replicas=1, max_replicas=8, target_ongoing_requests=1),
    )


@pytest.mark.parametrize(
    ("requests", "now", "target", "wanted"),
    [
        (32, 1, 1, 3),  # all that can work, together
        (2, 1, 1, 2),  # no more than there is work for
        (32, 3, 3, 4),  # then one
        (32, 3, 4, 4),  # and no other before it is there
        (32, 7, 7, 8),
        (0, 8, 8, 0),  # the bounds are Serve's
        (1.5, 8, 8, 2),
    ],
)
def test_the_pool_grows_one_by_one_beyond_what_runs_at_once(
    requests: float, now: int, target: int, wanted: int
) -> None:
    """Evaluators that cannot work yet never start together; shrinking is not held up."""
    found, _ = OneAtATime(at_once=3)(context(requests=requests, now=now, target=target))
    assert found == wanted
