"""Reads every indicator of a plan: from rows whose columns are known, then from everything else."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.findings.indicator_prose import prose_indicators
from pipeline.findings.indicator_rows import row_indicator

if TYPE_CHECKING:
    from pipeline.findings.plan_text import PlanText
    from pipeline.model import Indicator, PlanProfile


def read_indicators(plan: PlanText, *, profile: PlanProfile) -> list[Indicator]:
    """The plan's indicators and measured targets in order of position."""
    found: list[Indicator] = []
    for segment in plan.segmentation.segments:
        if segment.row is not None:
            indicator = row_indicator(segment, row=segment.row, profile=profile)
            if indicator is not None:
                found.append(indicator)
    read = frozenset(int(indicator.span.segment) for indicator in found)
    found.extend(prose_indicators(plan, profile=profile, read=read))
    found.sort(key=lambda item: (item.span.segment, item.span.start, item.span.end))
    return found
