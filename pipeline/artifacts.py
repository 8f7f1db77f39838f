"""The three artifacts of a document as canonical JSON: no times, no names of machines, the same bytes everywhere."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from pipeline.canonical import canonical_hash, canonical_json, encoded, rounded
from pipeline.coverage import coverage_report, coverage_summary, recognised_pages, warnings
from pipeline.evidence import page_of, quoted_part
from pipeline.extraction import scanned_pages
from pipeline.model import DIMENSION_IDS
from pipeline.questionnaire.explanations import explain
from pipeline.reported_findings import report_findings
from pipeline.scoring import LEVELS, criteria_met, question_score

if TYPE_CHECKING:
    from collections.abc import Mapping

    from msgspec import Raw

    from pipeline.evaluation import Evaluation
    from pipeline.evidence import Evidence
    from pipeline.model import AnswerFinding, CriterionFinding, Span
    from pipeline.questionnaire.instrument import Point, Question

    Described = Mapping[str, dict[str, Any]]
    """What is written of each piece of evidence, by its id."""

SCHEMA_VERSION = "1.0"
EVALUATION_RESULTS = "evaluation_results.json"
EVIDENCE_REGISTRY = "evidence_registry.json"
COVERAGE_REPORT = "coverage_report.json"


def artifacts(evaluation: Evaluation) -> dict[str, bytes]:
    """The three artifacts by file name."""
    # A passage serves many criteria and stands in two artifacts: it is described once.
    described = {entry.id: _evidence(entry) for entry in evaluation.registry.entries.values()}
    return {
        EVALUATION_RESULTS: _evaluation_results(evaluation, described=described),
        EVIDENCE_REGISTRY: _evidence_registry(evaluation, described=described),
        COVERAGE_REPORT: canonical_json({"schema_version": SCHEMA_VERSION, **coverage_report(evaluation)}),
    }


def _evaluation_results(evaluation: Evaluation, *, described: Described) -> bytes:
    """The evaluation; ``deterministic_hash`` is the hash of all the rest."""
    result: dict[str, Any] = {
        "schema_version": SCHEMA_VERSION,
        "document": _document(evaluation),
        "options": asdict(evaluation.options),
        "answers": _answers(evaluation, described=described),
        "points": _points(evaluation),
        "dimensions": _dimensions(evaluation),
        "overall": _overall(evaluation),
        "coverage": coverage_summary(evaluation),
        "findings": report_findings(evaluation.flow),
        "nodes": _nodes(evaluation),
        "warnings": warnings(evaluation),
        "freeze_hash": evaluation.freeze_hash,
        "evidence_registry_hash": evaluation.registry.registry_hash(),
    }
    # What is hashed is written as well: it is encoded once for both.
    parts = {name: encoded(part) for name, part in result.items()}
    return canonical_json({**parts, "deterministic_hash": canonical_hash(parts)})


def _evidence_registry(evaluation: Evaluation, *, described: Described) -> bytes:
    """Every piece of evidence once, by page and id, with the criteria it serves."""
    registry = evaluation.registry
    entries = sorted(registry.entries.values(), key=lambda entry: (entry.page, entry.id))
    written = {
        "schema_version": SCHEMA_VERSION,
        "document_sha256": evaluation.document.sha256,
        "evidence_registry_hash": registry.registry_hash(),
        "evidence": [
            {**described[entry.id], "serves": sorted(registry.serves[entry.id])} for entry in entries
        ],
    }
    return canonical_json(written)


def _document(evaluation: Evaluation) -> dict[str, Any]:
    profile, document = evaluation.flow.profile, evaluation.document
    return {
        "sha256": document.sha256,
        "title": document.title,
        "pages": len(document.pages),
        "municipality": profile.municipality,
        "department": profile.department,
        "period": list(profile.period) if profile.period else None,
        "status": profile.status,
        "is_plan": profile.is_plan,
        "plan_score": rounded(profile.plan_score),
        "plan_reasons": list(profile.reasons),
        "language": profile.language,
        "scanned_pages": list(scanned_pages(document.pages)),
        **recognised_pages(document),
        "sections": [
            {
                "id": s.id,
                "title": s.title,
                "level": s.level,
                "kind": s.kind.value,
                "parent": s.parent,
                "page": s.page,
            }
            for s in profile.sections
        ],
    }


def _answers(evaluation: Evaluation, *, described: Described) -> list[dict[str, Any]]:
    instrument = evaluation.instrument
    questions = {q.id_for(point): (q, point) for point in instrument.points for q in instrument.questions}
    evidence = {name: encoded(description) for name, description in described.items()}
    passages = _Passages(evaluation)
    return [
        _answer(
            answer,
            question=question,
            point=point,
            evaluation=evaluation,
            evidence=evidence,
            passages=passages,
        )
        for answer in evaluation.answers
        for question, point in [questions[answer.question_id]]
    ]


def _answer(
    answer: AnswerFinding,
    *,
    question: Question,
    point: Point,
    evaluation: Evaluation,
    evidence: Mapping[str, Raw],
    passages: _Passages,
) -> dict[str, Any]:
    met = criteria_met(answer)
    texts = {criterion.key: criterion.text for criterion in question.criteria}
    return {
        "question_id": answer.question_id,
        "point": answer.point,
        "dimension": answer.dimension,
        "question": question.text_for(point),
        "score": float(question_score(met)),
        "level": LEVELS[met],
        "criteria": {
            criterion.key: _criterion(
                criterion,
                text=texts[criterion.key],
                evidence=[evidence[e.id] for e in evaluation.cited[answer.question_id, criterion.key]],
                passages=passages,
            )
            for criterion in answer.criteria
        },
        "explanation": explain(answer, evaluation.flow.segmentation, page_of=passages.page),
        "confidence": rounded(min(criterion.confidence for criterion in answer.criteria)),
        "applicable": answer.point not in evaluation.options.not_applicable_points,
        "skipped_nodes": list(answer.skipped_nodes),
    }


def _criterion(
    criterion: CriterionFinding, *, text: str, evidence: list[Raw], passages: _Passages
) -> dict[str, Any]:
    reported: dict[str, Any] = {
        "met": criterion.met,
        "text": text,
        "confidence": rounded(criterion.confidence),
        "evidence": evidence,
    }
    if not criterion.met:
        reported["looked_for"] = criterion.looked_for
        reported["nearest"] = passages.quoted(criterion.nearest) if criterion.nearest else None
    return reported


class _Passages:
    """Passages as they are quoted where they prove nothing; one may be nearest to many criteria, and is cut once."""

    def __init__(self, evaluation: Evaluation) -> None:
        self._document = evaluation.flow.clean
        self._segments = evaluation.flow.segmentation.segments
        self._quoted: dict[tuple[int, int, int], dict[str, Any]] = {}

    def quoted(self, span: Span) -> dict[str, Any]:
        """Page and quote; not to be changed."""
        key = (span.segment, span.start, span.end)
        if key not in self._quoted:
            segment = self._segments[span.segment]
            start, end = quoted_part(segment.text, start=span.start, end=span.end)
            page = page_of(self._document, segment=segment, offset=start)
            self._quoted[key] = {"page": page, "quote": segment.text[start:end]}
        return self._quoted[key]

    def page(self, span: Span) -> int:
        """Page on which the quote begins, counted from 1."""
        return int(self.quoted(span)["page"])


def _evidence(entry: Evidence) -> dict[str, Any]:
    return {
        "id": entry.id,
        "page": entry.page,
        "quote": entry.quote,
        "section": entry.section,
        "section_kind": entry.section_kind,
        "kind": entry.kind,
        "node": entry.node,
        "boxes": encoded([{"page": page, "box": box} for page, box in entry.boxes]),
    }


def _points(evaluation: Evaluation) -> list[dict[str, Any]]:
    scores = evaluation.scores
    return [
        {
            "id": point.id,
            "name": point.name,
            "score": scores.points[point.id].number,
            "band": scores.points[point.id].band,
            "applicable": point.id not in evaluation.options.not_applicable_points,
            "dimensions": {d: scores.cells[point.id, d].number for d in DIMENSION_IDS},
            "criteria_met": scores.points[point.id].criteria_met,
            "criteria_total": scores.points[point.id].criteria_total,
        }
        for point in evaluation.instrument.points
    ]


def _dimensions(evaluation: Evaluation) -> list[dict[str, Any]]:
    scores = evaluation.scores.dimensions
    return [
        {"id": d.id, "name": d.name, "score": scores[d.id].number, "band": scores[d.id].band}
        for d in evaluation.instrument.dimensions
    ]


def _overall(evaluation: Evaluation) -> dict[str, Any]:
    overall = evaluation.scores.overall
    return {
        "score": overall.number,
        "band": overall.band,
        "criteria_met": overall.criteria_met,
        "criteria_total": overall.criteria_total,
    }


def _nodes(evaluation: Evaluation) -> list[dict[str, Any]]:
    return [
        {
            "number": run.node.number,
            "name": run.node.name,
            "version": run.node.version,
            "status": run.status,
            "items": run.items,
            "without": list(run.without),
        }
        for run in evaluation.flow.runs
    ]
