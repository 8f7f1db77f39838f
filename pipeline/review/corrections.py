"""Corrections of one evaluation: what holds now, and every change that led there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pipeline.model import CRITERION_KEYS, POINT_IDS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

CHANGES_MAX = 2500
"""In the history of one document: twice as many as it has criteria."""


class TooManyChanges(ValueError):
    """The history would hold more than ``CHANGES_MAX`` changes."""


@dataclass(frozen=True, slots=True)
class Correction:
    """What a reviewer says of a point (``P9``: whether it applies) or a criterion (``P1-D1-Q1-a``: whether it is met).

    ``page`` is where in the plan the reviewer read it, if anywhere.
    """

    target: str
    value: bool
    reason: str
    page: int | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """One step of the history. ``value`` None: the correction was withdrawn, the machine's answer holds again.

    ``reviewer`` is the name the reviewer gave, ``client`` that of the API key; ``at`` is ISO 8601 in UTC.
    """

    revision: int
    at: str
    reviewer: str
    client: str
    target: str
    value: bool | None
    reason: str
    page: int | None = None


@dataclass(frozen=True, slots=True)
class Review:
    """All changes to one evaluation, oldest first. Revision 0: nobody has corrected anything."""

    document_sha256: str
    deterministic_hash: str
    revision: int = 0
    history: tuple[Change, ...] = ()

    def current(self) -> dict[str, Change]:
        """What holds now, by target, in the order of the instrument."""
        last = {change.target: change for change in self.history}
        return {target: last[target] for target in sorted(last, key=_order) if last[target].value is not None}


def revised(
    review: Review,
    wanted: Iterable[Correction],
    *,
    reviewer: str,
    client: str,
    at: str,
) -> Review:
    """The review after ``wanted`` has become all that is corrected; the same one when that changes nothing.

    A correction that is no longer wanted is withdrawn; one that stays as it was keeps its author and time.

    Raises:
        TooManyChanges: the history is full.
    """
    held = review.current()
    revision = review.revision + 1
    target_of = {one.target: one for one in wanted}
    changes = [
        Change(revision, at, reviewer, client, target, one.value, one.reason, one.page)
        for target, one in target_of.items()
        if _differs(held.get(target), one)
    ]
    changes += [
        Change(revision, at, reviewer, client, target, None, "") for target in held if target not in target_of
    ]
    if not changes:
        return review
    history = (*review.history, *sorted(changes, key=lambda change: _order(change.target)))
    if len(history) > CHANGES_MAX:
        raise TooManyChanges(len(history))
    return Review(review.document_sha256, review.deterministic_hash, revision, history)


def _differs(held: Change | None, wanted: Correction) -> bool:
    if held is None:
        return True
    return (held.value, held.reason, held.page) != (wanted.value, wanted.reason, wanted.page)


def faults_of(wanted: Sequence[Correction], *, result: Mapping[str, Any]) -> dict[int, str]:
    """What is wrong with corrections of ``result`` (``evaluation_results``), by position: a Spanish phrase each.

    A correction must speak of something the evaluation has, once, say something else than the machine, and name a
    page of the plan or none. The last point cannot be taken away.
    """
    machine = machine_values(result)
    pages = result["document"]["pages"]
    seen: set[str] = set()
    faults: dict[int, str] = {}
    for position, one in enumerate(wanted):
        if one.target not in machine:
            faults[position] = "no existe en esta evaluación"
        elif one.target in seen:
            faults[position] = "está dos veces"
        elif machine[one.target] == one.value:
            faults[position] = "coincide con la evaluación automática: no hay nada que corregir"
        elif one.page is not None and not 1 <= one.page <= pages:
            faults[position] = f"el plan tiene {pages} páginas"
        seen.add(one.target)
    applies = machine | {one.target: one.value for one in wanted}
    if not faults and not any(applies[point] for point in POINT_IDS):
        faults[len(wanted) - 1] = "al menos un punto debe aplicar"
    return faults


def machine_values(result: Mapping[str, Any]) -> dict[str, bool]:
    """Whether each point applies and each criterion is met, as the machine says."""
    points = {point["id"]: point["applicable"] for point in result["points"]}
    criteria = {
        f"{answer['question_id']}-{key}": answer["criteria"][key]["met"]
        for answer in result["answers"]
        for key in CRITERION_KEYS
    }
    return points | criteria


def criterion_of(target: str) -> tuple[str, str] | None:
    """Question and key of a target such as ``P1-D1-Q1-a``; None for a point."""
    question, dash, key = target.rpartition("-")
    return (question, key) if dash else None


def _order(target: str) -> tuple[int, str]:
    """Point by point; a point before its criteria."""
    return int(target.partition("-")[0][1:]), target.partition("-")[2]
