"""Fit the numbers that passages of whole plans are read and weighed with.

    python -m benchmarks.fit_reading [--check] [--work DIR]

Writes ``passage_reader.tsv`` and ``reading.toml`` of ``pipeline/questionnaire``, from all labelled plans but those held
out. ``--check`` writes nothing: it leaves out some plans at a time, fits on the others and prints how well those left
out are answered, beside what the rules alone answer.

1. A network learns from passages that were read one by one what each shows (``fit_passages``).
2. A logistic sum, the same for all points but for its intercept, learns from them which are about a point.
3. A logistic sum, the same for all criteria but for its intercept, turns what the passages about a point weigh, and how
   many plans usually meet the criterion for the point, into a chance. It is fitted to the labels of whole plans, on
   readings and shares that have not seen the plan (``PARTS`` parts), and no part of it is negative.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks import fit_passages
from benchmarks.accuracy import GOLD, WRITTEN_WITH
from benchmarks.labelled_passages import CRITERIA, LEAST_LABELS, read_plans
from pipeline.model import POINT_IDS
from pipeline.questionnaire.answers import MAX_PROOFS
from pipeline.questionnaire.reading import DECISION, SIGNS, likely_about, read_passages, weigh
from pipeline.questionnaire.rules import MET

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from benchmarks.labelled_passages import Plan
    from pipeline.questionnaire.passage_reader import PassageReader

TARGET = Path(__file__).resolve().parents[1] / "pipeline" / "questionnaire" / "reading.toml"
PARTS = 4
LEFT_OUT = 7
"""Groups of plans that ``--check`` leaves out in turn."""
WEIGHT_RIDGE = 1.0
INTERCEPT_RIDGE = 2.0
STEPS = 60
DECIMALS = 4
SHARE_DECIMALS = 3
TREATED = 4
"""Of the criteria of a point: so many are met where a plan treats it, rather than touches it by chance."""


def usual_shares(plans: Sequence[Plan]) -> NDArray[np.float64]:
    """(10, criteria): the share of the plans that treat a point which meet each criterion for it.

    A plan treats a point of which it meets ``TREATED`` criteria. How many plans do changes with the years: those
    of 2012 hardly spoke of migration, those of today do. One more plan is added that meets each
    criterion as often as the criterion and the point by themselves would let one expect (their log-odds added), so that
    a handful of plans says nothing for certain.
    """
    labels = np.stack([plan.labels for plan in plans])
    treated = labels.sum(axis=2) >= TREATED
    met = (labels * treated[:, :, None]).sum(axis=0)
    size = treated.sum(axis=0)
    criteria, points, whole = (
        (met.sum(axis=0) + 1) / (size.sum() + 2),
        (met.sum(axis=1) + 1) / (len(CRITERIA) * size + 2),
        met.sum() / (len(CRITERIA) * size.sum()),
    )
    expected = 1 / (1 + np.exp(_log_odds(whole) - _log_odds(points)[:, None] - _log_odds(criteria)))
    return np.round((met + expected) / (size[:, None] + 1), SHARE_DECIMALS)


def _log_odds(share: Any) -> Any:
    return np.log(share / (1 - share))


@dataclass(frozen=True, slots=True)
class PassageNumbers:
    """What was fitted to passages that were read one by one: what they show, and what they are about."""

    reader: PassageReader
    signs: NDArray[np.float64]
    points: NDArray[np.float64]

    @classmethod
    def fit(cls, plans: Sequence[Plan]) -> PassageNumbers:
        """Fit both to the read passages of the plans."""
        signs, own, speaks = [], [], []
        for plan in plans:
            for point, about in enumerate(plan.about):
                read = plan.read[about]
                signs.append(plan.signs[point][read])
                speaks.append(plan.speaks[point][read])
                own.append(np.tile(np.eye(len(POINT_IDS))[point], (int(read.sum()), 1)))
        weights, points = logistic(
            np.concatenate(signs),
            own=np.concatenate(own),
            labels=np.concatenate(speaks).astype(np.float64),
            none_negative=False,
        )
        return cls(fit_passages.fit(plans), weights, points)

    def readings(self, plan: Plan) -> list[NDArray[np.float64]]:
        """Per point (passages, CRITERIA): how much each reads like a proof."""
        judged = fit_passages.judge(self.reader, plan)
        return [
            read_passages(
                judged,
                passages=plan.about[point],
                about=likely_about(plan.signs[point], weights=self.signs, intercept=intercept),
                by_rules=plan.by_rules[point],
                criteria=CRITERIA,
            )
            for point, intercept in enumerate(self.points.tolist())
        ]

    def weighed(self, plan: Plan, *, usual: NDArray[np.float64]) -> NDArray[np.float64]:
        """(10, criteria, decision)."""
        evidence = [
            weigh(read, by_rules=by_rules, named=named, in_plan=plan.in_plan, criteria=CRITERIA)
            for read, by_rules, named in zip(self.readings(plan), plan.by_rules, plan.named, strict=True)
        ]
        return np.concatenate([np.stack(evidence), usual[:, :, None]], axis=2)


def fit_decision(plans: Sequence[Plan]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The logistic sum and the intercepts: (len(DECISION),) and (criteria,)."""
    inputs, labels, shares = [], [], []
    for part in range(PARTS):
        unseen = plans[part::PARTS]
        numbers = PassageNumbers.fit([plan for plan in plans if plan not in unseen])
        for plan in unseen:
            others = usual_shares([other for other in plans if other is not plan])
            inputs.append(numbers.weighed(plan, usual=others).reshape(-1, len(DECISION)))
            labels.append(plan.labels.ravel())
            shares.append(np.full(plan.labels.size, plan.weight))
    return logistic(
        np.concatenate(inputs),
        own=np.tile(np.eye(len(CRITERIA)), (sum(map(len, labels)) // len(CRITERIA), 1)),
        labels=np.concatenate(labels),
        shares=np.concatenate(shares),
    )


def logistic(
    inputs: NDArray[np.float64],
    *,
    own: NDArray[np.float64],
    labels: NDArray[np.float64],
    shares: NDArray[np.float64] | None = None,
    none_negative: bool = True,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """A logistic sum by Newton's method with ridges: its weights, and the intercept of each column of ``own``.

    Args:
        inputs: (examples, weights).
        own: (examples, intercepts) 1 for the intercept an example has, which are drawn to a common one.
        labels: (examples,) 0 or 1.
        shares: (examples,) how much each counts.
        none_negative: weights that come out negative are left out.
    """
    size = inputs.shape[1]
    counts = np.ones(len(labels)) if shares is None else shares
    ridge = np.array([WEIGHT_RIDGE] * size + [1e-9] + [INTERCEPT_RIDGE] * own.shape[1])
    matrix = np.hstack([inputs, np.ones((len(labels), 1)), own])
    used = np.ones(matrix.shape[1], dtype=np.bool_)
    while True:
        found = np.zeros(matrix.shape[1])
        part = matrix[:, used]
        for _ in range(STEPS):
            chance = 1 / (1 + np.exp(-(part @ found[used])))
            slope = part.T @ (counts * (labels - chance)) - ridge[used] * found[used]
            curve = (part.T * (counts * chance * (1 - chance))) @ part + np.diag(ridge[used])
            step = np.linalg.solve(curve, slope)
            found[used] += step
            if np.abs(step).max() < 1e-8:
                break
        negative = np.flatnonzero(found[:size] < 0)
        if not none_negative or not len(negative):
            weights, common, intercepts = np.split(found, [size, size + 1])
            return np.round(weights, DECIMALS), np.round(common + intercepts, DECIMALS)
        used[negative] = False


# ---------------------------------------------------------------------- writing and checking


def write(
    plans: Sequence[Plan],
    *,
    numbers: PassageNumbers,
    usual: NDArray[np.float64],
    decision: NDArray[np.float64],
    intercepts: NDArray[np.float64],
) -> None:
    """Write both files."""
    fit_passages.write(numbers.reader, plans=plans)
    names = ", ".join(sorted(plan.name for plan in plans))
    lines = [
        "# Made by benchmarks/fit_reading.py; do not edit. What the numbers mean: reading.py.",
        f"# Fitted to: {names}.",
        "",
        "[signs]",
        *(f"{name} = {value}" for name, value in zip(SIGNS, numbers.signs.tolist(), strict=True)),
        "",
        "[points]",
        *(f"{point} = {value}" for point, value in zip(POINT_IDS, numbers.points.tolist(), strict=True)),
        "",
        "[decision]",
        *(f"{name} = {value}" for name, value in zip(DECISION, decision.tolist(), strict=True)),
        "",
        "[intercepts]",
        *(f"{name} = {value}" for name, value in zip(CRITERIA, intercepts.tolist(), strict=True)),
        "",
        "[usual] # of the points P1 to P10",
        *(f"{name} = {shares}" for name, shares in zip(CRITERIA, usual.T.tolist(), strict=True)),
    ]
    TARGET.write_text("\n".join(lines) + "\n", "utf-8")


def kappa(labels: NDArray[np.float64], answers: NDArray[np.bool_]) -> float:
    """Cohen's kappa of two yes/no readings."""
    agreed = float((labels == answers).mean())
    first, second = float(labels.mean()), float(answers.mean())
    by_chance = first * second + (1 - first) * (1 - second)
    return (agreed - by_chance) / (1 - by_chance)


def check(plans: Mapping[str, Plan]) -> None:
    """Leave out plans that no rule was written with, fit on the others, print how those left out are answered."""
    unseen = [name for name in plans if name not in WRITTEN_WITH]
    rows = []
    heads = ("κ rules", "κ", "F1 rules", "F1", "MAE", "hits rules", "hits", "chance", "met")
    print(f"{'left out':14} " + " ".join(f"{head:>10}" for head in heads))
    for group in range(LEFT_OUT):
        left_out = unseen[group::LEFT_OUT]
        seen = [plan for name, plan in plans.items() if name not in left_out]
        numbers, usual = PassageNumbers.fit(seen), usual_shares(seen)
        decision, intercepts = fit_decision(seen)
        for name in left_out:
            plan = plans[name]
            sums = numbers.weighed(plan, usual=usual) @ decision + intercepts
            rules = np.stack([(matrix >= MET).any(axis=0) for matrix in plan.by_rules])
            row = (
                *(kappa(plan.labels, rules), kappa(plan.labels, sums >= 0)),
                *(_f1(plan.labels, rules), _f1(plan.labels, sums >= 0)),
                float(np.abs(plan.labels.mean(axis=1) - (sums >= 0).mean(axis=1)).mean() * 3),
                *(_hits(plan, ranks=list(plan.by_rules)), _hits(plan, ranks=numbers.readings(plan))),
                *(float((1 / (1 + np.exp(-sums))).mean()), float(plan.labels.mean())),
            )
            rows.append(row)
            print(f"{name:14} " + " ".join(f"{value:10.3f}" for value in row), flush=True)
    print(f"{'mean':14} " + " ".join(f"{value:10.3f}" for value in np.mean(rows, axis=0)))
    print("decision of the last fit:", dict(zip(DECISION, decision.tolist(), strict=True)))


def _hits(plan: Plan, *, ranks: list[NDArray[np.float64]]) -> float:
    """Of the criteria that are labelled as met, by passages about the point, those with one of these among the best."""
    found = cited = 0
    for rank, proofs, met in zip(ranks, plan.cited, plan.labels, strict=True):
        if len(rank):
            best = np.argsort(-rank, axis=0, kind="stable")[:MAX_PROOFS]
            asked = (met > 0) & proofs.any(axis=0)
            found += int((np.take_along_axis(proofs, best, axis=0).any(axis=0) & asked).sum())
            cited += int(asked.sum())
    return found / max(cited, 1)


def _f1(labels: NDArray[np.float64], answers: NDArray[np.bool_]) -> float:
    both = float((answers & (labels > 0)).sum())
    return 2 * both / (float(answers.sum()) + float(labels.sum()))


def main() -> None:
    """Read the labelled plans, then check or write."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--work", type=Path, default=Path(tempfile.gettempdir()) / "decalogo-labelled")
    options = parser.parse_args()
    if not GOLD.is_dir():
        sys.exit("no labelled plans here: this needs the folder shared/gold beside the checkout")
    options.work.mkdir(parents=True, exist_ok=True)
    plans = read_plans(options.work)
    if options.check:
        check(plans)
        return
    fitted = list(plans.values())
    seen = np.sum([plan.labels for plan in fitted], axis=(0, 1))
    assert (seen >= LEAST_LABELS).all(), "a criterion is too rare"
    numbers = PassageNumbers.fit(fitted)
    decision, intercepts = fit_decision(fitted)
    usual = usual_shares(fitted)
    write(fitted, numbers=numbers, usual=usual, decision=decision, intercepts=intercepts)
    print(
        f"{fit_passages.size(numbers.reader)} weights, {len(intercepts)} intercepts, {usual.size} shares, "
        f"{len(decision) + len(numbers.signs) + len(numbers.points)} more"
    )


if __name__ == "__main__":
    main()
