"""A permutation test that gives the same p-value on every machine.

The question: do the edges that a plan states respect the order of levels more often than they would if
the levels were dealt to the nodes at random? The statistic is the number of edges whose tail lies on an
earlier level than its head. With few nodes every distinct deal is enumerated (Fisher 1935); with more, a
fixed sequence of deals is drawn, each the order of 64-bit keys that SplitMix64 (Steele, Lea and Flood
2014) makes of a seed taken from the graph's own node names by SHA-256. Nothing is random: the same graph
is always dealt the same hands. The p-value counts the observed deal itself, (b + 1) / (m + 1), so it is
never zero (Phipson and Smyth 2010).
"""

from __future__ import annotations

import hashlib
import math
from collections import Counter
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

MIN_EDGES: Final = 5
"""Below this no deal of levels can be unusual at 5 %: with 4 edges the best p-value is about 1/16."""
MAX_ENUMERATED: Final = 2_000
DEALS: Final = 999
"""Gives p-values to the third decimal; 5 % is then known to about ±0.7 points."""
P_DECIMALS: Final = 4

_GOLDEN: Final = np.uint64(0x9E3779B97F4A7C15)
_MIX_1: Final = np.uint64(0xBF58476D1CE4E5B9)
_MIX_2: Final = np.uint64(0x94D049BB133111EB)


def order_p_value(
    levels: Sequence[int], *, edges: Sequence[tuple[int, int]], names: Sequence[str]
) -> float | None:
    """The p-value of the edges' respect for the order of levels.

    Args:
        levels: The level of each node.
        edges: Pairs of node positions, tail and head.
        names: The nodes' names, from which the deals are derived.

    Returns:
        A value in (0, 1], rounded to ``P_DECIMALS``; ``None`` with fewer than ``MIN_EDGES`` edges or when all
        nodes are on one level.
    """
    if len(edges) < MIN_EDGES or len(set(levels)) < 2:  # noqa: PLR2004  one level orders nothing
        return None
    held = np.asarray(levels, dtype=np.int64)
    tails = np.asarray([tail for tail, _ in edges], dtype=np.int64)
    heads = np.asarray([head for _, head in edges], dtype=np.int64)
    observed = int(np.count_nonzero(held[tails] < held[heads]))
    if _distinct_deals(levels) <= MAX_ENUMERATED:
        deals = np.asarray(_every_deal(sorted(levels)), dtype=np.int64)
        respected = np.count_nonzero(deals[:, tails] < deals[:, heads], axis=1)
        return round(int(np.count_nonzero(respected >= observed)) / len(deals), P_DECIMALS)
    deals = held[_orders(len(held), names=names)]
    respected = np.count_nonzero(deals[:, tails] < deals[:, heads], axis=1)
    return round((int(np.count_nonzero(respected >= observed)) + 1) / (DEALS + 1), P_DECIMALS)


def _distinct_deals(levels: Sequence[int]) -> int:
    """Multinomial coefficient: in how many ways the levels can be dealt to the nodes."""
    total = math.factorial(len(levels))
    for count in Counter(levels).values():
        total //= math.factorial(count)
    return total


def _every_deal(levels: list[int]) -> list[list[int]]:
    """All distinct orders of a sorted multiset, in lexicographic order (Knuth 4A, algorithm L)."""
    current = list(levels)
    deals = [list(current)]
    while True:
        pivot = next((i for i in range(len(current) - 2, -1, -1) if current[i] < current[i + 1]), None)
        if pivot is None:
            return deals
        swap = next(i for i in range(len(current) - 1, pivot, -1) if current[i] > current[pivot])
        current[pivot], current[swap] = current[swap], current[pivot]
        current[pivot + 1 :] = reversed(current[pivot + 1 :])
        deals.append(list(current))


def _orders(size: int, *, names: Sequence[str]) -> NDArray[np.int64]:
    """``DEALS`` permutations of ``size`` positions, derived from ``names``."""
    digest = hashlib.sha256("\n".join(names).encode()).digest()
    seed = np.uint64(int.from_bytes(digest[:8], "big"))
    counter = np.arange(1, DEALS * size + 1, dtype=np.uint64).reshape(DEALS, size)
    mixed = seed + counter * _GOLDEN
    mixed = (mixed ^ (mixed >> np.uint64(30))) * _MIX_1
    mixed = (mixed ^ (mixed >> np.uint64(27))) * _MIX_2
    mixed ^= mixed >> np.uint64(31)
    # Every step above can be undone, so that no two keys are equal and any way of sorting gives one order.
    return np.argsort(mixed, axis=1)
