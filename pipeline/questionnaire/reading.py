"""What all passages about a point weigh together.

A passage reads more or less like the proof of a criterion (``passage_reader``); readers of plans weigh how many like it
there are, and how far the plan goes otherwise. ``reading.toml`` holds that as numbers: one logistic sum, the same for
all criteria but for its intercept, from the passages to the answer. They were fitted to plans that were read and
labelled as a whole (``benchmarks/fit_reading.py`` makes the file; ``docs/decisions/103``, ``104`` and ``108`` say why).
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING

import numpy as np

from pipeline.model import POINT_IDS
from pipeline.nodes.embedding import ABOUT
from pipeline.questionnaire.rules import MET, load_rules

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from pipeline.questionnaire.passage_reader import Readings
    from pipeline.questionnaire.strengths import RuleStrengths

EVIDENCE = ("best", "sum", "question", "shown", "any", "named", "dimension", "plan")
"""What is weighed of a plan's passages, none of which can fall when a passage is added:

- ``best``: the reading of the passage about the point that reads best, 0..1;
- ``sum``: those of all passages about the point, added up (logarithm): how many proofs a reader would expect;
- ``question``: the mean of ``best`` over the criteria of the question;
- ``shown``: how many passages about the point show the criterion by its rules (logarithm);
- ``any``: how likely at least one of them does, were strengths by the rules chances: 1 - (1 - s1)(1 - s2) …, 0..1;
- ``named``: how many passages name the point in their own words (logarithm);
- ``dimension``: the strongest passage about the point by the rules, 0..1, as a mean over the criteria of the dimension;
- ``plan``: how many passages of the whole plan show the criterion by its rules, of whichever point (logarithm): a plan
  that gives baselines everywhere gives them here too, in a form that was not recognised.
"""
DECISION = (*EVIDENCE, "usual")
"""What a criterion's chance is a sum of: the evidence, and ``usual``, how many of the labelled plans that treat the
point at all meet it. The same passages prove more where they usually do: cues of health are read rightly more often
than cues of prisons. ``usual`` decides nothing alone, for without a passage nothing is met."""
SIGNS = ("relevance", "names_another", "rather_another")
"""By what a reader tells whether a passage that may be about a point is: how far it is about it by words and titles;
whether it names another point in its own words, and not this one; whether it is more about another one."""
LOG_SCALE = 5.0
DECIMALS = 3
"""Readings and chances are rounded before anything is decided on them, so that BLAS kernels change nothing."""


@dataclass(frozen=True, slots=True)
class Reading:
    """The fitted numbers.

    Attributes:
        criteria: the criteria that are decided so, e.g. ``D1-Q1-a``.
        signs: (len(SIGNS),) what each sign weighs.
        points: (10,) how readily a passage is taken to be about each point.
        intercepts: (criteria,).
        decision: (len(DECISION),), none negative.
        usual: (10, criteria) share of the labelled plans that treat the point which meet the criterion for it.
        position: column of each criterion.
    """

    criteria: tuple[str, ...]
    signs: NDArray[np.float64]
    points: NDArray[np.float64]
    intercepts: NDArray[np.float64]
    decision: NDArray[np.float64]
    usual: NDArray[np.float64]
    position: dict[str, int]

    @classmethod
    @cache
    def load(cls) -> Reading:
        """Read ``reading.toml``; once per process."""
        table = tomllib.loads(resources.files(__package__).joinpath("reading.toml").read_text("utf-8"))
        criteria = tuple(table["intercepts"])
        return cls(
            criteria,
            signs=np.array([table["signs"][name] for name in SIGNS]),
            points=np.array([table["points"][point] for point in POINT_IDS]),
            intercepts=np.array(list(table["intercepts"].values())),
            decision=np.array([table["decision"][name] for name in DECISION]),
            usual=np.array([table["usual"][name] for name in criteria]).T,
            position={name: number for number, name in enumerate(criteria)},
        )

    def read(self, strengths: RuleStrengths, *, readings: Readings, point: int) -> PointReading:
        """Weigh the passages about one point (0..9)."""
        passages = passages_about(strengths, point=point)
        by_rules = by_the_rules(strengths, point=point, criteria=self.criteria)
        about = likely_about(
            signs_of(strengths, passages=passages, point=point),
            weights=self.signs,
            intercept=self.points[point],
        )
        read = read_passages(
            readings, passages=passages, about=about, by_rules=by_rules, criteria=self.criteria
        )
        weighed = weigh(
            read,
            by_rules=by_rules,
            named=count_naming(strengths, point=point),
            in_plan=shown_in_plan(strengths, criteria=self.criteria),
            criteria=self.criteria,
        )
        inputs = np.column_stack([weighed, self.usual[point]])
        chances = 1 / (1 + np.exp(-(self.intercepts + inputs @ self.decision)))
        _raise_what_is_needed(chances, criteria=self.criteria)
        return PointReading(self.criteria, passages, read, by_rules, rounded(chances))


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


def signs_of(strengths: RuleStrengths, *, passages: NDArray[np.int64], point: int) -> NDArray[np.float64]:
    """(passages, len(SIGNS)) of passages that are about a point."""
    about, own = strengths.about[passages], strengths.direct[passages] > 0
    others = np.arange(about.shape[1]) != point
    names_another = own[:, others].any(axis=1) & ~own[:, point]
    rather_another = about[:, others].max(axis=1) > about[:, point]
    return np.stack([about[:, point], names_another, rather_another], axis=1).astype(np.float64)


def likely_about(
    signs: NDArray[np.float64], *, weights: NDArray[np.float64], intercept: float
) -> NDArray[np.float64]:
    """(passages,): how likely a reader would say of each passage that it is about the point."""
    return rounded(1 / (1 + np.exp(-(signs @ weights + intercept))))


def read_passages(
    readings: Readings,
    *,
    passages: NDArray[np.int64],
    about: NDArray[np.float64],
    by_rules: NDArray[np.float64],
    criteria: Sequence[str],
) -> NDArray[np.float64]:
    """(passages, criteria): how much each passage about a point reads like the proof of each criterion, 0..1.

    What one passage alone cannot show, such as a chain, is as strong as its rules (``by_rules``) say.
    """
    found = by_rules.copy()
    read = [name in readings.column for name in criteria]
    columns = [readings.column[name] for name in criteria if name in readings.column]
    found[:, read] = readings.of(passages)[:, columns] * about[:, None]
    return rounded(found)


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


def passages_about(strengths: RuleStrengths, *, point: int) -> NDArray[np.int64]:
    """The passages that are read for a point."""
    return np.flatnonzero(strengths.about[:, point] >= ABOUT)


def by_the_rules(strengths: RuleStrengths, *, point: int, criteria: Sequence[str]) -> NDArray[np.float64]:
    """(passages about the point, criteria): strengths by the criteria's own rules."""
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
    strongest = by_rules.max(axis=0, initial=0.0)
    best = readings.max(axis=0, initial=0.0)
    return np.stack(
        [
            best,
            np.log1p(readings.sum(axis=0)) / LOG_SCALE,
            _shared(best, groups=[name[:5] for name in criteria]),
            np.log1p((by_rules >= MET).sum(axis=0)) / LOG_SCALE,
            rounded(1 - np.prod(1 - np.minimum(by_rules, 1.0), axis=0)),
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
