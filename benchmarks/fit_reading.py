"""Fit the numbers of ``pipeline/questionnaire/reading.toml`` to the labelled plans.

    python -m benchmarks.fit_reading [--check] [--work DIR]

Writes the file from all labelled plans but the held-out ones. ``--check`` writes nothing: it leaves out some plans at
a time, fits on the others and prints how well those left out are answered, beside what the rules alone answer.

1. A passage about a point is an example for every criterion: 1 where a label cites it, else 0. Least squares with a
   ridge give weights for every token; the labels cite the best one to three passages only, so that a second fit lets
   an uncited passage of a met criterion keep the reading the first fit gave it.
2. Of each criterion's weights the ``KEPT`` that matter most are kept (halving, and fitting those anew).
3. A logistic sum, the same for all criteria but for its intercept, turns what the passages weigh, and how many plans
   usually meet the criterion for the point, into a chance. It is fitted on readings by weights and on shares that have
   not seen the plan (``PARTS`` parts), and no part of it is negative.
"""

from __future__ import annotations

import argparse
import re
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.accuracy import GOLD, HELD_OUT, WRITTEN_WITH, labelled_plans
from pipeline.evaluation import Engine
from pipeline.extraction import ExtractionWorker
from pipeline.flow import run_nodes
from pipeline.model import POINT_IDS, EvaluationOptions
from pipeline.questionnaire.reading import (
    DECISION,
    all_tokens,
    by_the_rules,
    count_naming,
    decided_criteria,
    describe,
    passages_about,
    read_passages,
    shown_in_plan,
    weigh,
)
from pipeline.questionnaire.rules import MET
from pipeline.questionnaire.strengths import RuleStrengths
from pipeline.text import fold

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from benchmarks.accuracy import LabelledPlan

TARGET = Path(__file__).resolve().parents[1] / "pipeline" / "questionnaire" / "reading.toml"
RIDGE = 300.0
KEPT = 20
"""Weights of each criterion."""
PARTS = 4
LEFT_OUT = 7
"""Groups of plans that ``--check`` leaves out in turn."""
SHARE_OF_WRITTEN = 0.5
"""The rules fit the plans they were written with better than others: those plans say less about what rules prove."""
DECISION_RIDGE = 1.0
INTERCEPT_RIDGE = 2.0
STEPS = 60
DECIMALS = 4
SHARE_DECIMALS = 3
CITED_SHARE = 0.5
"""A passage is cited when so much of its word triples stands in the lines of the label."""
LEAST_LABELS = 7
TOO_RARE = frozenset({"D2-Q4-d", "D3-Q3-c", "D4-Q3-d", "D4-Q5-a", "D5-Q5-d"})
"""Met in fewer than ``LEAST_LABELS`` of all labelled points: the rules decide alone. D4-Q5-a asks for the ODS, of
which plans before 2016 cannot speak."""
CRITERIA = tuple(name for name in decided_criteria() if name not in TOO_RARE)


@dataclass(frozen=True, slots=True)
class Plan:
    """A labelled plan in numbers; the tuples of arrays have one entry for each of the ten points."""

    name: str
    weight: float
    tokens: tuple[str, ...]
    rows: tuple[NDArray[np.float64], ...]
    cited: tuple[NDArray[np.float64], ...]
    by_rules: tuple[NDArray[np.float64], ...]
    named: tuple[int, ...]
    in_plan: NDArray[np.int64]
    labels: NDArray[np.float64]
    """(10, criteria)"""


# ---------------------------------------------------------------------- reading the labelled plans


def read_plan(plan: LabelledPlan, *, engine: Engine, worker: ExtractionWorker) -> Plan:
    """Evaluate a plan up to the passages and hold its labels against them."""
    document = worker.extract(plan.pdf.read_bytes())
    flow = run_nodes(document, options=EvaluationOptions(), models=engine.models, observe=lambda *_: None)
    strengths = RuleStrengths(
        flow.segmentation, profile=flow.profile, relevance=flow.relevance, findings=flow.findings
    )
    met, lines = _labels(plan.folder / "labels_A.tsv")
    text = [row.split("|", 1)[-1] for row in (plan.folder / "text.txt").read_text("utf-8").splitlines()]
    cited = _Cited(strengths, text=text)
    tokens = all_tokens(strengths)
    rows, shown, by_rules = [], [], []
    for number, point in enumerate(POINT_IDS):
        passages = passages_about(strengths, point=number)
        position = {int(passage): index for index, passage in enumerate(passages)}
        rows.append(describe(strengths, passages=passages, point=number, tokens=tokens))
        by_rules.append(by_the_rules(strengths, point=number, criteria=CRITERIA))
        matrix = np.zeros((len(passages), len(CRITERIA)))
        for column, criterion in enumerate(CRITERIA):
            for passage in cited.by(lines.get((f"{point}-{criterion[:-2]}", criterion[-1]), "")):
                if passage in position:
                    matrix[position[passage], column] = 1.0
        shown.append(matrix)
    labels = np.array(
        [[met[f"{point}-{name[:-2]}"]["abcd".index(name[-1])] for name in CRITERIA] for point in POINT_IDS],
        dtype=np.float64,
    )
    weight = SHARE_OF_WRITTEN if plan.name in WRITTEN_WITH else 1.0
    in_plan = shown_in_plan(strengths, criteria=CRITERIA)
    named = tuple(count_naming(strengths, point=number) for number in range(len(POINT_IDS)))
    return Plan(plan.name, weight, tokens, tuple(rows), tuple(shown), tuple(by_rules), named, in_plan, labels)


def _labels(path: Path) -> tuple[dict[str, list[int]], dict[tuple[str, str], str]]:
    met: dict[str, list[int]] = {}
    lines: dict[tuple[str, str], str] = {}
    for row in path.read_text("utf-8").splitlines():
        question, *values = row.split("\t")
        met[question] = [int(value) for value in values[:4]]
        for key, where in re.findall(r"([abcd])\s*:\s*([\d\-–, ;/+]+)", values[4] if len(values) > 4 else ""):
            lines[question, key] = where
    return met, lines


class _Cited:
    """Finds the passages that stand in given lines of the plan's text, by their word triples."""

    def __init__(self, strengths: RuleStrengths, *, text: list[str]) -> None:
        self._text = text
        joined = strengths.features.joined
        ends = joined.starts + joined.lengths
        self._grams = [
            _triples(joined.text[start:end]) for start, end in zip(joined.starts, ends, strict=True)
        ]
        self._index: dict[tuple[str, ...], list[int]] = {}
        for passage, grams in enumerate(self._grams):
            for gram in grams:
                self._index.setdefault(gram, []).append(passage)

    def by(self, where: str) -> list[int]:
        found: dict[int, int] = {}
        kept: list[str] = []
        for first, last in re.findall(r"(\d+)(?:\s*[-–]\s*(\d+))?", where):
            kept += self._text[int(first) - 1 : int(last or first)]
        for size in (1, 2, 3):
            for gram in _triples("\n".join(kept), size=size):
                for passage in self._index.get(gram, ()):
                    found[passage] = found.get(passage, 0) + 1
        return [
            passage for passage, count in found.items() if count >= CITED_SHARE * len(self._grams[passage])
        ]


def _triples(text: str, *, size: int = 3) -> set[tuple[str, ...]]:
    words = re.findall(r"[a-z0-9]+", fold(text))
    size = min(size, len(words))
    return {tuple(words[at : at + size]) for at in range(len(words) - size + 1)} if size else set()


# ---------------------------------------------------------------------- fitting


def fit_weights(plans: Sequence[Plan]) -> NDArray[np.float64]:
    """(tokens, criteria), at most ``KEPT`` of a column not zero."""
    matrix = np.concatenate([rows for plan in plans for rows in plan.rows])
    cited = np.concatenate([cited for plan in plans for cited in plan.cited])
    met = np.concatenate(
        [
            np.tile(labels, (len(rows), 1))
            for plan in plans
            for rows, labels in zip(plan.rows, plan.labels, strict=True)
        ]
    )
    gram = matrix.T @ matrix + RIDGE * np.eye(matrix.shape[1])
    first = np.linalg.solve(gram, matrix.T @ cited)
    uncited = np.where(met > 0, np.clip(matrix @ first, 0.0, 1.0), 0.0)
    products = matrix.T @ np.maximum(cited, uncited)
    columns = [_fewest(gram, products[:, number]) for number in range(products.shape[1])]
    return np.round(np.stack(columns, axis=1), DECIMALS)


def _fewest(gram: NDArray[np.float64], product: NDArray[np.float64]) -> NDArray[np.float64]:
    """Halve the tokens, keeping those whose weight times size is greatest, until ``KEPT`` are left."""
    size = np.sqrt(np.diag(gram))
    always = len(product) - 1
    kept = np.arange(len(product))
    weights = np.linalg.solve(gram, product)
    while len(kept) > KEPT:
        matters = np.abs(weights) * size[kept]
        matters[kept == always] = np.inf
        kept = kept[np.sort(np.argsort(-matters, kind="stable")[: max(KEPT, len(kept) // 2)])]
        weights = np.linalg.solve(gram[np.ix_(kept, kept)], product[kept])
    column = np.zeros(len(product))
    column[kept] = weights
    return column


def usual_shares(plans: Sequence[Plan]) -> NDArray[np.float64]:
    """(10, criteria): the share of plans that meet each criterion for each point.

    One more plan is added that meets each as often as the criterion and the point by themselves would let one
    expect (their log-odds added), so that a handful of plans says nothing for certain.
    """
    met = np.sum([plan.labels for plan in plans], axis=0)
    size = len(plans)
    criteria, points, whole = (
        (met.sum(axis=0) + 1) / (10 * size + 2),
        (met.sum(axis=1) + 1) / (len(CRITERIA) * size + 2),
        met.mean() / size,
    )
    expected = 1 / (1 + np.exp(_log_odds(whole) - _log_odds(points)[:, None] - _log_odds(criteria)))
    return np.round((met + expected) / (size + 1), SHARE_DECIMALS)


def _log_odds(share: Any) -> Any:
    return np.log(share / (1 - share))


def weighed(plan: Plan, *, weights: NDArray[np.float64], usual: NDArray[np.float64]) -> NDArray[np.float64]:
    """(10, criteria, decision)."""
    evidence = [
        weigh(
            read_passages(rows @ weights),
            by_rules=by_rules,
            named=named,
            in_plan=plan.in_plan,
            criteria=CRITERIA,
        )
        for rows, by_rules, named in zip(plan.rows, plan.by_rules, plan.named, strict=True)
    ]
    return np.concatenate([np.stack(evidence), usual[:, :, None]], axis=2)


def fit_decision(plans: Sequence[Plan]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The logistic sum and the intercepts: (len(DECISION),) and (criteria,)."""
    inputs, labels, shares = [], [], []
    for part in range(PARTS):
        unseen = plans[part::PARTS]
        weights = fit_weights([plan for plan in plans if plan not in unseen])
        for plan in unseen:
            others = usual_shares([other for other in plans if other is not plan])
            inputs.append(weighed(plan, weights=weights, usual=others).reshape(-1, len(DECISION)))
            labels.append(plan.labels.ravel())
            shares.append(np.full(plan.labels.size, plan.weight))
    return _logistic(np.concatenate(inputs), labels=np.concatenate(labels), shares=np.concatenate(shares))


def _logistic(
    inputs: NDArray[np.float64], *, labels: NDArray[np.float64], shares: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Newton's method with ridges; what comes out negative is left out. Intercepts are drawn to a common one."""
    own = np.tile(np.eye(len(CRITERIA)), (len(labels) // len(CRITERIA), 1))
    ridge = np.array([DECISION_RIDGE] * len(DECISION) + [1e-9] + [INTERCEPT_RIDGE] * len(CRITERIA))
    matrix = np.hstack([inputs, np.ones((len(labels), 1)), own])
    used = np.ones(matrix.shape[1], dtype=np.bool_)
    while True:
        found = np.zeros(matrix.shape[1])
        part = matrix[:, used]
        for _ in range(STEPS):
            chance = 1 / (1 + np.exp(-(part @ found[used])))
            slope = part.T @ (shares * (labels - chance)) - ridge[used] * found[used]
            curve = (part.T * (shares * chance * (1 - chance))) @ part + np.diag(ridge[used])
            step = np.linalg.solve(curve, slope)
            found[used] += step
            if np.abs(step).max() < 1e-8:
                break
        negative = np.flatnonzero(found[: len(DECISION)] < 0)
        if not len(negative):
            decision, common, intercepts = np.split(found, [len(DECISION), len(DECISION) + 1])
            return np.round(decision, DECIMALS), np.round(common + intercepts, DECIMALS)
        used[negative] = False


def chances(
    plan: Plan,
    *,
    weights: NDArray[np.float64],
    usual: NDArray[np.float64],
    decision: NDArray[np.float64],
    intercepts: NDArray[np.float64],
) -> NDArray[np.float64]:
    """(10, criteria): how likely each criterion is met."""
    return 1 / (1 + np.exp(-(weighed(plan, weights=weights, usual=usual) @ decision + intercepts)))


# ---------------------------------------------------------------------- writing and checking


def write(
    plans: Sequence[Plan],
    *,
    weights: NDArray[np.float64],
    usual: NDArray[np.float64],
    decision: NDArray[np.float64],
    intercepts: NDArray[np.float64],
) -> None:
    """Write ``reading.toml``, the weightiest tokens of each criterion first."""
    tokens = plans[0].tokens
    names = ", ".join(sorted(plan.name for plan in plans))
    lines = [
        "# Made by benchmarks/fit_reading.py; do not edit. What the numbers mean: reading.py.",
        f"# Fitted to: {names}.",
        "",
        "[decision]",
        *(f"{name} = {value}" for name, value in zip(DECISION, decision.tolist(), strict=True)),
        "",
        "[criteria]",
    ]
    for number, criterion in enumerate(CRITERIA):
        column = weights[:, number]
        order = [at for at in np.argsort(-np.abs(column), kind="stable") if column[at]]
        parts = [f"intercept = {intercepts[number]}", *(f'"{tokens[at]}" = {column[at]}' for at in order)]
        lines.append(f"{criterion} = {{ {', '.join(parts)} }}")
    lines += ["", "[usual] # of the points P1 to P10"]
    lines += [f"{name} = {shares}" for name, shares in zip(CRITERIA, usual.T.tolist(), strict=True)]
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
    print(f"{'left out':18} {'κ rules':>8} {'κ':>8} {'F1 rules':>9} {'F1':>8} {'chance':>8} {'met':>8}")
    for group in range(LEFT_OUT):
        left_out = unseen[group::LEFT_OUT]
        seen = [plan for name, plan in plans.items() if name not in left_out]
        weights = fit_weights(seen)
        decision, intercepts = fit_decision(seen)
        for name in left_out:
            plan = plans[name]
            found = chances(
                plan,
                weights=weights,
                usual=usual_shares(seen),
                decision=decision,
                intercepts=intercepts,
            )
            rules = np.stack([(matrix >= MET).any(axis=0) for matrix in plan.by_rules])
            figures = (kappa(plan.labels, rules), kappa(plan.labels, found >= 0.5))
            f1 = (_f1(plan.labels, rules), _f1(plan.labels, found >= 0.5))
            row = (*figures, *f1, float(found.mean()), float(plan.labels.mean()))
            rows.append(row)
            print(f"{name:18} " + " ".join(f"{value:8.3f}" for value in row), flush=True)
    print(f"{'mean':18} " + " ".join(f"{value:8.3f}" for value in np.mean(rows, axis=0)))
    print("decision of the last fit:", dict(zip(DECISION, decision.tolist(), strict=True)))


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
    engine = Engine.load(threads=1)
    plans: dict[str, Plan] = {}
    with ExtractionWorker() as worker:
        for labelled in labelled_plans(options.work):
            if labelled.name not in HELD_OUT:
                plans[labelled.name] = read_plan(labelled, engine=engine, worker=worker)
                print(labelled.name, sum(map(len, plans[labelled.name].rows)), "passages", flush=True)
    if options.check:
        check(plans)
        return
    fitted = list(plans.values())
    seen = np.sum([plan.labels for plan in fitted], axis=(0, 1))
    assert (seen >= LEAST_LABELS).all(), "a criterion is too rare"
    weights = fit_weights(fitted)
    decision, intercepts = fit_decision(fitted)
    usual = usual_shares(fitted)
    write(fitted, weights=weights, usual=usual, decision=decision, intercepts=intercepts)
    print(
        f"{TARGET}: {np.count_nonzero(weights)} weights, {len(intercepts)} intercepts, {usual.size} shares, "
        f"{len(decision)} more"
    )


if __name__ == "__main__":
    main()
