"""Node 11: the causal graph of each point, checked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pipeline.findings.causal_graph import LEVEL, build_graph, count_paths, find_cycles
from pipeline.findings.permutation import order_p_value
from pipeline.model import CausalGraphCheck

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pipeline.model import CausalStatement, Relevance, Segmentation, TheoryOfChange

VERSION: str = "1.1.0"

MAX_STATEMENTS_PER_POINT: Final = 60
"""Those most relevant to the point; a point of the largest plan has 300, which no one reads as a graph."""


def dag_validation(
    segmentation: Segmentation,
    *,
    relevance: Relevance,
    theories: Sequence[TheoryOfChange],
    causal_statements: Sequence[CausalStatement],
) -> tuple[CausalGraphCheck, ...]:
    """Build each point's causal graph and check it.

    Checks: no cycles; edges that go back in the order of levels; number of paths from a problem to an
    impact along edges that climb; and whether the edges the text itself states climb more often than the
    same passages would if they were linked otherwise (`pipeline.findings.permutation`), ``None`` where there
    are too few edges or nothing can differ.

    Args:
        segmentation: The plan's segments.
        relevance: Which segments are about which point.
        theories: The ten chains of node 10.
        causal_statements: What node 9 found.

    Returns:
        Ten checks in the order of ``theories``.
    """
    return tuple(
        _check(
            segmentation,
            theory=theory,
            statements=_about(relevance, column=column, statements=causal_statements),
        )
        for column, theory in enumerate(theories)
    )


def _about(
    relevance: Relevance, *, column: int, statements: Sequence[CausalStatement]
) -> list[CausalStatement]:
    """The statements most relevant to a point, in order of position."""
    about = frozenset(relevance.about[column])
    held = [
        (number, statement) for number, statement in enumerate(statements) if statement.span.segment in about
    ]
    ranked = sorted(held, key=lambda item: (-float(relevance.scores[item[1].span.segment, column]), item[0]))
    return [statement for _, statement in sorted(ranked[:MAX_STATEMENTS_PER_POINT], key=lambda item: item[0])]


def _check(
    segmentation: Segmentation, *, theory: TheoryOfChange, statements: Sequence[CausalStatement]
) -> CausalGraphCheck:
    graph = build_graph(segmentation, theory=theory, statements=statements)
    edges = graph.edges()
    levels = [LEVEL[node.link] for node in graph.nodes]
    names = [node.id for node in graph.nodes]
    cycles = find_cycles(len(names), edges=edges)
    return CausalGraphCheck(
        point=theory.point,
        nodes=tuple(graph.nodes),
        edges=tuple((names[tail], names[head]) for tail, head in edges),
        acyclic=not cycles,
        cycles=tuple(tuple(names[position] for position in cycle) for cycle in cycles),
        order_violations=tuple(
            (names[tail], names[head]) for tail, head in edges if levels[tail] > levels[head]
        ),
        complete_paths=count_paths(levels, edges=edges),
        p_value=order_p_value(
            levels,
            edges=tuple(graph.stated),
            kinds=tuple(graph.stated.values()),
            names=[node.label for node in graph.nodes],
        ),
    )
