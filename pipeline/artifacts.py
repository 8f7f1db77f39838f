"""The three artifacts of a document as canonical JSON: no times, no names of machines, the same bytes everywhere."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from pipeline.canonical import canonical_hash, canonical_json, rounded
from pipeline.coverage import coverage_report, coverage_summary, recognised_pages, warnings
from pipeline.evidence import page_of, quoted_part
from pipeline.extraction import scanned_pages
from pipeline.model import DIMENSION_IDS
from pipeline.questionnaire.explanations import explain
from pipeline.reported_findings import report_findings
from pipeline.scoring import LEVELS, criteria_met, question_score

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pipeline.evaluation import Evaluation
    from pipeline.evidence import Evidence
    from pipeline.model import AnswerFinding, CriterionFinding, Span
    from pipeline.questionnaire.instrument import Point, Question

SCHEMA_VERSION = "1.0"
EVALUATION_RESULTS = "evaluation_results.json"
EVIDENCE_REGISTRY = "evidence_registry.json"
COVERAGE_REPORT = "coverage_report.json"


def artifacts(evaluation: Evaluation) -> dict[str, bytes]:
    """The three artifacts by file name."""
    return {
        EVALUATION_RESULTS: canonical_json(evaluation_results(evaluation)),
        EVIDENCE_REGISTRY: canonical_json(evidence_registry(evaluation)),
        COVERAGE_REPORT: canonical_json({"schema_version": SCHEMA_VERSION, **coverage_report(evaluation)}),
    }


def evaluation_results(evaluation: Evaluation) -> dict[str, Any]:
    """The evaluation as JSON-like data; ``deterministic_hash`` is the hash of all the rest."""
    result: dict[str, Any] = {
        "schema_version": SCHEMA_VERSION,
        "document": _document(evaluation),
        "options": asdict(evaluation.options),
        "answers": _answers(evaluation),
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
    result["deterministic_hash"] = canonical_hash(result)
    return result


def evidence_registry(evaluation: Evaluation) -> dict[str, Any]:
    """Every piece of evidence once, by page and id, with the criteria it serves."""
    registry = evaluation.registry
    entries = sorted(registry.entries.values(), key=lambda entry: (entry.page, entry.id))
    return {
        "schema_version": SCHEMA_VERSION,
        "document_sha256": evaluation.document.sha256,
        "evidence_registry_hash": registry.registry_hash(),
        "evidence": [{**_evidence(entry), "serves": sorted(registry.serves[entry.id])} for entry in entries],
    }


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


def _answers(evaluation: Evaluation) -> list[dict[str, Any]]:
    instrument = evaluation.instrument
    questions = {q.id_for(point): (q, point) for point in instrument.points for q in instrument.questions}
    # A passage serves many criteria: it is described once.
    described = {entry.id: _evidence(entry) for entry in evaluation.registry.entries.values()}
    return [
        _answer(answer, question=question, point=point, evaluation=evaluation, described=described)
        for answer in evaluation.answers
        for question, point in [questions[answer.question_id]]
    ]


def _answer(
    answer: AnswerFinding,
    *,
    question: Question,
    point: Point,
    evaluation: Evaluation,
    described: Mapping[str, dict[str, Any]],
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
                evidence=[described[e.id] for e in evaluation.cited[answer.question_id, criterion.key]],
                evaluation=evaluation,
            )
            for criterion in answer.criteria
        },
        "explanation": explain(
            answer,
            evaluation.flow.segmentation,
            page_of=lambda span: int(_passage(span, evaluation=evaluation)["page"]),
        ),
        "confidence": rounded(min(criterion.confidence for criterion in answer.criteria)),
        "applicable": answer.point not in evaluation.options.not_applicable_points,
        "skipped_nodes": list(answer.skipped_nodes),
    }


def _criterion(
    criterion: CriterionFinding, *, text: str, evidence: list[dict[str, Any]], evaluation: Evaluation
) -> dict[str, Any]:
    reported: dict[str, Any] = {
        "met": criterion.met,
        "text": text,
        "confidence": rounded(criterion.confidence),
        "evidence": evidence,
    }
    if not criterion.met:
        reported["looked_for"] = criterion.looked_for
        reported["nearest"] = (
            _passage(criterion.nearest, evaluation=evaluation) if criterion.nearest else None
        )
    return reported


def _passage(span: Span, *, evaluation: Evaluation) -> dict[str, Any]:
    """A passage that proves nothing: page and quote, not part of the registry."""
    segment = evaluation.flow.segmentation.segments[span.segment]
    start, end = quoted_part(segment.text, start=span.start, end=span.end)
    page = page_of(evaluation.flow.clean, segment=segment, offset=start)
    return {"page": page, "quote": segment.text[start:end]}


def _evidence(entry: Evidence) -> dict[str, Any]:
    return {
        "id": entry.id,
        "page": entry.page,
        "quote": entry.quote,
        "section": entry.section,
        "section_kind": entry.section_kind,
        "kind": entry.kind,
        "node": entry.node,
        "boxes": [{"page": page, "box": box} for page, box in entry.boxes],
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
