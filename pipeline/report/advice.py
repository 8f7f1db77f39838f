"""What would make a plan better: a sentence for each criterion that it does not meet."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import re2

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

SAME_AS = "= "
PER_DIMENSION = 2
PER_POINT = 9
"""Advice of a point is spread over the dimensions: somebody who follows it improves all of the plan."""
_A_EL, _DE_EL = re2.compile(r"\ba el "), re2.compile(r"\bde el ")


@dataclass(frozen=True, slots=True)
class Wording:
    """The sentences of ``advice.toml``. ``topics`` name each question in a few words."""

    topics: Mapping[str, str]
    points: Mapping[str, Mapping[str, str]]
    criteria: Mapping[str, str]

    def sentence(self, criterion: str) -> str:
        """The advice for a criterion such as ``P1-D1-Q1-a``, in Spanish."""
        point, _, key = criterion.partition("-")
        text = self.criteria[key]
        if text.startswith(SAME_AS):
            text = self.criteria[text.removeprefix(SAME_AS)]
        return _contracted(text.format(**self.points[point]))


def _contracted(sentence: str) -> str:
    """With ``al`` and ``del``: what is filled in may begin with its article."""
    return str(_DE_EL.sub("del ", _A_EL.sub("al ", sentence)))


@cache
def load_wording() -> Wording:
    """The wording, read once per process."""
    fields = tomllib.loads((files(__package__) / "advice.toml").read_text("utf-8"))
    return Wording(fields["topics"], fields["points"], fields["criteria"])


def topic(question_id: str) -> str:
    """A question such as ``P1-D1-Q1`` in a few words."""
    return load_wording().topics[question_id.partition("-")[2]]


def advice(answers: Iterable[Mapping[str, Any]], *, at_most: int = PER_POINT) -> list[dict[str, Any]]:
    """What to write so that a point's questions are met: first those nearest to being complete, each sentence once.

    Args:
        answers: those of one point.
        at_most: so many sentences, and of each dimension ``PER_DIMENSION``.
    """
    wording = load_wording()
    rows = [
        (sum(c["met"] for c in answer["criteria"].values()), f"{answer['question_id']}-{key}", answer)
        for answer in answers
        for key, criterion in answer["criteria"].items()
        if not criterion["met"]
    ]
    chosen: dict[str, dict[str, Any]] = {}
    taken: dict[str, int] = {}
    for _, criterion, answer in sorted(rows, key=lambda row: (-row[0], row[1])):
        text = wording.sentence(criterion)
        if text in chosen:
            chosen[text]["criteria"].append(criterion)
        elif taken.get(answer["dimension"], 0) < PER_DIMENSION:
            taken[answer["dimension"]] = taken.get(answer["dimension"], 0) + 1
            chosen[text] = {"text": text, "dimension": answer["dimension"], "criteria": [criterion]}
    return sorted(list(chosen.values())[:at_most], key=lambda row: row["dimension"])
