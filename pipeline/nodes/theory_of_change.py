"""Node 10: the theory of change of each point, from problem to impact, and what it lacks."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Protocol, TypeVar

from pipeline.findings.link_cues import (
    explains_problem,
    is_activity,
    is_aim,
    is_scrap,
    names_impact,
    names_outcome,
    problem_strength,
    tells_history,
)
from pipeline.model import (
    POINT_IDS,
    ChainLink,
    ColumnRole,
    SectionKind,
    SegmentIndex,
    SegmentKind,
    Span,
    TheoryOfChange,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pipeline.model import CausalStatement, Indicator, PlanProfile, Relevance, Segment, Segmentation

VERSION: str = "1.1.0"


class _Placed(Protocol):
    @property
    def span(self) -> Span: ...


_Found = TypeVar("_Found", bound=_Placed)

MAX_PASSAGES: Final = 6
"""Passages kept for a link: an analyst reads them; more would hide the best."""
MAX_CANDIDATES: Final = 4_000
_MIN_PASSAGE: Final = 25
"""Shorter segments are labels, not statements."""

_LINK_OF_LEVEL: Final = {
    "producto": ChainLink.PRODUCT,
    "gestion": ChainLink.ACTIVITY,
    "resultado": ChainLink.OUTCOME,
    "impacto": ChainLink.IMPACT,
}
_DIRECT_BONUS: Final = 0.25
_PLAIN: Final = 0.5


@dataclass(slots=True)
class _Candidates:
    """Passages offered for each link, with their strength."""

    links: dict[ChainLink, dict[Span, float]] = field(default_factory=lambda: defaultdict(dict))

    def offer(self, link: ChainLink, *, span: Span, strength: float) -> None:
        held = self.links[link]
        if len(held) < MAX_CANDIDATES:
            held[span] = max(held.get(span, 0.0), round(strength, 3))

    def best(self, link: ChainLink) -> tuple[Span, ...]:
        ranked = sorted(
            self.links[link].items(), key=lambda item: (-item[1], item[0].segment, item[0].start, item[0].end)
        )
        return tuple(span for span, _ in ranked[:MAX_PASSAGES])


def theory_of_change(
    segmentation: Segmentation,
    *,
    profile: PlanProfile,
    relevance: Relevance,
    indicators: Sequence[Indicator],
    causal_statements: Sequence[CausalStatement],
) -> tuple[TheoryOfChange, ...]:
    """Build each point's chain problem → cause → activity → product → outcome → impact.

    Only segments that are about the point take part. A problem needs words of a problem, in the
    diagnosis first; causes come from statements of cause whose effect is a problem; products, outcomes
    and impacts from indicators of that level and from what statements of purpose aim at. Sections on the
    place's history take no part, nor clauses that say nothing by themselves. ``completeness`` is the share
    of the six links that have a passage.

    Args:
        segmentation: The plan's segments.
        profile: Gives the kind of each section.
        relevance: Which segments are about which point.
        indicators: What node 8 found.
        causal_statements: What node 9 found.

    Returns:
        Ten chains in the order of the points, at most ``MAX_PASSAGES`` passages a link, best first.
    """
    measured = _by_segment(indicators)
    stated = _by_segment(causal_statements)
    theories: list[TheoryOfChange] = []
    for column, point in enumerate(POINT_IDS):
        candidates = _Candidates()
        for index in relevance.about[column]:
            segment = segmentation.segments[index]
            if segment.kind is SegmentKind.HEADING or tells_history(segment.heading_path):
                continue
            weight = float(relevance.scores[index, column]) + _DIRECT_BONUS * bool(
                relevance.direct[index, column]
            )
            _offer_segment(
                candidates, segment=segment, folded=segmentation.folded[index], profile=profile, weight=weight
            )
            for indicator in measured.get(index, ()):
                strength = weight * (_PLAIN + indicator.quality)
                candidates.offer(_LINK_OF_LEVEL[indicator.level], span=indicator.span, strength=strength)
            for statement in stated.get(index, ()):
                _offer_statement(candidates, segmentation=segmentation, statement=statement, weight=weight)
        theories.append(_theory(point, candidates=candidates))
    return tuple(theories)


def _by_segment(items: Sequence[_Found]) -> dict[SegmentIndex, list[_Found]]:
    grouped: dict[SegmentIndex, list[_Found]] = defaultdict(list)
    for item in items:
        grouped[item.span.segment].append(item)
    return grouped


def _theory(point: str, *, candidates: _Candidates) -> TheoryOfChange:
    links = {link: candidates.best(link) for link in ChainLink}
    missing = tuple(link for link in ChainLink if not links[link])
    return TheoryOfChange(
        point=point,
        links=links,
        missing=missing,
        completeness=round(1 - len(missing) / len(ChainLink), 3),
    )


def _offer_segment(
    candidates: _Candidates, *, segment: Segment, folded: str, profile: PlanProfile, weight: float
) -> None:
    if len(folded) < _MIN_PASSAGE:
        return
    kind = _section_kind(segment, profile=profile)
    span = Span(segment.index, 0, len(segment.text))
    if segment.row is None and kind in {SectionKind.DIAGNOSIS, SectionKind.UNKNOWN, SectionKind.ANNEX}:
        problem = problem_strength(folded)
        if problem and not is_activity(folded) and not is_aim(folded):
            bonus = 1.0 if kind is SectionKind.DIAGNOSIS else _PLAIN
            candidates.offer(ChainLink.PROBLEM, span=span, strength=weight * problem * bonus)
    if kind is SectionKind.DIAGNOSIS:
        return
    if segment.row is None and is_activity(folded):
        candidates.offer(ChainLink.ACTIVITY, span=span, strength=weight * _PLAIN)
    for cell in segment.row.cells if segment.row is not None else ():
        link = {ColumnRole.PROJECT: ChainLink.ACTIVITY, ColumnRole.PRODUCT: ChainLink.PRODUCT}.get(cell.role)
        if link is not None and cell.end - cell.start >= _MIN_PASSAGE // 2:
            candidates.offer(link, span=Span(segment.index, cell.start, cell.end), strength=weight)


def _offer_statement(
    candidates: _Candidates, *, segmentation: Segmentation, statement: CausalStatement, weight: float
) -> None:
    cause = _folded(segmentation, span=statement.cause)
    effect = _folded(segmentation, span=statement.effect)
    if statement.kind == "causa":
        if explains_problem(effect, polarity=statement.polarity) and not is_scrap(cause):
            candidates.offer(ChainLink.CAUSE, span=statement.cause, strength=weight)
            if not is_scrap(effect):
                candidates.offer(ChainLink.PROBLEM, span=statement.effect, strength=weight * _PLAIN)
        return
    if is_activity(cause) and not is_scrap(cause):
        candidates.offer(ChainLink.ACTIVITY, span=statement.cause, strength=weight)
    if is_scrap(effect):
        return
    if names_impact(effect):
        candidates.offer(ChainLink.IMPACT, span=statement.effect, strength=weight)
    elif names_outcome(effect):
        candidates.offer(ChainLink.OUTCOME, span=statement.effect, strength=weight * _PLAIN)


def _folded(segmentation: Segmentation, *, span: Span) -> str:
    return segmentation.folded[span.segment][span.start : span.end]


def _section_kind(segment: Segment, *, profile: PlanProfile) -> SectionKind:
    known = 0 <= segment.section < len(profile.sections)
    return profile.sections[segment.section].kind if known else SectionKind.UNKNOWN
