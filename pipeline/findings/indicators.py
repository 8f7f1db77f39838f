"""Reads every indicator of a plan: from rows whose columns are known, then from everything else."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from pipeline.findings.indicator_prose import prose_indicators
from pipeline.findings.indicator_rows import row_indicators
from pipeline.findings.plan_text import PlanText, is_letterhead

if TYPE_CHECKING:
    from pipeline.model import Indicator, PlanProfile, Segmentation


class _Same:
    """A plan with its profile, equal only to itself: a hash by value would cost more than reading it."""

    def __init__(self, segmentation: Segmentation, profile: PlanProfile) -> None:
        self.segmentation = segmentation
        self.profile = profile

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, _Same)
            and self.segmentation is other.segmentation
            and self.profile is other.profile
        )

    def __hash__(self) -> int:
        return hash((id(self.segmentation), id(self.profile)))


def read_indicators(segmentation: Segmentation, *, profile: PlanProfile) -> tuple[Indicator, ...]:
    """The plan's indicators and measured targets in order of position.

    Contradictions (node 6) and feasibility (node 8) read the same plan one after the other, and reading is
    what costs most of both: the last plan's indicators are kept until the next plan is read.
    """
    return _read(_Same(segmentation, profile))


@lru_cache(maxsize=1)
def _read(plan: _Same) -> tuple[Indicator, ...]:
    text = PlanText.of(plan.segmentation)
    found: list[Indicator] = []
    for segment in plan.segmentation.segments:
        if segment.row is not None:
            found.extend(row_indicators(segment, row=segment.row, profile=plan.profile))
    read = frozenset(int(indicator.span.segment) for indicator in found)
    found.extend(prose_indicators(text, profile=plan.profile, read=read))
    found = [indicator for indicator in found if not is_letterhead(indicator.name)]
    found.sort(key=lambda item: (item.span.segment, item.span.start, item.span.end))
    return tuple(found)
