"""Node 2: what kind of document it is, whose plan, and its section tree."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.model import PlanProfile
from pipeline.structure.folding import fold_lines
from pipeline.structure.identity import department_of, language_of, municipality_of, plan_period, status_of
from pipeline.structure.outline import section_tree
from pipeline.structure.plan_rules import judge

if TYPE_CHECKING:
    from pipeline.model import CleanDocument

VERSION: str = "1.1.1"
FRONT_PAGES = 3
"""Title page, inner title, first page of text: where a document says what it is."""
NAMING_LINES = 3_000
"""A plan that has not named its municipality within the first fifty pages will not."""


def plan_processing(document: CleanDocument) -> PlanProfile:
    """Profile a clean document: plan or not and why, municipality, period, status, language, sections."""
    texts = [line.text for line in document.lines]
    folded = fold_lines(texts)
    whole = " ".join(folded)
    front = _front(document)
    folded_front = [text.strip() for text in fold_lines(front)]
    front_text = "\n".join(folded_front)
    language = language_of(folded)
    verdict = judge(front, whole, language=language)
    tables = frozenset(i for i, line in enumerate(document.lines) if line.table is not None)
    return PlanProfile(
        is_plan=verdict.is_plan,
        plan_score=verdict.score,
        reasons=verdict.reasons,
        municipality=municipality_of(front, texts[:NAMING_LINES]),
        department=department_of(front_text, whole),
        period=plan_period(front_text, whole),
        status=status_of(front_text, whole),
        language=language,
        sections=section_tree(document.lines, folded=folded, skip=tables),
    )


def _front(document: CleanDocument) -> list[str]:
    """Title and the lines of the first pages that hold text, running heads included."""
    lines = [document.source.title] if document.source.title else []
    pages = [page for page in document.source.pages if page.lines][:FRONT_PAGES]
    lines.extend(" ".join(line.text.split()) for page in pages for line in page.lines)
    return lines
