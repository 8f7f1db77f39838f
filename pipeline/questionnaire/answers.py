"""Answering the 300 questions: each criterion is judged by its rules over the passages about the point."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pipeline.model import CRITERION_KEYS, AnswerFinding, CriterionFinding, Proof
from pipeline.nodes.embedding import ABOUT
from pipeline.questionnaire.features import Features
from pipeline.questionnaire.passages import quote_span
from pipeline.questionnaire.rules import load_rules

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pipeline.model import Findings, PlanProfile, Relevance, Segmentation, Span
    from pipeline.questionnaire.instrument import Instrument
    from pipeline.questionnaire.rules import CriterionRules, Rule

MET = 0.42
"""From this strength (rule × relevance) on a passage shows a criterion."""
MAX_PROOFS = 4
TREATED = 3
"""A point has a programme or target of its own when so many passages with an action are about it."""


@dataclass(frozen=True, slots=True)
class _Judgement:
    met: bool
    segments: tuple[int, ...]
    strengths: tuple[float, ...]
    rules: tuple[int, ...]
    nearest: int | None
    confidence: float


def answer_questionnaire(
    segmentation: Segmentation, *, profile: PlanProfile, relevance: Relevance, findings: Findings, instrument: Instrument
) -> tuple[AnswerFinding, ...]:
    """Judge all questions of the instrument, in its order.

    ``confidence`` of a criterion is the strength of its best passage where it is met and one minus
    that where it is not: how clearly the text decides, between 0 and 1.
    """
    judge = _Judge(segmentation, profile=profile, relevance=relevance, findings=findings)
    answers: list[AnswerFinding] = []
    for number, point in enumerate(instrument.points):
        for question in instrument.questions:
            criteria = tuple(judge.finding(f"{question.id}-{key}", point=number) for key in CRITERION_KEYS)
            answers.append(AnswerFinding(question.id_for(point), point.id, question.dimension, criteria, findings.skipped))
    return tuple(answers)


class _Judge:
    """Judges the criteria of one document; used once."""

    def __init__(self, segmentation: Segmentation, *, profile: PlanProfile, relevance: Relevance, findings: Findings) -> None:
        self._segmentation = segmentation
        self._features = Features(segmentation, profile=profile, findings=findings)
        self._rules = load_rules()
        heading = self._features.column("heading")
        self._about = np.where((relevance.scores >= ABOUT) & ~heading[:, None], relevance.scores, 0.0)
        self._direct = np.where(relevance.direct & ~heading[:, None], relevance.scores, 0.0)
        action = self._features.column("action") & ~self._features.column("in_diagnosis")
        self._treated = (action[:, None] & (self._about > 0)).sum(axis=0) >= TREATED
        self._judged: dict[tuple[str, int], _Judgement] = {}
        self._strengths: dict[str, tuple[NDArray[np.float64], NDArray[np.int64]]] = {}

    def finding(self, criterion: str, *, point: int) -> CriterionFinding:
        rules = self._rules[criterion]
        judgement = self._judgement(criterion, point=point)
        source = self._rules[rules.same_as] if rules.same_as else rules
        proofs = tuple(
            Proof(self._span(segment, source.rules[rule]), "questionnaire", round(strength, 3))
            for segment, strength, rule in zip(judgement.segments, judgement.strengths, judgement.rules, strict=True)
        )
        nearest = None if judgement.nearest is None else self._span(judgement.nearest, None)
        return CriterionFinding(criterion[-1], judgement.met, proofs, judgement.confidence, rules.looked_for, nearest)

    def _span(self, segment: int, rule: Rule | None) -> Span:
        return quote_span(self._features, segment=segment, cues=rule.cues() if rule else ())

    def _judgement(self, criterion: str, *, point: int) -> _Judgement:
        key = (criterion, point)
        if key not in self._judged:
            self._judged[key] = self._judge(self._rules[criterion], point=point)
        return self._judged[key]

    def _judge(self, rules: CriterionRules, *, point: int) -> _Judgement:
        if rules.same_as:
            return self._judgement(rules.same_as, point=point)
        strengths, best_rule = self._by_segment(rules)
        column = strengths[:, 0 if rules.of_document else point]
        order = np.argsort(-column, kind="stable")[: MAX_PROOFS * 2]
        showing = [int(index) for index in order if column[index] >= MET]
        met = len(showing) >= rules.least and all(self._judgement(need, point=point).met for need in rules.needs)
        if rules.of_document:
            met = met and bool(self._treated[point])
        top = float(column[order[0]]) if len(order) else 0.0
        if not met:
            nearest = int(order[0]) if top > 0 else None
            return _Judgement(False, (), (), (), nearest, round(1 - min(top, 1.0) * 0.5, 3))
        chosen = showing[:MAX_PROOFS]
        return _Judgement(
            True,
            tuple(chosen),
            tuple(float(column[i]) for i in chosen),
            tuple(int(best_rule[i]) for i in chosen),
            None,
            round(min(top, 1.0), 3),
        )

    def _by_segment(self, rules: CriterionRules) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """Strength of every segment for every point (one column for the document's), and the rule it comes from."""
        if rules.id not in self._strengths:
            self._strengths[rules.id] = self._measure(rules)
        return self._strengths[rules.id]

    def _measure(self, rules: CriterionRules) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        size = self._features.size
        best = np.zeros((size, 1 if rules.of_document else self._about.shape[1]))
        which = np.zeros(size, dtype=np.int64)
        strongest = np.zeros(size)
        for number, rule in enumerate(rules.rules):
            holds = np.ones(size, dtype=np.bool_)
            for clause in rule.clauses:
                either = self._features.column(clause[0])
                for name in clause[1:]:
                    either = either | self._features.column(name)
                holds = holds & either
            weight = np.where(holds, rule.strength, 0.0)
            relevance = np.ones((size, 1)) if rules.of_document else (self._direct if rule.own_words else self._about)
            best = np.maximum(best, weight[:, None] * relevance)
            which = np.where(weight > strongest, number, which)
            strongest = np.maximum(strongest, weight)
        return np.round(best, 3), which
