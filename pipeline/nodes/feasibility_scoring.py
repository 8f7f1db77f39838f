"""Node 8: indicators with baseline, target, horizon, unit and source, and how complete they are."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from pipeline.findings.indicator_rows import PARTS
from pipeline.findings.indicators import read_indicators

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pipeline.model import Amount, Indicator, PlanProfile, Responsibility, Segmentation

VERSION: str = "1.0.1"

MAX_INDICATORS: Final = 6_000
"""The largest of 26 plans holds 1,900."""


def feasibility_scoring(
    segmentation: Segmentation,
    *,
    profile: PlanProfile,
    amounts: Sequence[Amount],
    responsibilities: Sequence[Responsibility],
) -> tuple[Indicator, ...]:
    """Find the plan's indicators and measured targets and what the plan says of each.

    ``level`` follows the instrument: what is delivered is a product, a change in population or territory
    a result (`pipeline.findings.indicator_levels`). ``quality`` is the share of seven parts present:
    baseline, its year, target, its year, unit, source, responsible; a source or responsible that
    another node found in the same segment counts.

    Args:
        segmentation: The plan's segments.
        profile: Gives the plan's period, which dates a "meta del cuatrienio".
        amounts: What node 7 found.
        responsibilities: What node 5 found.

    Returns:
        In order of position, at most ``MAX_INDICATORS``.
    """
    found = read_indicators(segmentation, profile=profile)
    sources = {
        amount.span.segment: amount.source for amount in reversed(amounts) if amount.source is not None
    }
    charged = {item.span.segment: item.entity for item in reversed(responsibilities) if item.assigned}
    return tuple(
        _completed(item, source=sources.get(item.span.segment), responsible=charged.get(item.span.segment))
        for item in found[:MAX_INDICATORS]
    )


def _completed(indicator: Indicator, *, source: str | None, responsible: str | None) -> Indicator:
    gained = (indicator.source is None and source is not None) + (
        indicator.responsible is None and responsible is not None
    )
    if not gained:
        return indicator
    return replace(
        indicator,
        source=indicator.source or source,
        responsible=indicator.responsible or responsible,
        quality=round(indicator.quality + gained / PARTS, 3),
    )
