"""The results of a batch as typed data, for notebooks and scripts: what ``GET /results/{job}`` gives."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict

from serve_app.batch_html import html_table, score
from serve_app.batch_tables import answers_table, points_picture

if TYPE_CHECKING:
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
    """A question about one point. ``score`` is 0 to 3, None where the point does not apply."""

    question_id: str
    point: str
    dimension: str
    question: str = ""
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
    """One of the ten points, with its dimensions."""

    id: str
    name: str
    score: float | None
    band: str | None = None
    applicable: bool = True
    dimensions: dict[str, float | None] = {}

    @property
    def applied_score(self) -> float | None:
        """None where the point does not apply."""
        return self.score if self.applicable else None


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


class DocumentResult(_Part):
    """One document; without an evaluation, code and sentence say why where that is known."""

    document_id: str
    name: str
    evaluation: Evaluation | None = None
    review: dict[str, Any] | None = None
    """What reviewers corrected, and the scores with and without; the evaluation itself is the machine's."""
    error_code: str | None = None
    error_message: str | None = None

    @property
    def scores(self) -> tuple[float | None, dict[str, float | None]]:
        """Of the plan and of its points, with what reviewers corrected; None where a point does not apply.

        Raises:
            ValueError: there is no evaluation.
        """
        if self.evaluation is None:
            raise ValueError("no evaluation")
        if self.review is None:
            found = self.evaluation
            return found.overall.score, {one.id: one.applied_score for one in found.points}
        corrected = self.review["scores"]["corrected"]
        points = {one["id"]: one["score"] if one["applicable"] else None for one in corrected["points"]}
        return corrected["overall"]["score"], points


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
        """A row for each document and question: scores, criteria a to d, pages of the evidence."""
        return answers_table(self.evaluated)

    def heatmap(self) -> Figure:
        """Points by dimensions, the mean of all documents, 0 to 3."""
        return points_picture(self.to_dataframe())

    def __repr__(self) -> str:
        # All of it is some MB, which a notebook would store with the cell.
        return f"<{type(self).__name__} {len(self.evaluated)} of {len(self.results)} evaluated>"

    def _repr_html_(self) -> str:
        """A row for each plan and a column for each point, with what reviewers corrected."""
        points = [point.id for _, found in self.evaluated[:1] for point in found.points]
        rows = [
            (f"{one.name} *" if one.review else one.name, score(total), *map(score, of_points.values()))
            for one in self.results
            if one.evaluation
            for total, of_points in [one.scores]
        ]
        problems = [(one.name, one.error_message) for one in self.results if one.error_message]
        failed = html_table(("Plan", "Por qué no se evaluó"), problems) if problems else ""
        mark = (
            "<p>* Con las correcciones de revisores.</p>" if any(one.review for one in self.results) else ""
        )
        return html_table(("Plan", "Total", *points), rows) + mark + failed


class BatchResults(PlanResults):
    """A batch: the job as ``/status`` shows it, what checking it gave, and every evaluation."""

    job: dict[str, Any]
    summary: dict[str, Any] = {}
