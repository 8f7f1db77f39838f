"""The coverage report: what was answered, from which parts of the document, and what could not be read."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import re2

from pipeline.extraction import page_has_text, scanned_pages
from pipeline.model import DIMENSION_IDS, POINT_IDS, SegmentKind
from pipeline.scoring import criteria_met
from pipeline.text import fold

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pipeline.evaluation import Evaluation
    from pipeline.model import ExtractedDocument, Segment

QUESTIONS_TOTAL = 300
_PART = re2.compile(
    r"(?:.*\bplan (?:municipal )?de desarrollo\b.*[-–:,.(] ?)?"
    r"(?:componente (?:general|estrategico|programatico|diagnostico|financiero|de inversion\w*)"
    r"|parte (?:general|estrategica|programatica|diagnostica|financiera|[ivx\d]+|primera|segunda|tercera|cuarta)"
    r"|(?:primera|segunda|tercera|cuarta) parte"
    r"|(?:tomo|volumen|libro) (?:[ivx\d]+|primero|segundo|tercero|uno|dos|tres))\b.{0,30}$"
)
"""A line that says which part of a plan a document is."""
NOT_A_PLAN = "not_a_plan"
NODES_SKIPPED = "nodes_skipped"
POINTS_NOT_APPLICABLE = "points_not_applicable"
PERHAPS_A_PART = "perhaps_a_part"
COVER_WORDS = 90
"""A page with more words is no cover."""


def coverage_summary(evaluation: Evaluation) -> dict[str, Any]:
    """The few figures that stand in the evaluation itself."""
    met = sum(criteria_met(answer) for answer in evaluation.answers)
    cited = sum(
        bool(evaluation.cited[answer.question_id, criterion.key])
        for answer in evaluation.answers
        for criterion in answer.criteria
        if criterion.met
    )
    return {
        "questions_answered": len(evaluation.answers),
        "questions_total": QUESTIONS_TOTAL,
        "criteria_met": met,
        "criteria_with_evidence": cited,
        "evidence_count": len(evaluation.registry.entries),
        "pages_total": len(evaluation.document.pages),
        "pages_without_text": sum(not page_has_text(page) for page in evaluation.document.pages),
        "pages_scanned": len(scanned_pages(evaluation.document.pages)),
    }


def warnings(evaluation: Evaluation) -> list[str]:
    """Stable codes of what a reader must know before trusting a zero.

    Those of the extraction, then ``not_a_plan`` when evaluated on request, ``nodes_skipped``,
    ``points_not_applicable``, and ``perhaps_a_part`` for a plan without any indicator or any amount in pesos, or whose
    cover says that it is a part or a volume of one.
    """
    found = {
        NOT_A_PLAN: not evaluation.flow.profile.is_plan,
        NODES_SKIPPED: bool(evaluation.flow.findings.skipped),
        POINTS_NOT_APPLICABLE: bool(evaluation.options.not_applicable_points),
        PERHAPS_A_PART: evaluation.flow.profile.is_plan and _perhaps_a_part(evaluation),
    }
    return [*evaluation.document.warnings, *(code for code, holds in found.items() if holds)]


def _perhaps_a_part(evaluation: Evaluation) -> bool:
    """Whether what is missing may stand in another file; what nobody looked for is not missing."""
    flow = evaluation.flow
    looked_for = {
        "feasibility_scoring": flow.findings.indicators,
        "monetary_detection": flow.findings.amounts,
    }
    missing = any(not found and node not in flow.findings.skipped for node, found in looked_for.items())
    return missing or names_a_part(evaluation.document)


def names_a_part(document: ExtractedDocument) -> bool:
    """Whether the title of a document, or its cover, says that it is a part: ``Componente general``, ``Tomo II``."""
    first = next((page for page in document.pages if page_has_text(page)), None)
    cover = [" ".join(line.text.split()) for line in first.lines] if first else []
    if sum(len(line.split()) for line in cover) > COVER_WORDS:
        cover = []
    return any(_PART.match(fold(line)) for line in [document.title, *cover])


def recognised_pages(document: ExtractedDocument) -> dict[str, Any]:
    """Which pages were read from their picture and how sure that was; nothing where there are none.

    ``confidence`` is a mean over words, in percent.
    """
    if not document.recognised:
        return {}
    mean = sum(confidence for _, confidence in document.recognised) / len(document.recognised)
    pages = [{"page": page, "confidence": confidence} for page, confidence in document.recognised]
    return {"recognised_pages": {"confidence": round(mean, 1), "pages": pages}}


def coverage_report(evaluation: Evaluation) -> dict[str, Any]:
    """The whole report."""
    flow = evaluation.flow
    pages = Counter(entry.page for entry in evaluation.registry.entries.values())
    kinds = Counter(entry.section_kind for entry in evaluation.registry.entries.values())
    return {
        **coverage_summary(evaluation),
        "document_sha256": evaluation.document.sha256,
        "points": {point: _part(evaluation, point=point) for point in POINT_IDS},
        "dimensions": {dimension: _part(evaluation, dimension=dimension) for dimension in DIMENSION_IDS},
        "segments": _segments_by_kind(flow.segmentation.segments),
        "segments_about_points": {
            p: len(about) for p, about in zip(POINT_IDS, flow.relevance.about, strict=True)
        },
        "segments_embedded": flow.relevance.embedded_segments,
        "evidence_by_page": [{"page": page, "evidence": count} for page, count in sorted(pages.items())],
        "evidence_by_section_kind": dict(sorted(kinds.items())),
        "sections": _sections(evaluation),
        "scanned_pages": list(scanned_pages(evaluation.document.pages)),
        **recognised_pages(evaluation.document),
        "removed_lines": flow.clean.removed_lines,
        "nodes": [{"name": run.node.name, "status": run.status, "items": run.items} for run in flow.runs],
        "warnings": warnings(evaluation),
    }


def _segments_by_kind(segments: Sequence[Segment]) -> dict[str, int]:
    counts = {kind.value: sum([segment.kind is kind for segment in segments]) for kind in SegmentKind}
    return {kind: count for kind, count in sorted(counts.items()) if count}


def _sections(evaluation: Evaluation) -> list[dict[str, Any]]:
    """Sections that hold evidence, in the order of the plan, with the number of passages in each."""
    used = Counter(evaluation.registry.sections.values())
    sections = evaluation.flow.profile.sections
    return [
        {
            "id": sections[index].id,
            "title": sections[index].title,
            "page": sections[index].page,
            "evidence": count,
        }
        for index, count in sorted(used.items())
    ]


def _part(
    evaluation: Evaluation, *, point: str | None = None, dimension: str | None = None
) -> dict[str, int]:
    answers = [a for a in evaluation.answers if point in (None, a.point) and dimension in (None, a.dimension)]
    met = sum(criteria_met(answer) for answer in answers)
    return {
        "questions_answered": len(answers),
        "criteria_met": met,
        "criteria_unmet": 4 * len(answers) - met,
        "questions_without_any_criterion": sum(criteria_met(answer) == 0 for answer in answers),
    }
