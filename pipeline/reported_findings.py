"""Findings of nodes 5 to 11 as they stand in the artifacts: with page and quote instead of segment and offsets.

Each list is capped; ``total`` says how many there were, and what they add up to counts all of them. Of amounts
those of the plan's own years and of its investments are kept first: they stand on the last pages.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pipeline.canonical import rounded
from pipeline.diagnostics import (
    amounts_by_year_and_source,
    entities,
    indicator_quality,
    joints,
    longest_climb,
)
from pipeline.evidence import page_of
from pipeline.model import POINT_IDS, SectionKind

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pipeline.flow import FlowResult
    from pipeline.model import Amount, CausalGraphCheck, Findings, Span, TheoryOfChange

ITEMS_MAX = 500
QUOTE_CHARS = 300
LABEL_CHARS = 120
CONTEXT_CHARS = 160
"""A finding shorter than this, such as an amount, is quoted with the words around it."""


def report_findings(flow: FlowResult) -> dict[str, Any]:
    """All findings as JSON-like data."""
    where = _Where(flow)
    return {
        **_texts(flow.findings, where=where),
        **_graphs(flow.findings, where=where),
        "skipped": list(flow.findings.skipped),
    }


class _Where:
    """Turns spans into page and quote."""

    def __init__(self, flow: FlowResult) -> None:
        self._segments = flow.segmentation.segments
        self._document = flow.clean
        self._profile = flow.profile
        self._about = [frozenset(about) for about in flow.relevance.about]

    def __call__(self, span: Span) -> dict[str, Any]:
        return {"page": self.page(span), "quote": self.text(span)}

    def page(self, span: Span) -> int:
        """Where the passage begins, counted from 1."""
        return page_of(self._document, segment=self._segments[span.segment], offset=span.start)

    def placed(self, span: Span) -> dict[str, Any]:
        """Section, and the points that the passage is about."""
        return {
            "section": " › ".join(self._segments[span.segment].heading_path),
            "points": [
                point for point, about in zip(POINT_IDS, self._about, strict=True) if span.segment in about
            ],
        }

    def most_telling(self, amounts: Sequence[Amount]) -> list[Amount]:
        """At most ``ITEMS_MAX`` amounts: of the plan's years, of its investments, then the largest; in order."""
        first, last = self._profile.period or (0, 0)

        def rank(place: int) -> tuple[bool, bool, bool, int, int]:
            amount = amounts[place]
            in_period = amount.year is not None and first <= amount.year <= last
            named = amount.programme is not None or amount.source is not None
            return (not in_period, not self._invests(amount.span), not named, -amount.pesos, place)

        return [amounts[place] for place in sorted(sorted(range(len(amounts)), key=rank)[:ITEMS_MAX])]

    def _invests(self, span: Span) -> bool:
        section = self._segments[span.segment].section
        return section >= 0 and self._profile.sections[section].kind is SectionKind.INVESTMENT

    def text(self, span: Span) -> str:
        return self._segments[span.segment].text[span.start : span.end].strip()[:QUOTE_CHARS]

    def in_context(self, span: Span) -> dict[str, Any]:
        """With the words around it, whole words only."""
        text = self._segments[span.segment].text
        spare = max(CONTEXT_CHARS - (span.end - span.start), 0) // 2
        start, end = max(span.start - spare, 0), min(span.end + spare, len(text))
        if start:
            start = text.find(" ", start, span.start) + 1 or span.start
        if end < len(text):
            end = max(text.rfind(" ", span.end, end), span.end)
        return {**self(span), "quote": text[start:end].strip()[:QUOTE_CHARS]}


def _capped(
    items: Sequence[Any],
    row: Callable[[Any], dict[str, Any]],
    *,
    kept: Sequence[Any] | None = None,
    **summaries: Any,
) -> dict[str, Any]:
    """The first ``ITEMS_MAX`` of ``items``, or those ``kept`` of them."""
    listed = items[:ITEMS_MAX] if kept is None else kept
    return {"total": len(items), "items": [row(item) for item in listed], **summaries}


def _texts(findings: Findings, *, where: _Where) -> dict[str, Any]:
    return {
        "responsibilities": _capped(
            findings.responsibilities,
            lambda r: {
                "entity": r.entity,
                "kind": r.kind,
                "task": r.task,
                "assigned": r.assigned,
                **where(r.span),
                **where.placed(r.span),
            },
            entities=entities(findings.responsibilities, page_of=where.page),
        ),
        "contradictions": _capped(
            findings.contradictions,
            lambda c: {
                "kind": c.kind,
                "subject": c.subject,
                "left": _side(c.left_value, span=c.left, where=where),
                "right": _side(c.right_value, span=c.right, where=where),
                "reason": c.reason,
            },
        ),
        "amounts": _capped(
            findings.amounts,
            lambda a: {
                "pesos": a.pesos,
                "raw": a.raw,
                "source": a.source,
                "year": a.year,
                "programme": a.programme,
                **where.in_context(a.span),
                **where.placed(a.span),
            },
            kept=where.most_telling(findings.amounts),
            by_year_and_source=amounts_by_year_and_source(findings.amounts),
        ),
        "indicators": _capped(
            findings.indicators,
            lambda i: {
                "name": i.name,
                "level": i.level,
                "baseline": i.baseline,
                "baseline_year": i.baseline_year,
                "target": i.target,
                "target_year": i.target_year,
                "unit": i.unit,
                "source": i.source,
                "responsible": i.responsible,
                "code": i.code,
                "by_year": [[year, value] for year, value in i.by_year],
                "quality": rounded(i.quality),
                **where(i.span),
                **where.placed(i.span),
            },
            quality=indicator_quality(findings.indicators),
        ),
        "causal_statements": _capped(
            findings.causal_statements,
            lambda s: {
                "cause": where.text(s.cause),
                "effect": where.text(s.effect),
                "connector": s.connector,
                "kind": s.kind,
                "polarity": s.polarity,
                **where(s.span),
                **where.placed(s.span),
            },
        ),
    }


def _side(value: str, *, span: Span, where: _Where) -> dict[str, Any]:
    """One of two passages that do not fit together, with enough around it to be judged."""
    return {"value": value, **where.in_context(span), **where.placed(span)}


def _graphs(findings: Findings, *, where: _Where) -> dict[str, Any]:
    return {
        "theories_of_change": [_theory(theory, where=where) for theory in findings.theories_of_change],
        "causal_graphs": [_graph(graph, where=where) for graph in findings.causal_graphs],
    }


def _theory(theory: TheoryOfChange, *, where: _Where) -> dict[str, Any]:
    return {
        "point": theory.point,
        "links": {link.value: [where(span) for span in spans] for link, spans in theory.links.items()},
        "missing": [link.value for link in theory.missing],
        "completeness": rounded(theory.completeness),
    }


def _graph(graph: CausalGraphCheck, *, where: _Where) -> dict[str, Any]:
    return {
        "point": graph.point,
        "nodes": [
            {
                "id": n.id,
                "label": n.label[:LABEL_CHARS],
                "link": n.link.value,
                "page": where.page(n.span),
            }
            for n in graph.nodes
        ],
        "edges": [list(edge) for edge in graph.edges],
        "acyclic": graph.acyclic,
        "cycles": [list(cycle) for cycle in graph.cycles],
        "order_violations": [list(edge) for edge in graph.order_violations],
        "complete_paths": graph.complete_paths,
        "joints": joints(graph),
        "longest_path": longest_climb(graph),
        "p_value": None if graph.p_value is None else rounded(graph.p_value),
    }
