"""The results of a batch as typed data, for notebooks and scripts: what ``GET /results/{job}`` gives."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict

from serve_app.batch_html import html_table, score
from serve_app.batch_tables import answers_table, points_picture

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd
    from matplotlib.figure import Figure


class _Part(BaseModel):
    """A part of the results; fields that a later version adds are kept."""

    model_config = ConfigDict(extra="allow", frozen=True)


class Evidence(_Part):
    """A passage or table row of the plan. ``page`` counts from 1."""

    id: str
    page: int
    quote: str
    section: str = ""
    kind: str = ""

    def _repr_html_(self) -> str:
        return html_table(("Página", "Sección", "Pasaje"), [(self.page, self.section, self.quote)])


class Criterion(_Part):
    """One of the four criteria of a question."""

    met: bool | None
    confidence: float | None = None
    evidence: list[Evidence] = []


class Answer(_Part):
    """A question about one point. ``score`` is 0 to 3, also where the point does not apply (``applicable``)."""

    question_id: str
    point: str
    dimension: str
    question: str = ""
    applicable: bool = True
    score: float | None
    level: str | None = None
    confidence: float | None = None
    explanation: str = ""
    criteria: dict[str, Criterion]

    @property
    def evidence(self) -> list[Evidence]:
        """Of all its criteria, each passage once, in the order of the plan."""
        found = {one.id: one for criterion in self.criteria.values() for one in criterion.evidence}
        return sorted(found.values(), key=lambda one: (one.page, one.id))

    def __repr__(self) -> str:
        return f"<Answer {self.question_id} {score(self.score)}>"

    def _repr_html_(self) -> str:
        rows = [(one.page, one.section, one.quote) for one in self.evidence]
        title = html_table(
            ("Pregunta", "Puntaje", "Explicación"),
            [(f"{self.question_id} {self.question}", score(self.score), self.explanation)],
        )
        return title + html_table(("Página", "Sección", "Pasaje"), rows)


class Point(_Part):
    """One of the ten points, with its dimensions. One that does not apply counts in no average of the plan."""

    id: str
    name: str = ""
    applicable: bool = True
    score: float | None
    band: str | None = None
    dimensions: dict[str, float | None] = {}


class Overall(_Part):
    """The plan as a whole."""

    score: float | None
    band: str | None = None
    criteria_met: int = 0
    criteria_total: int = 0


class Evaluation(_Part):
    """``evaluation_results.json`` of one document."""

    answers: list[Answer]
    points: list[Point]
    overall: Overall
    deterministic_hash: str
    freeze_hash: str
    document: dict[str, Any] = {}

    def __repr__(self) -> str:
        return f"<Evaluation {score(self.overall.score)} {self.deterministic_hash[:12]}>"

    def answer(self, question_id: str) -> Answer:
        """One answer, as ``P1-D1-Q1``.

        Raises:
            KeyError: there is no such question.
        """
        for answer in self.answers:
            if answer.question_id == question_id:
                return answer
        raise KeyError(question_id)


class Change(_Part):
    """A correction that holds: of a point (``P9``: whether it applies) or a criterion (``P1-D1-Q1-a``: whether met)."""

    target: str
    value: bool | None
    reviewer: str = ""
    reason: str = ""
    page: int | None = None


class Scores(_Part):
    """The scores of a plan."""

    overall: Overall
    points: list[Point]


class ScoresOfReview(_Part):
    """The scores of a plan without and with the reviewers' corrections."""

    machine: Scores
    corrected: Scores


class Review(_Part):
    """What reviewers corrected in an evaluation, which itself stays the machine's."""

    revision: int
    corrections: list[Change]
    scores: ScoresOfReview


class DocumentResult(_Part):
    """One document; without an evaluation, code and sentence say why where that is known."""

    document_id: str
    name: str
    evaluation: Evaluation | None = None
    review: Review | None = None
    error_code: str | None = None
    error_message: str | None = None

    @property
    def scores(self) -> tuple[float | None, dict[str, float | None]]:
        """Of the plan and of its points, with what reviewers corrected; None where a point does not apply.

        Raises:
            ValueError: there is no evaluation.
        """
        found = self.review.scores.corrected if self.review else self.evaluation
        if found is None:
            raise ValueError("no evaluation")
        return found.overall.score, {one.id: one.score if one.applicable else None for one in found.points}


class PlanResults(_Part):
    """Evaluated plans, and what can be looked at in all of them together."""

    results: list[DocumentResult]

    @property
    def evaluated(self) -> list[tuple[str, Evaluation]]:
        """Name and evaluation of each document that has one."""
        return [(result.name, result.evaluation) for result in self.results if result.evaluation]

    def passages(self, question_id: str) -> dict[str, list[Evidence]]:
        """The passages that an answer rests on, such as ``P1-D1-Q1``, by document.

        Raises:
            KeyError: there is no such question.
        """
        return {name: found.answer(question_id).evidence for name, found in self.evaluated}

    def to_dataframe(self) -> pd.DataFrame:
        """A row for each evaluated document and question: scores, criteria a to d, pages of the evidence.

        ``puntaje`` is empty where the point does not apply: a mean over a plan's rows is its score.
        ``puntaje_corregido``, ``aplica_corregido`` and ``revisado_por`` say what reviewers corrected.
        """
        return answers_table(self.results)

    def heatmap(self) -> Figure:
        """Points by dimensions, 0 to 3: the mean of the documents to which a point applies, with corrections."""
        return points_picture(self.to_dataframe())

    def __repr__(self) -> str:
        # All of it is some MB, which a notebook would store with the cell.
        return f"<{type(self).__name__} {len(self.evaluated)} of {len(self.results)} evaluated>"

    def _repr_html_(self) -> str:
        """A row for each plan and a column for each point; corrected plans with what holds after correction."""
        points = [point.id for _, found in self.evaluated[:1] for point in found.points]
        rows = [_row(one) for one in self.results if one.evaluation]
        problems = [(one.name, one.error_message) for one in self.results if one.error_message]
        failed = html_table(("Plan", "Por qué no se evaluó"), problems) if problems else ""
        corrected = any(one.review for one in self.results if one.evaluation)
        note = "<p>* Con las correcciones de la revisión.</p>" if corrected else ""
        return html_table(("Plan", "Total", *points), rows) + note + failed


def _row(result: DocumentResult) -> tuple[str, ...]:
    total, of_points = result.scores
    return (result.name + (" *" if result.review else ""), score(total), *map(score, of_points.values()))


class BatchResults(PlanResults):
    """A batch: the job as ``/status`` shows it, what checking it gave, and every evaluation."""

    job: dict[str, Any]
    summary: dict[str, Any] = {}

    def agrees_with(self, state: Mapping[str, Any]) -> bool:
        """Whether the job, as ``/status`` shows it now, still has these documents and corrections."""
        return _version(self.job) == _version(state)


def _version(state: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    names = ("document_id", "status", "deterministic_hash", "corrections_revision")
    return [tuple(document.get(name) for name in names) for document in state["documents"]]
