"""How much a passage reads like the evidence of a criterion, and what all passages about a point weigh together.

The rules say what a passage must hold; readers of plans weigh more: in which part it stands, what else it holds, how
many like it there are. ``reading.toml`` holds that as numbers: for each criterion a short sum over tokens that the
rules know too, and one logistic sum, the same for all criteria, from the passages to the answer. They were fitted to
plans that were read and labelled (``benchmarks/fit_reading.py`` makes the file; ``docs/decisions/103`` says why).
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib import resources
from itertools import groupby
from typing import TYPE_CHECKING, Any

import numpy as np

from pipeline.nodes.embedding import ABOUT
from pipeline.questionnaire.rules import MET, load_rules

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from pipeline.questionnaire.strengths import RuleStrengths

FULL_CHARS = 400
"""Passages of so many characters and more have the token ``@length`` = 1."""
FACTS = ("@about", "@own", "@inherited", "@length", "@figure_near", "@agreeing_figures", "@carried_on")
"""What is known of a passage and a point beside cues and rules; the last three as in ``rules.OF_POINT``."""
FACT_MARK = "@"
RULE_MARK = "="
"""``=D1-Q1-a`` is the strength by the rules of that criterion."""
ALWAYS = "1"
EVIDENCE = ("best", "question", "shown", "named", "dimension", "plan")
"""What is weighed of a plan's passages, none of which can fall when a passage is added:

- ``best``: the reading of the passage about the point that reads best, 0..1;
- ``question``: the mean of ``best`` over the criteria of the question;
- ``shown``: how many passages about the point show the criterion by its rules (logarithm);
- ``named``: how many passages name the point in their own words (logarithm);
- ``dimension``: the strongest passage about the point by the rules, 0..1, as a mean over the criteria of the dimension;
- ``plan``: how many passages of the whole plan show the criterion by its rules, of whichever point (logarithm): a plan
  that gives baselines everywhere gives them here too, in a form that was not recognised.
"""
DECISION = (*EVIDENCE, "usual")
"""What a criterion's chance is a sum of: the evidence, and ``usual``, the share of labelled plans that meet it for the
point. The same passages prove more where they usually do: cues of health are read rightly more often than
cues of prisons. ``usual`` decides nothing alone, for without a passage nothing is met."""
LOG_SCALE = 5.0
BLOCK = 4_096
"""Passages that are described at a time."""
DECIMALS = 3
"""Readings and chances are rounded before anything is decided on them, so that BLAS kernels change nothing."""


@dataclass(frozen=True, slots=True)
class Reading:
    """The fitted numbers.

    Attributes:
        criteria: the criteria that are decided so, e.g. ``D1-Q1-a``.
        tokens: names of the columns of ``describe``.
        weights: (tokens, criteria).
        intercepts: (criteria,).
        decision: (len(DECISION),), none negative.
        usual: (10, criteria) share of labelled plans that meet the criterion for the point.
        position: column of each criterion.
    """

    criteria: tuple[str, ...]
    tokens: tuple[str, ...]
    weights: NDArray[np.float64]
    intercepts: NDArray[np.float64]
    decision: NDArray[np.float64]
    usual: NDArray[np.float64]
    position: dict[str, int]

    @classmethod
    @cache
    def load(cls) -> Reading:
        """Read ``reading.toml``; once per process."""
        table = tomllib.loads(resources.files(__package__).joinpath("reading.toml").read_text("utf-8"))
        rows: dict[str, dict[str, float]] = table["criteria"]
        criteria = tuple(rows)
        usual = np.array([table["usual"][name] for name in criteria]).T
        intercepts = np.array([rows[name].pop("intercept") for name in criteria])
        tokens = tuple(sorted({token for row in rows.values() for token in row}))
        position = {token: number for number, token in enumerate(tokens)}
        weights = np.zeros((len(tokens), len(criteria)))
        for number, name in enumerate(criteria):
            for token, weight in rows[name].items():
                weights[position[token], number] = weight
        decision = np.array([table["decision"][name] for name in DECISION])
        columns = {name: number for number, name in enumerate(criteria)}
        return cls(criteria, tokens, weights, intercepts, decision, usual, columns)

    def read(self, strengths: RuleStrengths, *, point: int) -> PointReading:
        """Read the passages about one point (0..9)."""
        passages = passages_about(strengths, point=point)
        # In blocks: a text as long as the limits allow has passages by the ten thousand.
        blocks = (passages[at : at + BLOCK] for at in range(0, max(len(passages), 1), BLOCK))
        described = (describe(strengths, passages=part, point=point, tokens=self.tokens) for part in blocks)
        readings = read_passages(np.concatenate([part @ self.weights for part in described]))
        by_rules = by_the_rules(strengths, point=point, criteria=self.criteria)
        weighed = weigh(
            readings,
            by_rules=by_rules,
            named=count_naming(strengths, point=point),
            in_plan=shown_in_plan(strengths, criteria=self.criteria),
            criteria=self.criteria,
        )
        inputs = np.column_stack([weighed, self.usual[point]])
        chances = 1 / (1 + np.exp(-(self.intercepts + inputs @ self.decision)))
        _raise_what_is_needed(chances, criteria=self.criteria)
        return PointReading(self.criteria, passages, readings, by_rules, rounded(chances))


@dataclass(frozen=True, slots=True)
class PointReading:
    """What the passages about one point say.

    Attributes:
        criteria: the criteria, in the order of the columns below.
        passages: (n,) indices of the passages that are about the point.
        readings: (n, criteria) how much each reads like evidence, 0..1.
        by_rules: (n, criteria) how strongly each shows the criterion by its rules, 0..1.
        chances: (criteria,) how likely a careful reader would call the criterion met.
    """

    criteria: tuple[str, ...]
    passages: NDArray[np.int64]
    readings: NDArray[np.float64]
    by_rules: NDArray[np.float64]
    chances: NDArray[np.float64]


def read_passages(sums: NDArray[np.float64]) -> NDArray[np.float64]:
    """Readings from the sums of weighted tokens: between 0 and 1, rounded."""
    return rounded(np.clip(sums, 0.0, 1.0))


def rounded(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """To ``DECIMALS`` places."""
    cut: NDArray[np.float64] = np.round(values, DECIMALS)
    return cut


def _raise_what_is_needed(chances: NDArray[np.float64], *, criteria: Sequence[str]) -> None:
    """A criterion that another one implies is at least as likely: no year of a figure without the figure."""
    rules = load_rules()
    position = {name: number for number, name in enumerate(criteria)}
    # Backwards, so that what is needed by what is needed is raised too.
    for name in reversed(criteria):
        for need in rules[name].needs:
            at = position.get(rules[need].same_as or need)
            if at is not None:
                chances[at] = max(chances[at], chances[position[name]])


def decided_criteria() -> tuple[str, ...]:
    """All criteria but those that are judged on the whole document or as another one is."""
    return tuple(
        name for name, rules in load_rules().items() if not rules.of_document and rules.same_as is None
    )


def all_tokens(strengths: RuleStrengths) -> tuple[str, ...]:
    """Every token that ``describe`` knows: cues, cues with titles, strengths by the rules, facts."""
    cues = strengths.features.names()
    rules = (RULE_MARK + name for name in decided_criteria())
    return (*cues, *(f"^{name}" for name in cues), *rules, *FACTS, ALWAYS)


def passages_about(strengths: RuleStrengths, *, point: int) -> NDArray[np.int64]:
    """The passages that are read for a point."""
    return np.flatnonzero(strengths.about[:, point] >= ABOUT)


def describe(
    strengths: RuleStrengths, *, passages: NDArray[np.int64], point: int, tokens: Sequence[str]
) -> NDArray[np.float64]:
    """(passages, tokens): each passage in numbers between 0 and 1.

    Raises:
        KeyError: a token is unknown.
    """
    parts: list[NDArray[Any]] = []
    # The tokens of ``reading.toml`` are sorted: those of a kind stand together, and are taken together.
    for kind, together in groupby(tokens, key=_kind):
        names = tuple(together)
        if kind == ALWAYS:
            parts.append(np.ones((len(passages), len(names))))
        elif kind == RULE_MARK:
            rules = [name.removeprefix(RULE_MARK) for name in names]
            parts.append(by_the_rules(strengths, point=point, criteria=rules, passages=passages))
        elif kind == FACT_MARK:
            facts = _facts(strengths, point=point)
            parts.append(np.stack([facts[name][passages] for name in names], axis=1))
        else:
            parts.append(strengths.features.columns(names)[passages])
    columns: NDArray[np.float64] = np.concatenate(parts, axis=1, dtype=np.float64)
    return columns


def _kind(token: str) -> str:
    """What a token is: ``ALWAYS``, ``RULE_MARK``, ``FACT_MARK``, or empty for a cue."""
    return token[0] if token[0] in {ALWAYS, RULE_MARK, FACT_MARK} else ""


def _facts(strengths: RuleStrengths, *, point: int) -> dict[str, NDArray[np.float64]]:
    features = strengths.features
    values: tuple[NDArray[Any], ...] = (
        strengths.about[:, point],
        strengths.direct[:, point] > 0,
        strengths.units.inherited[:, point],
        np.minimum(features.joined.lengths, FULL_CHARS) / FULL_CHARS,
        *(features.of_point[name.removeprefix("@")][:, point] for name in FACTS[4:]),
    )
    return dict(zip(FACTS, values, strict=True))


def by_the_rules(
    strengths: RuleStrengths,
    *,
    point: int,
    criteria: Sequence[str],
    passages: NDArray[np.int64] | None = None,
) -> NDArray[np.float64]:
    """(passages, criteria): strengths by the criteria's own rules, of all passages about the point or of these."""
    if passages is None:
        passages = passages_about(strengths, point=point)
    columns = [strengths.of(strengths.rules[name])[:, point][passages] for name in criteria]
    return rounded(np.array(columns, dtype=np.float64).T.copy())


def count_naming(strengths: RuleStrengths, *, point: int) -> int:
    """How many passages name a point in their own words."""
    return int((strengths.direct[:, point] >= ABOUT).sum())


def shown_in_plan(strengths: RuleStrengths, *, criteria: Sequence[str]) -> NDArray[np.int64]:
    """(criteria,): how many passages of the plan show each by its rules, of whichever point."""
    return np.array([strengths.showing(strengths.rules[name]) for name in criteria])


def weigh(
    readings: NDArray[np.float64],
    *,
    by_rules: NDArray[np.float64],
    named: int,
    in_plan: NDArray[np.int64],
    criteria: Sequence[str],
) -> NDArray[np.float64]:
    """(criteria, len(EVIDENCE)): what is weighed for the answers of one point."""
    best = readings.max(axis=0, initial=0.0)
    strongest = by_rules.max(axis=0, initial=0.0)
    return np.stack(
        [
            best,
            _shared(best, groups=[name[:5] for name in criteria]),
            np.log1p((by_rules >= MET).sum(axis=0)) / LOG_SCALE,
            np.full(len(criteria), np.log1p(named) / LOG_SCALE),
            _shared(strongest, groups=[name[:2] for name in criteria]),
            np.log1p(in_plan) / LOG_SCALE,
        ],
        axis=1,
    )


def _shared(values: NDArray[np.float64], *, groups: Sequence[str]) -> NDArray[np.float64]:
    """Each value's mean over its group."""
    _, group = np.unique(groups, return_inverse=True)
    mean: NDArray[np.float64] = np.bincount(group, weights=values) / np.bincount(group)
    return mean[group]
