"""Answering the 300 questions.

In a whole plan the passages about a point are weighed together (``reading``), and one that is clear by the rules is
enough by itself. In an excerpt, and for what is judged on the document as a whole, the rules decide alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pipeline.model import CRITERION_KEYS, POINT_IDS, AnswerFinding, CriterionFinding, Proof
from pipeline.questionnaire.passage_reader import PassageReader
from pipeline.questionnaire.reading import Reading
from pipeline.questionnaire.rules import MET, load_rules
from pipeline.questionnaire.strengths import RuleStrengths

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from pipeline.model import Findings, PlanProfile, Relevance, Segmentation
    from pipeline.questionnaire.instrument import Instrument
    from pipeline.questionnaire.passage_reader import Readings
    from pipeline.questionnaire.reading import PointReading
    from pipeline.questionnaire.rules import CriterionRules

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
MAX_PROOFS = 8
MAX_CANDIDATES = 64
PER_SECTION = 4
"""A reader learns more from passages of different sections than from neighbours."""
PLACE_BONUS = 0.1
SHARED_LOSS = 0.04
"""A passage that names other points as well is the weaker proof, by this for each."""
RULE_BONUS = 0.05
"""What each rule of the criterion that a passage fulfils adds to its rank as a proof."""
LENGTH_LOSS = 0.1
PLAIN_CHARS = 300
"""A long passage says many things beside; what ``PLAIN_CHARS`` and longer passages lose in rank."""
RULE_SHARE = 0.1
PLAINNESS_SHARE = 0.3
"""In a whole plan: what strength by the rules, and plainness, add to a passage's reading when proofs are ranked."""
LEAST_READING = 0.05
"""A passage that reads less like evidence is not shown as such."""
EVEN = 0.5
"""A criterion of a whole plan is met when a careful reader would more likely than not call it met."""
UNTREATED_CONFIDENCE = 0.75
"""What is asked of the document as a whole is not met where the point has no programme of its own: right in 141 of 188
such criteria of 27 labelled plans."""
CLEAR = 0.85
"""A passage this strong by the rules shows a criterion of a whole plan even when nothing else speaks for it."""
STRONG = 0.7
LIKELY = 0.4
"""A passage that is ``STRONG`` by the rules does so where the whole plan leaves a chance of ``LIKELY``."""
TIE = 0.02
"""Strengths that differ by less than this are ties."""


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

    ``confidence`` of a criterion says how clearly the text decides, between 0 and 1. In a whole plan it is the chance
    that a careful reader of the plan would answer the same; where rules decide alone it is the strength of the
    best passage of a criterion that is met, and one minus half of it of one that is not.
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
        self._strengths = RuleStrengths(segmentation, profile=profile, relevance=relevance, findings=findings)
        self._units = self._strengths.units
        self._features = self._strengths.features
        self._reading = Reading.load()
        self._readings = PassageReader.load().read(self._strengths) if self._strengths.whole_plan else None
        self._read: dict[int, _RankedReading] = {}
        self._judged: dict[tuple[str, int], _Judgement] = {}
        named = (self._units.own > 0).sum(axis=1)
        shared_with_others = SHARED_LOSS * np.maximum(named - 1, 0)
        length = np.minimum(self._features.joined.lengths, PLAIN_CHARS) / PLAIN_CHARS
        self._plainness = -LENGTH_LOSS * length - shared_with_others

    def finding(self, criterion: str, *, point: int) -> CriterionFinding:
        rules = self._strengths.rules[criterion]
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
            rules = self._strengths.rules[criterion]
            if rules.same_as:
                self._judged[key] = self._judgement(rules.same_as, point=point)
            elif self._readings is not None and criterion in self._reading.position:
                self._judged[key] = self._by_reading(rules, readings=self._readings, point=point)
            else:
                self._judged[key] = self._by_rules(rules, point=point)
        return self._judged[key]

    def _needs(self, rules: CriterionRules, *, point: int) -> bool:
        return all(self._judgement(need, point=point).met for need in rules.needs)

    # ------------------------------------------------------------------ whole plans: all passages are weighed

    def _by_reading(self, rules: CriterionRules, *, readings: Readings, point: int) -> _Judgement:
        if point not in self._read:
            read = self._reading.read(self._strengths, readings=readings, point=point)
            # One point at a time: together they would hold some tens of megabytes.
            self._read = {
                point: _RankedReading.of(
                    read,
                    plainness=self._plainness[read.passages],
                    statement=self._features.column("statement")[read.passages],
                )
            }
        ranked = self._read[point]
        number = self._reading.position[rules.id]
        chance = float(ranked.read.chances[number])
        best = ranked.best(number)
        if best is None or not (chance >= EVEN or self._clear(rules, point=point, chance=chance)):
            return _missing(best, confidence=1 - chance)
        showing, ranks, strengths = ranked.showing(number)
        return _shown(self._chosen(showing, ranks=ranks), strengths=strengths, confidence=chance)

    def _clear(self, rules: CriterionRules, *, point: int, chance: float) -> bool:
        needed = STRONG if chance >= LIKELY else CLEAR
        column = self._strengths.of(rules)[:, point]
        return bool((column >= needed).any()) and self._rules_hold(rules, point=point)

    # ------------------------------------------------------------------ excerpts and documents: one passage is enough

    def _by_rules(self, rules: CriterionRules, *, point: int) -> _Judgement:
        strengths = self._strengths.of(rules)
        column = strengths[:, 0 if rules.of_document else point]
        met = self._rules_hold(rules, point=point)
        best = int(column.argmax()) if len(column) else 0
        top = min(float(column[best]), 1.0) if len(column) else 0.0
        if not met:
            untreated = rules.of_document and not self._strengths.treated[point]
            return _missing(
                best if top > 0 else None, confidence=UNTREATED_CONFIDENCE if untreated else 1 - top / 2
            )
        above = np.flatnonzero(column >= MET)
        showing = above[np.argsort(-column[above], kind="stable")[:MAX_CANDIDATES]]
        held = RULE_BONUS * self._strengths.held(rules)[showing]
        rank = column[showing] + self._fitting_place(rules)[showing] + held + self._plainness[showing]
        strengths_shown = dict(zip(showing.tolist(), column[showing].tolist(), strict=True))
        chosen = self._chosen(showing.tolist(), ranks=rank.tolist())
        return _shown(chosen, strengths=strengths_shown, confidence=top)

    def _rules_hold(self, rules: CriterionRules, *, point: int) -> bool:
        """Enough passages show it by its rules, and what must stand beside them does."""
        column = self._strengths.of(rules)[:, 0 if rules.of_document else point]
        met = int((column >= MET).sum()) >= rules.least and self._needs(rules, point=point)
        if rules.beside:
            met = met and bool((self._strengths.beside(rules)[:, point] >= MET).any())
        if rules.of_document:
            met = met and bool(self._strengths.treated[point])
        return met

    def _fitting_place(self, rules: CriterionRules) -> NDArray[np.float64]:
        """A preference for passages from the part of the plan where the criterion is at home."""
        if rules.of_document:
            part = "in_monitoring"
        else:
            part = "in_diagnosis" if rules.id.startswith(("D1-Q1", "D1-Q2")) else "in_strategy"
        return np.where(self._features.column(part), PLACE_BONUS, 0.0)

    def _chosen(self, showing: list[int], *, ranks: list[float]) -> tuple[int, ...]:
        """The best passages, not too many of one section; near ties go to the earlier one."""
        ranked = np.lexsort((np.array(showing), -np.round(np.array(ranks) / TIE)))
        taken: dict[int, int] = {}
        chosen: list[int] = []
        for position in ranked.tolist():
            section = self._units.segments[showing[position]].section
            if taken.get(section, 0) < PER_SECTION:
                taken[section] = taken.get(section, 0) + 1
                chosen.append(showing[position])
                if len(chosen) == MAX_PROOFS:
                    break
        return tuple(chosen)


@dataclass(frozen=True, slots=True)
class _RankedReading:
    """The passages about one point as proofs of each criterion: how they rank, and which may be shown at all."""

    read: PointReading
    ranks: NDArray[np.float64]
    """(criteria, passages); minus infinity for what is not shown."""
    first: NDArray[np.int64]
    """(criteria,): the passage that ranks first, as a column of ``ranks``."""
    strengths: NDArray[np.float64]
    """(passages, criteria)"""

    @classmethod
    def of(
        cls, read: PointReading, *, plainness: NDArray[np.float64], statement: NDArray[np.bool_]
    ) -> _RankedReading:
        """Rank them; a label, date or source line that no rule knows as evidence is not shown as such."""
        shown = np.where(read.by_rules >= MET, read.by_rules, 0.0)
        rank = read.readings + RULE_SHARE * shown + PLAINNESS_SHARE * plainness[:, None]
        may_be_shown = ((read.readings >= LEAST_READING) & statement[:, None]) | (shown > 0)
        ranks = np.where(may_be_shown, rank, -np.inf).T.copy()
        first = ranks.argmax(axis=1) if len(read.passages) else np.empty(0, dtype=np.int64)
        return cls(read, ranks, first, np.maximum(read.readings, shown))

    def best(self, number: int) -> int | None:
        """The passage that ranks first for a criterion."""
        if not len(self.first):
            return None
        first = self.first[number]
        return int(self.read.passages[first]) if np.isfinite(self.ranks[number, first]) else None

    def showing(self, number: int) -> tuple[list[int], list[float], dict[int, float]]:
        """The candidates for a criterion's proofs, best first, with ranks and strengths."""
        rank = self.ranks[number]
        order = np.argsort(-rank, kind="stable")[:MAX_CANDIDATES]
        order = order[np.isfinite(rank[order])]
        passages = self.read.passages[order].tolist()
        strengths = dict(zip(passages, self.strengths[order, number].tolist(), strict=True))
        return passages, rank[order].tolist(), strengths


def _shown(units: tuple[int, ...], *, strengths: Mapping[int, float], confidence: float) -> _Judgement:
    return _Judgement(
        met=True,
        units=units,
        strengths=tuple(strengths[unit] for unit in units),
        nearest=None,
        confidence=round(confidence, 3),
    )


def _missing(nearest: int | None, *, confidence: float) -> _Judgement:
    return _Judgement(met=False, units=(), strengths=(), nearest=nearest, confidence=round(confidence, 3))
