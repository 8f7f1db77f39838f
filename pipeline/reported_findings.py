"""Findings of nodes 5 to 11 as they stand in the artifacts: with page and quote instead of segment and offsets.

Each list is capped; ``total`` says how many there were.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pipeline.canonical import rounded
from pipeline.evidence import page_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pipeline.flow import FlowResult
    from pipeline.model import CausalGraphCheck, Findings, Span, TheoryOfChange

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

    def __call__(self, span: Span) -> dict[str, Any]:
        page = page_of(self._document, segment=self._segments[span.segment], offset=span.start)
        return {"page": page, "quote": self.text(span)}

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


def _capped(items: Sequence[Any], row: Callable[[Any], dict[str, Any]]) -> dict[str, Any]:
    return {"total": len(items), "items": [row(item) for item in items[:ITEMS_MAX]]}


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
            },
        ),
        "contradictions": _capped(
            findings.contradictions,
            lambda c: {
                "kind": c.kind,
                "subject": c.subject,
                "left": {"value": c.left_value, **where(c.left)},
                "right": {"value": c.right_value, **where(c.right)},
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
            },
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
            },
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
            },
        ),
    }


def _graphs(findings: Findings, *, where: _Where) -> dict[str, Any]:
    return {
        "theories_of_change": [_theory(theory, where=where) for theory in findings.theories_of_change],
        "causal_graphs": [_graph(graph) for graph in findings.causal_graphs],
    }


def _theory(theory: TheoryOfChange, *, where: _Where) -> dict[str, Any]:
    return {
        "point": theory.point,
        "links": {link.value: [where(span) for span in spans] for link, spans in theory.links.items()},
        "missing": [link.value for link in theory.missing],
        "completeness": rounded(theory.completeness),
    }


def _graph(graph: CausalGraphCheck) -> dict[str, Any]:
    return {
        "point": graph.point,
        "nodes": [{"id": n.id, "label": n.label[:LABEL_CHARS], "link": n.link.value} for n in graph.nodes],
        "edges": [list(edge) for edge in graph.edges],
        "acyclic": graph.acyclic,
        "cycles": [list(cycle) for cycle in graph.cycles],
        "order_violations": [list(edge) for edge in graph.order_violations],
        "complete_paths": graph.complete_paths,
        "p_value": None if graph.p_value is None else rounded(graph.p_value),
    }
