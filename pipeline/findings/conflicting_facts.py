"""Contradictions of dates and of competences."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Final

import re2

from pipeline.findings.plan_text import one_line
from pipeline.findings.subjects import stems
from pipeline.model import Contradiction

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pipeline.findings.plan_text import PlanText
    from pipeline.model import PlanProfile, Responsibility, Span

MIN_TASK_STEMS: Final = 5
_TASK_CHARS: Final = 160
_OWN_PERIOD: Final = re2.compile(
    rb"\b(?:(?:el|del|al|este|presente|nuestro) plan (?:municipal )?de desarrollo(?: municipal| distrital"
    rb"| economico| social| y| de obras| publicas)*"
    rb"(?: (?:de|para) [a-z]{3,20})?(?: para el periodo| para la vigencia| periodo"
    rb"|,)?(?: ?\"[^\"\n]{3,80}\",?)?) ?"
    rb"\(?(20[0-4][0-9]) ?(?:-|a|al) ?(20[0-4][0-9])"
)
_STATED: Final = re2.compile(rb"\b(20[0-4][0-9]) ?(?:-|a|al) ?(20[0-4][0-9])\b")
_OTHERS: Final = re2.compile(rb"\b(?:nacional|departament|pasad|anterior|gobernacion|decenal|plan de accion)")
MAX_DATES: Final = 20


def conflicting_periods(plan: PlanText, *, profile: PlanProfile) -> Iterator[Contradiction]:
    """The plan named with a period that begins or ends as its own does, and differs in the other year.

    "Plan de Desarrollo 2008-2011" in a plan of 2012-2015 is the one before, no contradiction;
    "Plan de Desarrollo 2012-2014" is.
    """
    if profile.period is None:
        return
    own = _first_statement(plan, period=profile.period)
    if own is None:
        return
    found = 0
    for match in _OWN_PERIOD.finditer(plan.data):
        period = (int(match.group(1)), int(match.group(2)))
        if not _odd(period, own=profile.period) or _of_another(plan, start=match.start(), end=match.end()):
            continue
        right = plan.span(match.start(1), match.end(2))
        expected = f"{profile.period[0]}-{profile.period[1]}"
        written = f"{period[0]}-{period[1]}"
        yield Contradiction(
            kind="fecha",
            left=own,
            right=right,
            subject="Periodo del plan de desarrollo",
            left_value=expected,
            right_value=written,
            reason=(
                f"El plan rige para el periodo {expected}, "
                f"pero este pasaje lo nombra con el periodo {written}."
            ),
        )
        found += 1
        if found >= MAX_DATES:
            return


def _first_statement(plan: PlanText, *, period: tuple[int, int]) -> Span | None:
    for match in _STATED.finditer(plan.data):
        if (int(match.group(1)), int(match.group(2))) == period:
            return plan.span(match.start(), match.end())
    return None


def _odd(period: tuple[int, int], *, own: tuple[int, int]) -> bool:
    return period != own and (period[0] == own[0] or period[1] == own[1]) and period[0] < period[1]


def _of_another(plan: PlanText, *, start: int, end: int) -> bool:
    first, _ = plan.bounds(plan.segment_at(start))
    return _OTHERS.search(plan.data, max(first, start - 30), end + 10) is not None


def conflicting_competences(responsibilities: Sequence[Responsibility]) -> Iterator[Contradiction]:
    """The same task given to one entity here and to another one alone there."""
    by_place: dict[tuple[int, str], list[Responsibility]] = defaultdict(list)
    for item in responsibilities:
        if item.assigned and item.task:
            by_place[item.span.segment, item.task].append(item)
    sole: dict[frozenset[str], list[Responsibility]] = defaultdict(list)
    for (_, task), held in by_place.items():
        subject = stems(task)
        if len({item.entity for item in held}) == 1 and len(subject) >= MIN_TASK_STEMS:
            sole[subject].append(held[0])
    for members in sole.values():
        for number, right in enumerate(members):
            left = next((item for item in members[:number] if item.entity != right.entity), None)
            if left is not None:
                yield _told(left, right)
                break


def _told(left: Responsibility, right: Responsibility) -> Contradiction:
    task = one_line(left.task, limit=_TASK_CHARS)
    return Contradiction(
        kind="competencia",
        left=left.span,
        right=right.span,
        subject=task,
        left_value=left.entity,
        right_value=right.entity,
        reason=(
            f"La misma tarea («{task}») se asigna en un pasaje a {left.entity} y en otro a {right.entity}."
        ),
    )
