"""Answering the 300 questions: each criterion is judged by its rules over the passages about the point."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pipeline.model import CRITERION_KEYS, POINT_IDS, AnswerFinding, CriterionFinding, Proof
from pipeline.nodes.embedding import ABOUT
from pipeline.questionnaire.features import Features
from pipeline.questionnaire.rules import load_rules
from pipeline.questionnaire.units import Units

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pipeline.model import Findings, PlanProfile, Relevance, Segmentation
    from pipeline.questionnaire.instrument import Instrument
    from pipeline.questionnaire.rules import CriterionRules, Rule

NODE_OF_FEATURE = {
    "amount": "monetary_detection",
    "ind_product": "feasibility_scoring",
    "ind_result": "feasibility_scoring",
    "ind_baseline": "feasibility_scoring",
    "ind_target": "feasibility_scoring",
    "ind_by_year": "feasibility_scoring",
    "causal_cause": "causal_detection",
    "causal_end": "causal_detection",
}
"""Which node a feature of the rules comes from."""
MET = 0.58
"""From this strength (rule × relevance) on a passage shows a criterion."""
MAX_PROOFS = 8
CANDIDATES = 8
PER_SECTION = 4
"""A reader learns more from passages of different sections than from neighbours."""
OVERVIEW_SHARE = 0.75
"""A passage that presents the plan's programmes says less about a point than the programmes do."""
NOBODYS_SHARE = 0.5
"""Laws, guides, studies and minutes promise nothing in a municipality's name."""
LEAST_PLAN_SCORE = 0.35
"""Below, a document bears hardly a mark of a plan: real plans score 0.89 and more, official non-plans 0.3 and less."""
PLACE_BONUS = 0.1
SHARED_LOSS = 0.04
"""A passage that names other points as well is the weaker proof, by this for each."""
RULE_BONUS = 0.05
"""What each rule of the criterion that a passage fulfils adds to its rank as a proof."""
LENGTH_LOSS = 0.1
PLAIN_CHARS = 300
"""A long passage says many things beside; what ``PLAIN_CHARS`` and longer passages lose in rank."""
TIE = 0.02
"""Strengths that differ by less than this are ties."""
TREATED = 2
"""A point has a programme or target of its own when so many passages with an action are about it."""
MENTIONS = 2
"""A point that no more passages of a plan are about, none of them with an action, is mentioned, not treated."""
WHOLE_PLAN = 400
"""A text of fewer passages is an excerpt, of which that cannot be said."""


@dataclass(frozen=True, slots=True)
class _Judgement:
    met: bool
    units: tuple[int, ...]
    strengths: tuple[float, ...]
    nearest: int | None
    confidence: float


def answer_questionnaire(
    segmentation: Segmentation,
    *,
    profile: PlanProfile,
    relevance: Relevance,
    findings: Findings,
    instrument: Instrument,
) -> tuple[AnswerFinding, ...]:
    """Judge all questions of the instrument, in its order.

    ``confidence`` of a criterion is the strength of its best passage where it is met and one minus
    that where it is not: how clearly the text decides, between 0 and 1.
    """
    judge = _Judge(segmentation, profile=profile, relevance=relevance, findings=findings)
    answers: list[AnswerFinding] = []
    for point in instrument.points:
        number = POINT_IDS.index(point.id)
        for question in instrument.questions:
            criteria = tuple(judge.finding(f"{question.id}-{key}", point=number) for key in CRITERION_KEYS)
            answers.append(
                AnswerFinding(
                    question.id_for(point),
                    point.id,
                    question.dimension,
                    criteria,
                    _missed(question.id, skipped=findings.skipped),
                )
            )
    return tuple(answers)


def _missed(question: str, *, skipped: tuple[str, ...]) -> tuple[str, ...]:
    """The nodes switched off that one of the question's criteria would have used."""
    if not skipped:
        return ()
    rules = load_rules()
    used = {
        NODE_OF_FEATURE.get(cue)
        for key in CRITERION_KEYS
        for rule in rules[rules[f"{question}-{key}"].same_as or f"{question}-{key}"].rules
        for cue in rule.cues()
    }
    return tuple(node for node in skipped if node in used)


class _Judge:
    """Judges the criteria of one document; used once."""

    def __init__(
        self, segmentation: Segmentation, *, profile: PlanProfile, relevance: Relevance, findings: Findings
    ) -> None:
        self._units = Units(segmentation, relevance=relevance)
        self._features = Features(self._units, profile=profile, findings=findings)
        self._rules = load_rules()
        overview = np.where(self._features.column("overview"), OVERVIEW_SHARE, 1.0)[:, None]
        share = overview if profile.plan_score >= LEAST_PLAN_SCORE else overview * NOBODYS_SHARE
        self._about = self._units.about * share
        self._direct = self._units.own * share
        action = self._features.column("action") & ~self._features.column("in_diagnosis")
        acting = (action[:, None] & (self._about >= ABOUT)).sum(axis=0)
        self._treated = acting >= TREATED
        if self._features.size >= WHOLE_PLAN:
            mentioned = (acting == 0) & ((self._about >= ABOUT).sum(axis=0) <= MENTIONS)
            self._about = np.where(mentioned, 0.0, self._about)
            self._direct = np.where(mentioned, 0.0, self._direct)
        self._anything = np.where(self._features.column("heading"), 0.0, 1.0)[:, None]
        named = (self._units.own > 0).sum(axis=1)
        self._shared_with_others = SHARED_LOSS * np.maximum(named - 1, 0)
        self._judged: dict[tuple[str, int], _Judgement] = {}
        self._strengths: dict[str, NDArray[np.float64]] = {}
        length = np.minimum(self._features.joined.lengths, PLAIN_CHARS) / PLAIN_CHARS
        self._plainness = -LENGTH_LOSS * length - self._shared_with_others

    def finding(self, criterion: str, *, point: int) -> CriterionFinding:
        rules = self._rules[criterion]
        judgement = self._judgement(criterion, point=point)
        proofs = tuple(
            Proof(self._units.span(unit), "questionnaire", round(strength, 3))
            for unit, strength in zip(judgement.units, judgement.strengths, strict=True)
        )
        nearest = None if judgement.nearest is None else self._units.span(judgement.nearest)
        return CriterionFinding(
            criterion[-1], judgement.met, proofs, judgement.confidence, rules.looked_for, nearest
        )

    def _judgement(self, criterion: str, *, point: int) -> _Judgement:
        key = (criterion, point)
        if key not in self._judged:
            self._judged[key] = self._judge(self._rules[criterion], point=point)
        return self._judged[key]

    def _judge(self, rules: CriterionRules, *, point: int) -> _Judgement:
        if rules.same_as:
            return self._judgement(rules.same_as, point=point)
        strengths = self._by_unit(rules)
        column = strengths[:, 0 if rules.of_document else point]
        above = np.flatnonzero(column >= MET)
        showing = above[np.argsort(-column[above], kind="stable")[: MAX_PROOFS * CANDIDATES]].tolist()
        met = len(showing) >= rules.least and all(
            self._judgement(need, point=point).met for need in rules.needs
        )
        if rules.beside:
            met = met and bool((self._beside(rules)[:, point] >= MET).any())
        if rules.of_document:
            met = met and bool(self._treated[point])
        best = int(column.argmax()) if len(column) else 0
        top = min(float(column[best]), 1.0) if len(column) else 0.0
        if not met:
            nearest = best if top > 0 else None
            return _Judgement(
                met=False, units=(), strengths=(), nearest=nearest, confidence=round(1 - top / 2, 3)
            )
        held = RULE_BONUS * np.sum([self._holds(rule) for rule in rules.rules], axis=0)
        chosen = self._chosen(showing, rank=column + self._fitting_place(rules) + held + self._plainness)
        strengths_shown = tuple(float(column[unit]) for unit in chosen)
        return _Judgement(
            met=True, units=chosen, strengths=strengths_shown, nearest=None, confidence=round(top, 3)
        )

    def _fitting_place(self, rules: CriterionRules) -> NDArray[np.float64]:
        """A preference for passages from the part of the plan where the criterion is at home."""
        if rules.of_document:
            part = "in_monitoring"
        else:
            part = "in_diagnosis" if rules.id.startswith(("D1-Q1", "D1-Q2")) else "in_strategy"
        return np.where(self._features.column(part), PLACE_BONUS, 0.0)

    def _chosen(self, showing: list[int], *, rank: NDArray[np.float64]) -> tuple[int, ...]:
        """The best passages, not too many of one section; near ties go to the earlier one."""
        ranked = sorted(showing, key=lambda unit: (-round(float(rank[unit]) / TIE), unit))
        taken: dict[int, int] = {}
        chosen: list[int] = []
        for unit in ranked:
            section = self._units.segments[unit].section
            if taken.get(section, 0) < PER_SECTION and len(chosen) < MAX_PROOFS:
                taken[section] = taken.get(section, 0) + 1
                chosen.append(unit)
        return tuple(chosen)

    def _by_unit(self, rules: CriterionRules) -> NDArray[np.float64]:
        """Strength of every unit for every point, or in one column for the document as a whole."""
        if rules.id not in self._strengths:
            self._strengths[rules.id] = self._measure(
                rules.rules, of_document=rules.of_document, citations=rules.citations
            )
        return self._strengths[rules.id]

    def _beside(self, rules: CriterionRules) -> NDArray[np.float64]:
        key = rules.id + " beside"
        if key not in self._strengths:
            self._strengths[key] = self._measure(rules.beside, of_document=False, citations=False)
        return self._strengths[key]

    def _measure(self, rules: tuple[Rule, ...], *, of_document: bool, citations: bool) -> NDArray[np.float64]:
        size = self._features.size
        best = np.zeros((size, 1 if of_document else self._about.shape[1]))
        usable = np.ones(size, dtype=np.bool_) if citations else ~self._features.column("law_wording")
        for rule in rules:
            weight = np.where(self._holds(rule) & usable, rule.strength, 0.0)
            relevance = (
                np.ones((size, 1)) if of_document else (self._direct if rule.own_words else self._about)
            )
            shown = weight[:, None] * relevance
            for token in rule.of_point:
                shown = np.where(self._features.of_point[token], shown, 0.0)
            best = np.maximum(best, shown)
        capped: NDArray[np.float64] = np.minimum(best, 1.0)
        rounded: NDArray[np.float64] = np.round(capped, 3)
        return rounded

    def _holds(self, rule: Rule) -> NDArray[np.bool_]:
        holds = np.ones(self._features.size, dtype=np.bool_)
        for clause in rule.clauses:
            either = self._features.column(clause[0])
            for name in clause[1:]:
                either = either | self._features.column(name)
            holds = holds & either
        return holds
