"""How strongly each passage of a document shows each criterion by the criterion's rules."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pipeline.nodes.embedding import ABOUT, WHOLE_PLAN
from pipeline.questionnaire.features import Features
from pipeline.questionnaire.rules import MET, load_rules
from pipeline.questionnaire.units import Units

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pipeline.model import Findings, PlanProfile, Relevance, Segmentation
    from pipeline.questionnaire.rules import CriterionRules, Rule

OVERVIEW_SHARE = 0.75
"""A passage that presents the plan's programmes says less about a point than the programmes do."""
NOBODYS_SHARE = 0.5
"""Laws, guides, studies and minutes promise nothing in a municipality's name."""
LEAST_PLAN_SCORE = 0.35
"""Below, a document bears hardly a mark of a plan: real plans score 0.89 and more, official non-plans 0.3 and less."""
TREATED = 2
"""A point has a programme or target of its own when so many passages with an action are about it."""
MENTIONS = 2
"""A point that no more passages of a plan are about, none of them with an action, is mentioned, not treated."""


class RuleStrengths:
    """The passages of one document, what each is about, and what the rules find in it.

    Attributes:
        about: (passages, 10) relevance to each point, 0 where a passage is not about it.
        direct: the same for what a passage says in its own words.
        treated: (10,) whether the document has a programme or target of the point's own.
        whole_plan: whether the document is long enough to be a plan, and bears a plan's marks.
    """

    def __init__(
        self, segmentation: Segmentation, *, profile: PlanProfile, relevance: Relevance, findings: Findings
    ) -> None:
        self.units = Units(segmentation, relevance=relevance)
        self.features = Features(self.units, profile=profile, findings=findings)
        self.rules = load_rules()
        self._holding: dict[Rule, NDArray[np.int64]] = {}
        of_a_plan = profile.plan_score >= LEAST_PLAN_SCORE
        overview = np.where(self.features.column("overview"), OVERVIEW_SHARE, 1.0)[:, None]
        share = overview if of_a_plan else overview * NOBODYS_SHARE
        self.about: NDArray[np.float64] = self.units.about * share
        self.direct: NDArray[np.float64] = self.units.own * share
        self.whole_plan = of_a_plan and self.features.size >= WHOLE_PLAN
        action = self.features.column("action") & ~self.features.column("in_diagnosis")
        acting = (action[:, None] & (self.about >= ABOUT)).sum(axis=0)
        self.treated: NDArray[np.bool_] = acting >= TREATED
        if self.features.size >= WHOLE_PLAN:
            mentioned = (acting == 0) & ((self.about >= ABOUT).sum(axis=0) <= MENTIONS)
            self.about = np.where(mentioned, 0.0, self.about)
            self.direct = np.where(mentioned, 0.0, self.direct)
        # Halves what a long plan holds: numbers of three decimals are told apart in float32.
        self._strengths: dict[str, NDArray[np.float32]] = {}
        self._showing: dict[str, int] = {}

    def of(self, rules: CriterionRules) -> NDArray[np.float32]:
        """(passages, 10), or (passages, 1) for what is judged on the document as a whole; 0..1."""
        if rules.id not in self._strengths:
            self._strengths[rules.id] = self._measure(
                rules.rules, of_document=rules.of_document, citations=rules.citations
            )
        return self._strengths[rules.id]

    def showing(self, rules: CriterionRules) -> int:
        """How many passages show a criterion for one point or more."""
        if rules.id not in self._showing:
            self._showing[rules.id] = int((self.of(rules) >= MET).any(axis=1).sum())
        return self._showing[rules.id]

    def beside(self, rules: CriterionRules) -> NDArray[np.float32]:
        """(passages, 10): the same for what must stand somewhere else in the document."""
        key = rules.id + " beside"
        if key not in self._strengths:
            self._strengths[key] = self._measure(rules.beside, of_document=False, citations=False)
        return self._strengths[key]

    def held(self, rules: CriterionRules) -> NDArray[np.int64]:
        """(passages,): how many of the criterion's rules hold, whatever the point."""
        held = np.zeros(self.features.size, dtype=np.int64)
        for rule in rules.rules:
            held[self._holds(rule)] += 1
        return held

    def of_any_point(self, rules: CriterionRules) -> NDArray[np.float32]:
        """(passages,): how strong the strongest rule that holds is, whatever the passage is about; 0..1."""
        best = np.zeros(self.features.size, dtype=np.float32)
        for rule in rules.rules:
            at = self._holds(rule)
            best[at] = np.maximum(best[at], min(rule.strength, 1.0))
        return best

    def _measure(self, rules: tuple[Rule, ...], *, of_document: bool, citations: bool) -> NDArray[np.float32]:
        relevances = (self.about, self.direct)
        points = 1 if of_document else self.about.shape[1]
        # Read point by point: the passages of a point stand together.
        best = np.zeros((self.features.size, points), dtype=np.float32, order="F")
        wording = self.features.column("law_wording")
        for rule in rules:
            # A rule holds for few passages: only those are looked at.
            at = self._holds(rule)
            at = at if citations else at[~wording[at]]
            if of_document:
                shown = np.full((len(at), 1), rule.strength)
            else:
                shown = rule.strength * relevances[rule.own_words][at]
            for token in rule.of_point:
                shown = np.where(self.features.of_point[token][at], shown, 0.0)
            best[at] = np.maximum(best[at], np.round(np.minimum(shown, 1.0), 3).astype(np.float32))
        return best

    def _holds(self, rule: Rule) -> NDArray[np.int64]:
        """The passages in which a rule's features stand together."""
        if rule not in self._holding:
            self._holding[rule] = np.flatnonzero(self._stand_together(rule))
        return self._holding[rule]

    def _stand_together(self, rule: Rule) -> NDArray[np.bool_]:
        holds = np.ones(self.features.size, dtype=np.bool_)
        for clause in rule.clauses:
            either = self.features.column(clause[0])
            for name in clause[1:]:
                either = either | self.features.column(name)
            holds = holds & either
        return holds
