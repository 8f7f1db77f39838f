"""Node 6: passages of the plan that do not fit together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import re2

from pipeline.findings.conflicting_facts import conflicting_competences, conflicting_periods
from pipeline.findings.conflicting_values import conflicting_targets, wrong_flat_totals, wrong_row_totals
from pipeline.findings.indicators import read_indicators
from pipeline.findings.plan_text import PlanText
from pipeline.nodes.monetary_detection import monetary_detection

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pipeline.model import Contradiction, PlanProfile, Relevance, Responsibility, Segmentation

VERSION: str = "1.0.1"

MAX_CONTRADICTIONS: Final = 300
"""An analyst looks at each; a plan with more has tables that were misread."""


_AMOUNTS_IN_A_RUN: Final = re2.compile(rb"\$ ?[0-9.,']+ ?\$ ?[0-9.,']+ ?\$ ?[0-9.,']+ ?\$ ?[0-9.,']+ ?\$")
"""Only such plans can hold a wrong total outside tables; in others the amounts need not be read for it."""


def contradiction_detection(
    segmentation: Segmentation,
    *,
    profile: PlanProfile,
    relevance: Relevance,
    responsibilities: Sequence[Responsibility],
) -> tuple[Contradiction, ...]:
    """Find what an analyst should look at because two passages cannot both hold.

    ``meta``: one indicator, two targets. ``cifra``: one indicator, two baselines of the same year; a total
    that is not the sum of its years. ``fecha``: the plan named with another period. ``competencia``: one
    task, two sole responsibles. Precision comes first: see the conditions in
    `pipeline.findings.conflicting_values` and `pipeline.findings.conflicting_facts`.

    Args:
        segmentation: The plan's segments.
        profile: Gives the plan's period.
        relevance: Not used: contradictions count wherever they stand.
        responsibilities: What node 5 found.

    Returns:
        In order of position, at most ``MAX_CONTRADICTIONS``.
    """
    del relevance
    plan = PlanText.of(segmentation)
    indicators = read_indicators(segmentation, profile=profile)
    amounts = monetary_detection(segmentation, profile=profile) if _AMOUNTS_IN_A_RUN.search(plan.data) else ()
    found = [
        *conflicting_targets(segmentation, indicators=indicators),
        *wrong_row_totals(segmentation, profile=profile),
        *wrong_flat_totals(segmentation, amounts=amounts),
        *conflicting_periods(plan, profile=profile),
        *conflicting_competences(responsibilities),
    ]
    found.sort(
        key=lambda item: (item.left.segment, item.left.start, item.right.segment, item.right.start, item.kind)
    )
    return tuple(found[:MAX_CONTRADICTIONS])
