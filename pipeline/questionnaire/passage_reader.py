"""How much each passage of a plan reads like the proof of each criterion.

The rules say what a passage must hold. A reader weighs all of it: which of the rules' cues it holds and which its
titles, which rules hold, which of 200 words stand in it. ``passage_reader.tsv`` holds that as the numbers of a small
network with one layer between, fitted to 44,818 passages that were read one by one (``benchmarks/readings``,
``benchmarks/fit_passages.py``; ``docs/decisions/108`` says why).

All sums are of whole numbers below 2**53, so that no order of adding, hence no processor and no library, changes one.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING

import numpy as np

from pipeline.nodes.embedding import ABOUT
from pipeline.questionnaire.features import WORD_MARK, CueTable
from pipeline.questionnaire.rules import load_rules

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from pipeline.questionnaire.strengths import RuleStrengths

FILE = "passage_reader.tsv"
ABOVE_MARK = "^"
RULE_MARK = "="
"""``=D1-Q1-a`` is the strength of the strongest rule of that criterion that holds."""
RELEVANCES = ("@about", "@own")
"""How far a passage is about the point it is most about, and the same for what it says in its own words."""
UNIT = 1000
"""Inputs, weights and what stands between the layers are whole thousandths."""
MOST_BETWEEN = 60.0
"""What a unit of the layer between gives at most; keeps the sums exact."""
DECIMALS = 3
BLOCK = 2_048
"""Passages that are read at a time."""


@dataclass(frozen=True, slots=True)
class PassageReader:
    """The fitted network; all numbers are thousandths.

    Attributes:
        tokens: names of what is seen of a passage, as in ``all_tokens``.
        first: (tokens, units) weights, and ``first_bias`` (units,).
        criteria: what is judged, e.g. ``D1-Q1-a``.
        second: (units, criteria) weights, and ``second_bias`` (criteria,).
    """

    tokens: tuple[str, ...]
    first: NDArray[np.float64]
    first_bias: NDArray[np.float64]
    criteria: tuple[str, ...]
    second: NDArray[np.float64]
    second_bias: NDArray[np.float64]

    @classmethod
    @cache
    def load(cls) -> PassageReader:
        """Read the numbers; once per process."""
        text = resources.files(__package__).joinpath(FILE).read_text("ascii")
        layers: dict[str, list[tuple[str, NDArray[np.float64]]]] = {"first": [], "second": []}
        for line in text.splitlines():
            if line.startswith("#"):
                continue
            layer, name, numbers = line.split("\t")
            layers[layer].append((name, np.array(numbers.split(), dtype=np.float64)))
        (_, first_bias), *first = layers["first"]
        (_, second_bias), *second = layers["second"]
        criteria = tuple(name for name, _ in second)
        return cls(
            tokens=tuple(name for name, _ in first),
            first=np.array([row for _, row in first]),
            first_bias=first_bias,
            criteria=criteria,
            second=np.array([row for _, row in second]).T.copy(),
            second_bias=second_bias,
        )

    def read(self, strengths: RuleStrengths) -> Readings:
        """Read all passages that are about a point.

        Raises:
            KeyError: a token is none of this release's; after a change of cues or rules the network is fitted anew.
        """
        passages = np.flatnonzero((strengths.about >= ABOUT).any(axis=1))
        seen = _columns(strengths, tokens=self.tokens)
        chances = np.empty((len(passages), len(self.criteria)), dtype=np.float32)
        for at in range(0, len(passages), BLOCK):
            block = passages[at : at + BLOCK]
            chances[at : at + BLOCK] = self.judge(_thousandths(seen, passages=block))
        position = np.full(strengths.features.size, -1, dtype=np.int64)
        position[passages] = np.arange(len(passages))
        return Readings(chances, position, {name: number for number, name in enumerate(self.criteria)})

    def judge(self, seen: NDArray[np.float64]) -> NDArray[np.float64]:
        """(passages, criteria) chances of 0..1, of (passages, tokens) in thousandths."""
        between = np.clip((seen @ self.first / UNIT + self.first_bias) / UNIT, 0.0, MOST_BETWEEN)
        sums = np.rint(between * UNIT) @ self.second / UNIT + self.second_bias
        chances: NDArray[np.float64] = np.round(1 / (1 + np.exp(-sums / UNIT)), DECIMALS)
        return chances


@dataclass(frozen=True, slots=True)
class Readings:
    """What the passages of a plan that are about any point read like, whichever point it is.

    Attributes:
        chances: (read passages, criteria of the reader), 0..1, of three decimals.
        position: (passages,) row of each passage; -1 where it was not read.
        column: that of each criterion.
    """

    chances: NDArray[np.float32]
    position: NDArray[np.int64]
    column: dict[str, int]

    @classmethod
    def of_all(cls, chances: NDArray[np.float64], *, criteria: Sequence[str]) -> Readings:
        """Readings of passages of which each was read; (passages, criteria)."""
        column = {name: number for number, name in enumerate(criteria)}
        return cls(chances.astype(np.float32), np.arange(len(chances)), column)

    def of(self, passages: NDArray[np.int64]) -> NDArray[np.float64]:
        """(passages, criteria); each of them is about a point."""
        return self.chances[self.position[passages]].astype(np.float64)


def read_criteria() -> tuple[str, ...]:
    """The criteria that one passage can show: not those of the whole chain, of the document, or judged as another."""
    of_the_chain = ("D6-Q2", "D6-Q3")
    return tuple(
        name
        for name, rules in load_rules().items()
        if not rules.of_document and rules.same_as is None and not name.startswith(of_the_chain)
    )


def all_tokens(strengths: RuleStrengths) -> tuple[str, ...]:
    """Everything that is seen of a passage: cues, cues with titles, rules, relevances, words."""
    cues = strengths.features.names()
    rules = [
        RULE_MARK + name for name, rules in load_rules().items() if rules.rules and not rules.of_document
    ]
    words = [WORD_MARK + word for word in CueTable.load().words]
    return (*cues, *(ABOVE_MARK + name for name in cues), *rules, *RELEVANCES, *words)


def describe(strengths: RuleStrengths, *, passages: NDArray[np.int64]) -> NDArray[np.float64]:
    """(passages, tokens of ``all_tokens``) in thousandths, whole numbers of 0..1000."""
    return _thousandths(_columns(strengths, tokens=all_tokens(strengths)), passages=passages)


def _columns(strengths: RuleStrengths, *, tokens: Iterable[str]) -> list[NDArray[np.generic]]:
    """One column for each token.

    Raises:
        KeyError: a token is unknown.
    """
    rules = load_rules()
    words = {word: number for number, word in enumerate(CueTable.load().words)}
    relevances = dict(zip(RELEVANCES, (strengths.about, strengths.direct), strict=True))
    columns: list[NDArray[np.generic]] = []
    for token in tokens:
        if token.startswith(RULE_MARK):
            columns.append(strengths.of_any_point(rules[token.removeprefix(RULE_MARK)]))
        elif token.startswith(WORD_MARK):
            columns.append(strengths.features.words[:, words[token.removeprefix(WORD_MARK)]])
        elif token in relevances:
            columns.append(relevances[token].max(axis=1))
        else:
            columns.append(strengths.features.column(token))
    return columns


def _thousandths(columns: list[NDArray[np.generic]], *, passages: NDArray[np.int64]) -> NDArray[np.float64]:
    seen = np.empty((len(columns), len(passages)), dtype=np.float64)
    for row, column in zip(seen, columns, strict=True):
        row[:] = column[passages]
    scaled: NDArray[np.float64] = np.rint(seen.T * UNIT)
    return scaled
