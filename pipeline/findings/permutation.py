"""A permutation test that gives the same p-value on every machine.

The question: do the links that a plan states climb from level to level more often than they would if the same
passages were linked otherwise? The statistic is the number of edges whose tail lies on an earlier level than its
head. It is compared with that of deals in which the heads are dealt anew to the tails, among the edges of one kind of
statement: every passage keeps its level and the role it was read in, so that only what the plan itself chose, which
passage leads to which, is tested. (Levels dealt to all nodes would test the roles: a passage after "con el fin de" is
read as an outcome, and any plan's edges would pass, those of a plan whose ends are shuffled among them.)

A fixed sequence of deals is drawn, each the order of 64-bit keys that SplitMix64 (Steele, Lea and Flood 2014) makes of
a seed taken from the graph's own node names by SHA-256. Nothing is random: the same graph is always dealt the same
hands. The p-value counts the observed deal itself, (b + 1) / (m + 1), so it is never zero (Phipson and Smyth 2010).
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

MIN_EDGES: Final = 5
"""Below this no deal can be unusual at 5 %."""
DEALS: Final = 999
"""Gives p-values to the third decimal; 5 % is then known to about ±0.7 points."""
P_DECIMALS: Final = 4

_GOLDEN: Final = np.uint64(0x9E3779B97F4A7C15)
_MIX_1: Final = np.uint64(0xBF58476D1CE4E5B9)
_MIX_2: Final = np.uint64(0x94D049BB133111EB)


def order_p_value(
    levels: Sequence[int], *, edges: Sequence[tuple[int, int]], kinds: Sequence[str], names: Sequence[str]
) -> float | None:
    """The p-value of the edges' respect for the order of levels.

    Args:
        levels: The level of each node.
        edges: Pairs of node positions, tail and head.
        kinds: What kind of statement each edge comes from; heads are dealt within a kind.
        names: The nodes' names, from which the deals are derived.

    Returns:
        A value in (0, 1], rounded to ``P_DECIMALS``; ``None`` with fewer than ``MIN_EDGES`` edges, or where every deal
        climbs as often, as it does when all edges of a kind lead from one level to another: then nothing is tested.
    """
    if len(edges) < MIN_EDGES:
        return None
    held = np.asarray(levels, dtype=np.int64)
    tails = held[[tail for tail, _ in edges]]
    heads = held[[head for _, head in edges]]
    observed = int(np.count_nonzero(tails < heads))
    groups = {kind: number for number, kind in enumerate(sorted(set(kinds)))}
    dealt = heads[_orders(np.asarray([groups[kind] for kind in kinds]), names=names)]
    climbing = np.count_nonzero(tails < dealt, axis=1)
    if np.all(climbing == observed):
        return None
    return round((int(np.count_nonzero(climbing >= observed)) + 1) / (DEALS + 1), P_DECIMALS)


def _orders(groups: NDArray[np.int64], *, names: Sequence[str]) -> NDArray[np.int64]:
    """``DEALS`` permutations of the edges within their groups, derived from ``names``."""
    size = len(groups)
    digest = hashlib.sha256("\n".join(names).encode()).digest()
    seed = np.uint64(int.from_bytes(digest[:8], "big"))
    counter = np.arange(1, DEALS * size + 1, dtype=np.uint64).reshape(DEALS, size)
    mixed = seed + counter * _GOLDEN
    mixed = (mixed ^ (mixed >> np.uint64(30))) * _MIX_1
    mixed = (mixed ^ (mixed >> np.uint64(27))) * _MIX_2
    mixed ^= mixed >> np.uint64(31)
    deals = np.tile(np.arange(size), (DEALS, 1))
    for group in np.unique(groups):
        members = np.flatnonzero(groups == group)
        # Every step above can be undone, so that no two keys are equal and any way of sorting gives one order.
        deals[:, members] = members[np.argsort(mixed[:, members], axis=1)]
    return deals
