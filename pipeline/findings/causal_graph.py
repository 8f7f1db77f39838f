"""The causal graph of a point: passages as nodes, stated and shared-subject links as edges."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from itertools import chain, pairwise
from typing import TYPE_CHECKING, Final

import networkx as nx

from pipeline.findings.link_cues import explains_problem, is_scrap, link_of, tells_history
from pipeline.findings.plan_text import one_line
from pipeline.findings.subjects import containment, likeness, stems
from pipeline.model import CausalNode, ChainLink, Span

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pipeline.model import CausalStatement, Segmentation, TheoryOfChange

LEVEL: Final = {link: level for level, link in enumerate(ChainLink)}
MAX_NODES: Final = 120
"""An analyst cannot read a larger graph, and every check stays below a millisecond."""
MAX_PATHS: Final = 1_000_000
MAX_CYCLES: Final = 20
LABEL_CHARS: Final = 140

_SAME_NODE: Final = 0.75
"""Two passages whose stems overlap this much say the same thing."""
_SAME_SUBJECT: Final = 0.34
_MIN_SHARED: Final = 2
_DESIGN: Final = frozenset({ChainLink.ACTIVITY, ChainLink.PRODUCT, ChainLink.OUTCOME, ChainLink.IMPACT})
_DEFAULT_LINKS: Final = {
    "causa": (ChainLink.CAUSE, ChainLink.PROBLEM),
    "fin": (ChainLink.ACTIVITY, ChainLink.OUTCOME),
}


@dataclass(slots=True)
class CausalGraph:
    """Nodes in order of arrival; ``stated`` edges the text says, ``inferred`` those its subjects suggest.

    ``stated`` gives the kind of the statement that each edge comes from.
    """

    nodes: list[CausalNode] = field(default_factory=list)
    subjects: list[frozenset[str]] = field(default_factory=list)
    stated: dict[tuple[int, int], str] = field(default_factory=dict)
    inferred: list[tuple[int, int]] = field(default_factory=list)
    holders: dict[str, list[int]] = field(default_factory=dict)
    """Positions of the nodes whose subjects hold a stem."""

    def add(self, *, span: Span, label: str, link: ChainLink, across_links: bool = False) -> int | None:
        """The node of a passage: an earlier one that says the same, or a new one; ``None`` when full.

        A passage of the chain joins only nodes of its own link; a statement's clause joins any
        (``across_links``), for there its link is a guess.
        """
        subject = stems(label)
        size = len(subject)
        # Passages without a common stem say nothing the same: most pairs need no comparison.
        shared = Counter(chain.from_iterable(self.holders.get(stem, ()) for stem in subject))
        for position in sorted(shared):
            node, held = self.nodes[position], self.subjects[position]
            if node.link is not link and not across_links:
                continue
            least = _SAME_NODE * max(size, len(held))
            # Nor can sets whose sizes differ more overlap enough, nor those that share fewer (likeness is rounded).
            similar = min(size, len(held)) >= least and shared[position] >= least - 1
            if similar and likeness(subject, held) >= _SAME_NODE:
                return position
            if node.link is link and _overlap(node.span, span) and containment(subject, held) >= _SAME_NODE:
                return position
        if len(self.nodes) >= MAX_NODES:
            return None
        position = len(self.nodes)
        self.nodes.append(CausalNode(id=f"n{position + 1:03d}", label=label, link=link, span=span))
        self.subjects.append(subject)
        for stem in subject:
            self.holders.setdefault(stem, []).append(position)
        return position

    def edges(self) -> tuple[tuple[int, int], ...]:
        """All edges, each once, sorted."""
        return tuple(sorted({*self.stated, *self.inferred}))


def _overlap(left: Span, right: Span) -> bool:
    return left.segment == right.segment and left.start < right.end and right.start < left.end


def build_graph(
    segmentation: Segmentation, *, theory: TheoryOfChange, statements: Iterable[CausalStatement]
) -> CausalGraph:
    """The graph of one point.

    An edge runs the way a theory of change is read. A statement of cause gives problem → cause ("the
    problem is explained by"), a statement of purpose means → end. Passages on neighbouring links are joined
    as well where they share a third of their subject or, within the design, stand in one section of the
    plan; those edges count for paths, not for the test of significance. Statements of cause that explain no
    problem are left out, and those with a clause that says nothing by itself or from a section on history.

    Args:
        segmentation: The plan's segments.
        theory: The point's chain.
        statements: Causal statements about the point.
    """
    graph = CausalGraph()
    for link in ChainLink:
        for span in theory.links.get(link, ()):
            graph.add(span=span, label=_label(segmentation, span=span), link=link)
    chained = len(graph.nodes)
    for statement in statements:
        _add_statement(graph, segmentation=segmentation, statement=statement)
    _join_subjects(graph, segmentation=segmentation, limit=chained)
    return graph


def _label(segmentation: Segmentation, *, span: Span) -> str:
    return one_line(segmentation.segments[span.segment].text[span.start : span.end], limit=LABEL_CHARS)


def _add_statement(graph: CausalGraph, *, segmentation: Segmentation, statement: CausalStatement) -> None:
    cause, effect = (
        segmentation.folded[span.segment][span.start : span.end]
        for span in (statement.cause, statement.effect)
    )
    explains = statement.kind == "causa"
    if is_scrap(cause) or is_scrap(effect):
        return
    if explains and not explains_problem(effect, polarity=statement.polarity):
        return
    if tells_history(segmentation.segments[statement.span.segment].heading_path):
        return
    ends: list[int] = []
    defaults = _DEFAULT_LINKS[statement.kind]
    for span, folded, default in zip(
        (statement.cause, statement.effect), (cause, effect), defaults, strict=True
    ):
        label, link = _label(segmentation, span=span), link_of(folded, default=default)
        position = graph.add(span=span, label=label, link=link, across_links=True)
        if position is None:
            return
        ends.append(position)
    edge = (ends[1], ends[0]) if explains else (ends[0], ends[1])
    if edge[0] != edge[1]:
        graph.stated.setdefault(edge, statement.kind)


def _join_subjects(graph: CausalGraph, *, segmentation: Segmentation, limit: int) -> None:
    """Join passages of neighbouring links that belong together; a link without passages is stepped over."""
    present = sorted({LEVEL[node.link] for node in graph.nodes[:limit]})
    following = dict(pairwise(present))
    for tail in range(limit):
        for head in range(limit):
            adjacent = following.get(LEVEL[graph.nodes[tail].link]) == LEVEL[graph.nodes[head].link]
            if adjacent and _related(graph, segmentation=segmentation, tail=tail, head=head):
                graph.inferred.append((tail, head))


def _related(graph: CausalGraph, *, segmentation: Segmentation, tail: int, head: int) -> bool:
    left, right = graph.nodes[tail], graph.nodes[head]
    if left.span.segment == right.span.segment:
        return True
    segments = segmentation.segments
    together = segments[left.span.segment].section == segments[right.span.segment].section >= 0
    if together and left.link in _DESIGN and right.link in _DESIGN:
        return True
    shared = graph.subjects[tail] & graph.subjects[head]
    return (
        len(shared) >= _MIN_SHARED
        and containment(graph.subjects[tail], graph.subjects[head]) >= _SAME_SUBJECT
    )


def find_cycles(size: int, *, edges: Iterable[tuple[int, int]]) -> list[list[int]]:
    """One cycle of each strongly connected part, as node positions, at most ``MAX_CYCLES``.

    Enumerating all simple cycles is exponential; one of each part shows where the reasoning is circular.
    """
    digraph = nx.DiGraph()
    digraph.add_nodes_from(range(size))
    digraph.add_edges_from(edges)
    parts = sorted(sorted(part) for part in nx.strongly_connected_components(digraph) if len(part) > 1)
    return [_cycle_of(digraph, part=part) for part in parts[:MAX_CYCLES]]


def _cycle_of(digraph: nx.DiGraph, *, part: list[int]) -> list[int]:
    """A shortest cycle through the first node of the part."""
    inside = digraph.subgraph(part)
    start = part[0]
    best: list[int] = []
    for head in sorted(inside.successors(start)):
        path = _shortest(inside, start=head, goal=start)
        if path and (not best or len(path) < len(best)):
            best = path
    return [start, *best[:-1]]


def _shortest(digraph: nx.DiGraph, *, start: int, goal: int) -> list[int]:
    """Breadth first with neighbours in order, so that ties do not depend on hashing."""
    previous: dict[int, int] = {start: start}
    frontier = [start]
    while frontier and goal not in previous:
        following: list[int] = []
        for node in frontier:
            for head in sorted(digraph.successors(node)):
                if head not in previous:
                    previous[head] = node
                    following.append(head)
        frontier = following
    if goal not in previous:
        return []
    path = [goal]
    while path[-1] != start:
        path.append(previous[path[-1]])
    return path[::-1]


def count_paths(levels: list[int], *, edges: Iterable[tuple[int, int]]) -> int:
    """Paths from a node of the first level to one of the last along edges that climb, at most ``MAX_PATHS``.

    Edges that climb form no cycle, so one sweep over the nodes by level counts every path without listing it.
    """
    first, last = LEVEL[ChainLink.PROBLEM], LEVEL[ChainLink.IMPACT]
    outgoing: dict[int, list[int]] = {}
    for tail, head in edges:
        if levels[tail] < levels[head]:
            outgoing.setdefault(tail, []).append(head)
    reached = [1 if level == first else 0 for level in levels]
    total = 0
    for node in sorted(range(len(levels)), key=lambda position: (levels[position], position)):
        if levels[node] == last:
            total = min(MAX_PATHS, total + reached[node])
        for head in outgoing.get(node, ()):
            reached[head] = min(MAX_PATHS, reached[head] + reached[node])
    return total
