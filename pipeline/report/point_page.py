"""The page of a point: what the plan does well, what is missing, the strongest passages, advice, the chain."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from pipeline.report.advice import advice, topic
from pipeline.report.causal_picture import LINKS, NAMES, causal_svg, checks, describe
from pipeline.report.doubt import is_unsure, unsure_criteria
from pipeline.report.wording import BULLETS, plain

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

STRONGEST_PER_POINT = 3
GOOD_PER_POINT = 5
PAGES_PER_QUESTION = 3
CHAIN_QUESTIONS = frozenset({"D6-Q1", "D6-Q2"})
"""They ask whether the parts of the causal chain are there; whether a path joins them, the graph says."""
GOOD_FROM, WEAK_UP_TO = 3, 1
"""Criteria met of a question from which the plan does it well, and up to which it is missing."""
QUOTE_CHARS = 230
WHOLE_QUOTE_CHARS = 700
SECTION_CHARS = 110
REASON_CHARS = 1000


@dataclass(slots=True)
class Passages:
    """The passages that a report cites, each once, by number: the links of page numbers lead there."""

    numbers: dict[str, int] = field(default_factory=dict)
    entries: dict[str, dict[str, Any]] = field(default_factory=dict)

    def cite(self, evidence: Mapping[str, Any]) -> dict[str, Any]:
        """Page and number of a passage."""
        number = self.numbers.setdefault(evidence["id"], len(self.numbers) + 1)
        self.entries.setdefault(evidence["id"], dict(evidence))
        return {"page": evidence["page"], "number": number}

    def annex(self, serves: Mapping[str, Sequence[str]]) -> list[dict[str, Any]]:
        """All that were cited, by number, whole and with the criteria they serve."""
        return [
            {
                "number": number,
                "page": entry["page"],
                "quote": quoted(entry["quote"], chars=WHOLE_QUOTE_CHARS),
                "section": plain(" › ".join(entry["section"].split(" › ")[-2:]), chars=SECTION_CHARS),
                "serves": _by_point(serves.get(name, ())),
            }
            for name, number in self.numbers.items()
            for entry in [self.entries[name]]
        ]


def _by_point(criteria: Sequence[str]) -> str:
    """How many criteria of which points, in words."""
    counts = Counter(criterion.partition("-")[0] for criterion in criteria)
    listed = [
        f"{count} {'criterio' if count == 1 else 'criterios'} de {point}" for point, count in counts.items()
    ]
    return listed[0] if len(listed) == 1 else f"{', '.join(listed[:-1])} y {listed[-1]}"


def quoted(text: str, *, chars: int) -> str:
    """A quote without the mark of a list item before it."""
    return plain(text.lstrip(BULLETS), chars=chars)


def served(answers: Iterable[Mapping[str, Any]]) -> dict[str, list[str]]:
    """The criteria that each passage serves, in the order of the instrument.

    Where a reviewer says that a criterion is not met, its passages show nothing of it.
    """
    serves: dict[str, list[str]] = {}
    for answer in answers:
        for key, criterion in _met_criteria(answer).items():
            for entry in criterion["evidence"]:
                serves.setdefault(entry["id"], []).append(f"{answer['question_id']}-{key}")
    return serves


def _met_criteria(answer: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    return {key: criterion for key, criterion in answer["criteria"].items() if criterion["met"]}


def point_page(
    point: Mapping[str, Any],
    *,
    answers: Sequence[Mapping[str, Any]],
    dimensions: Sequence[Mapping[str, Any]],
    findings: Mapping[str, Any],
    passages: Passages,
) -> dict[str, Any]:
    """The page of a point as data for the template.

    Args:
        point: one of ``points``.
        answers: those of the point.
        dimensions: of the plan, with their names.
        findings: of the plan; the chain and the graph of the point are taken from there.
        passages: where cited passages are numbered.
    """
    return {
        **{name: point[name] for name in ("id", "name", "score", "band", "applicable", "dimensions")},
        "criteria_met": point["criteria_met"],
        "criteria_total": point["criteria_total"],
        "correction": correction(point["correction"]) if "correction" in point else None,
        "grid": [
            {
                "id": dimension["id"],
                "name": dimension["name"],
                "cells": [
                    {"topic": topic(answer["question_id"]), "met": _met(answer)}
                    for answer in answers
                    if answer["dimension"] == dimension["id"]
                ],
            }
            for dimension in dimensions
        ],
        "good": _good(answers, chained=_chained(point["id"], findings=findings), passages=passages),
        "unsure": _unsure(answers),
        "missing": _missing(answers),
        "strongest": _strongest(answers, passages=passages),
        "advice": advice(answers),
        "chain": _chain(point["id"], findings=findings),
    }


def correction(made: Mapping[str, Any]) -> dict[str, Any]:
    """A reviewer's correction, fit for a page."""
    return {
        "machine": made["machine"],
        "reviewer": plain(made["reviewer"], chars=REASON_CHARS),
        "client": plain(made["client"]),
        "on": made["at"][:10],
        "reason": plain(made["reason"], chars=REASON_CHARS),
        "page": made["page"],
    }


def _met(answer: Mapping[str, Any]) -> int:
    return len(_met_criteria(answer))


def _unsure(answers: Iterable[Mapping[str, Any]]) -> list[str]:
    """The criteria to be read before they are quoted, by question in the order of the instrument: ``D1-Q2 a, c``."""
    keys: dict[str, list[str]] = {}
    for one in unsure_criteria(answers):
        keys.setdefault(one.question.partition("-")[2], []).append(one.key)
    return [f"{question} {', '.join(sorted(keys[question]))}" for question in sorted(keys)]


def _good(answers: Sequence[Mapping[str, Any]], *, chained: bool, passages: Passages) -> list[dict[str, Any]]:
    """The questions answered best. ``chained``: a path of links leads from the problem to the impact."""
    ranked = sorted(
        (answer for answer in answers if _met(answer) >= GOOD_FROM),
        key=lambda answer: (-_met(answer), -answer["confidence"], answer["question_id"]),
    )[:GOOD_PER_POINT]
    return [
        {
            "topic": topic(answer["question_id"]),
            "question": answer["question_id"].partition("-")[2],
            "met": _met(answer),
            "unsure": [
                key for key, criterion in sorted(_met_criteria(answer).items()) if is_unsure(criterion)
            ],
            "unlinked": not chained and answer["question_id"].partition("-")[2] in CHAIN_QUESTIONS,
            "places": _places(answer, passages=passages),
        }
        for answer in sorted(ranked, key=lambda answer: str(answer["question_id"]))
    ]


def _places(answer: Mapping[str, Any], *, passages: Passages) -> list[dict[str, Any]]:
    """The first passage of each criterion, one for a page, in the order of the plan."""
    first = [
        criterion["evidence"][0] for criterion in _met_criteria(answer).values() if criterion["evidence"]
    ]
    by_page = {entry["page"]: entry for entry in reversed(first)}
    return [passages.cite(by_page[page]) for page in sorted(by_page)[:PAGES_PER_QUESTION]]


def _missing(answers: Iterable[Mapping[str, Any]]) -> dict[str, list[str]]:
    """Topics of the questions with no criterion met, and with one."""
    topics: dict[int, list[str]] = {count: [] for count in range(WEAK_UP_TO + 1)}
    for answer in answers:
        if _met(answer) <= WEAK_UP_TO:
            topics[_met(answer)].append(topic(answer["question_id"]))
    return {"none": topics[0], "one": topics[1]}


def _strongest(answers: Sequence[Mapping[str, Any]], *, passages: Passages) -> list[dict[str, Any]]:
    """The passages that prove most criteria of the point best, each once, no two of one page that read alike.

    A passage counts whole for a criterion whose first proof it is, half where it is the second, and so on: what is
    among the last proofs of many criteria is mostly beside the point.
    """
    serves = served(answers)
    entries: dict[str, dict[str, Any]] = {}
    weights: dict[str, Fraction] = {}
    for answer in answers:
        for criterion in _met_criteria(answer).values():
            for place, entry in enumerate(criterion["evidence"], 1):
                entries[entry["id"]] = entry
                weights[entry["id"]] = weights.get(entry["id"], Fraction(0)) + Fraction(1, place)
    ranked = sorted(entries.values(), key=lambda e: (-weights[e["id"]], e["page"], e["id"]))
    chosen: dict[str, dict[str, Any]] = {}
    for entry in ranked:
        chosen.setdefault(entry["quote"], entry)
        if len(chosen) == STRONGEST_PER_POINT:
            break
    return [
        {
            **passages.cite(entry),
            "quote": quoted(entry["quote"], chars=QUOTE_CHARS),
            "section": plain(entry["section"].rsplit(" › ", 1)[-1], chars=SECTION_CHARS),
            "serves": len(serves[entry["id"]]),
        }
        for entry in chosen.values()
    ]


def _chained(point: str, *, findings: Mapping[str, Any]) -> bool:
    """Whether a path leads from problem to impact; true where nobody looked."""
    graph = _of_point(findings["causal_graphs"], point=point)
    return graph is None or graph["complete_paths"] > 0


def _of_point(found: Iterable[Mapping[str, Any]], *, point: str) -> Mapping[str, Any] | None:
    return next((one for one in found if one["point"] == point), None)


def _chain(point: str, *, findings: Mapping[str, Any]) -> dict[str, Any] | None:
    """The chain of a point and what the checks of its graph say; None where the nodes were switched off."""
    theory = _of_point(findings["theories_of_change"], point=point)
    graph = _of_point(findings["causal_graphs"], point=point)
    if theory is None or graph is None:
        return None
    linked = {joint["from"] for joint in graph["joints"] if joint["edges"]}
    # A statement of cause and effect may name a link for which no passage of its own was found.
    there = {
        link: link not in theory["missing"] or any(node["link"] == link for node in graph["nodes"])
        for link in LINKS
    }
    return {
        # An arrow leads on only where a link was found: parts that are merely there stand beside each other.
        "links": [{"name": NAMES[link], "there": there[link], "leads_on": link in linked} for link in LINKS],
        "checks": checks(graph, parts=sum(there.values())),
        "picture": causal_svg(graph, title=f"Cadena causal de {point}") if graph["edges"] else None,
        "description": describe(graph),
    }
