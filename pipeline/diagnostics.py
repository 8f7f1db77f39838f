"""What the findings of nodes 5 to 11 add up to: counts, totals and gaps over all of them, not only those listed.

Each function gives JSON-like data for ``evaluation_results``, in an order that depends on the plan alone.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from pipeline.canonical import rounded
from pipeline.model import ChainLink

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from pipeline.model import Amount, CausalGraphCheck, Indicator, Responsibility, Span

ENTITIES_MAX = 60
PAGES_MAX = 10
INDICATOR_PARTS = ("baseline", "baseline_year", "target", "target_year", "unit", "source", "responsible")
"""The seven parts that the quality of an indicator is the share of."""


def entities(
    responsibilities: Sequence[Responsibility], *, page_of: Callable[[Span], int]
) -> list[dict[str, Any]]:
    """Who is named, how often, how often made responsible for something, and on which pages first.

    At most ``ENTITIES_MAX``, those most often made responsible first.
    """
    grouped: dict[str, list[Responsibility]] = defaultdict(list)
    for item in responsibilities:
        grouped[item.entity].append(item)
    rows: list[dict[str, Any]] = [
        {
            "entity": entity,
            "kind": items[0].kind,
            "mentions": len(items),
            "assigned": sum(item.assigned for item in items),
            "pages": sorted({page_of(item.span) for item in items})[:PAGES_MAX],
        }
        for entity, items in grouped.items()
    ]
    return sorted(rows, key=lambda row: (-row["assigned"], -row["mentions"], row["entity"]))[:ENTITIES_MAX]


def amounts_by_year_and_source(amounts: Iterable[Amount]) -> list[dict[str, Any]]:
    """Number of amounts, of different sums, their total and the largest, for each year and source that is named.

    Each sum counts once a year and source: plans repeat their totals on every page. A total and its parts both
    count, so ``distinct_pesos`` is no budget.
    """
    grouped: dict[tuple[int | None, str | None], list[int]] = defaultdict(list)
    for amount in amounts:
        grouped[amount.year, amount.source].append(amount.pesos)
    return [
        {
            "year": year,
            "source": source,
            "amounts": len(pesos),
            "distinct": len(set(pesos)),
            "distinct_pesos": sum(set(pesos)),
            "largest_pesos": max(pesos),
        }
        for (year, source), pesos in sorted(
            grouped.items(),
            key=lambda row: (row[0][0] is None, row[0][0] or 0, row[0][1] is None, row[0][1] or ""),
        )
    ]


def indicator_quality(indicators: Sequence[Indicator]) -> dict[str, Any]:
    """How many indicators there are of each level, how many say each of the seven parts, and the mean quality."""
    levels = Counter(item.level for item in indicators)
    total = len(indicators)
    return {
        "levels": {level: levels[level] for level in ("gestion", "producto", "resultado", "impacto")},
        "parts": {
            part: sum(getattr(item, part) is not None for item in indicators) for part in INDICATOR_PARTS
        },
        "mean": rounded(sum(item.quality for item in indicators) / total) if total else None,
    }


def joints(graph: CausalGraphCheck) -> list[dict[str, Any]]:
    """Between neighbouring links of the chain: how many edges of the graph lead from one to the next.

    None at all is where the reasoning of the plan breaks off.
    """
    link_of = {node.id: node.link for node in graph.nodes}
    steps = Counter((link_of[tail], link_of[head]) for tail, head in graph.edges)
    return [
        {"from": tail.value, "to": head.value, "edges": steps[tail, head]}
        for tail, head in pairwise(ChainLink)
    ]


def longest_climb(graph: CausalGraphCheck) -> list[str]:
    """Ids of the nodes of a longest path along edges that climb from link to link; ties go to the earlier nodes.

    Empty where no edge climbs.
    """
    level = {link: position for position, link in enumerate(ChainLink)}
    at = {node.id: level[node.link] for node in graph.nodes}
    outgoing: dict[str, list[str]] = defaultdict(list)
    for tail, head in graph.edges:
        if at[tail] < at[head]:
            outgoing[tail].append(head)
    best: dict[str, list[str]] = {}
    # From the last link back: an edge that climbs leads to a node that has been settled.
    for node in sorted(at, key=lambda name: (-at[name], name)):
        longest = max((best[head] for head in sorted(outgoing[node])), key=len, default=[])
        best[node] = [node, *longest]
    found = max((best[node] for node in sorted(best)), key=len, default=[])
    return found if len(found) > 1 else []
