"""The rules of the 120 criteria, read from ``criteria.toml`` and compiled."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib import resources

OWN_WORDS = "own"
"""Token of a rule: the passage names the point in its own words."""
MET = 0.58
"""From this strength (rule × relevance) on a passage shows a criterion."""
MOST_STRENGTH = 1.2
"""Above 1 for what speaks of the titles it stands under, such as the label of a responsible office."""
OF_POINT = ("figure_near", "agreeing_figures", "carried_on")
"""Tokens of a rule that hold for a passage and a point: a figure stands near the point's words or under a title
that names it; a figure of the passage comes back elsewhere; a programme of the point comes back elsewhere."""


@dataclass(frozen=True, slots=True)
class Rule:
    """Features that must stand together in one passage.

    ``clauses`` are joined by *and*; the names within a clause by *or*.
    """

    clauses: tuple[tuple[str, ...], ...]
    own_words: bool
    of_point: tuple[str, ...]
    strength: float

    def cues(self) -> tuple[str, ...]:
        """Names of the cues whose places in the text show why the rule holds."""
        names = (name.lstrip("^~") for clause in self.clauses for name in clause if not name.startswith("!"))
        return tuple(dict.fromkeys(names))


@dataclass(frozen=True, slots=True)
class CriterionRules:
    """How one criterion is judged; see the head of ``criteria.toml``."""

    id: str
    reason: str
    looked_for: str
    rules: tuple[Rule, ...]
    beside: tuple[Rule, ...]
    needs: tuple[str, ...]
    same_as: str | None
    of_document: bool
    citations: bool
    least: int


@cache
def load_rules() -> dict[str, CriterionRules]:
    """The rules by criterion identifier, e.g. ``D1-Q1-a``, in the order of the file.

    Raises:
        ValueError: a rule cannot be read or refers to an unknown criterion.
    """
    table = tomllib.loads(resources.files(__package__).joinpath("criteria.toml").read_text("utf-8"))
    loaded = {name: _criterion(name, row) for name, row in table.items()}
    for criterion in loaded.values():
        for other in (*criterion.needs, *((criterion.same_as,) if criterion.same_as else ())):
            if other not in loaded:
                raise ValueError(f"{criterion.id} refers to {other}, which does not exist")
    return loaded


def _criterion(name: str, row: dict[str, object]) -> CriterionRules:
    unknown = set(row) - {
        "reason",
        "looked_for",
        "rules",
        "beside",
        "needs",
        "same_as",
        "scope",
        "citations",
        "least",
    }
    if unknown:
        raise ValueError(f"{name}: unknown keys {sorted(unknown)}")
    rules = row.get("rules", [])
    beside = row.get("beside", [])
    needs = row.get("needs", [])
    same_as = row.get("same_as")
    if not isinstance(rules, list) or not isinstance(beside, list) or not isinstance(needs, list):
        raise TypeError(f"{name}: rules, beside and needs are lists")
    return CriterionRules(
        id=name,
        reason=str(row["reason"]),
        looked_for=str(row["looked_for"]),
        rules=tuple(parse_rule(str(text)) for text in rules),
        beside=tuple(parse_rule(str(text)) for text in beside),
        needs=tuple(str(need) for need in needs),
        same_as=None if same_as is None else str(same_as),
        of_document=row.get("scope") == "document",
        citations=row.get("citations") is True,
        least=int(str(row.get("least", 1))),
    )


def parse_rule(text: str) -> Rule:
    """Read a rule such as ``problem group|place !row =0.8``."""
    strength = 1.0
    own_words = False
    of_point: list[str] = []
    clauses: list[tuple[str, ...]] = []
    for token in text.split():
        if token.startswith("="):
            strength = float(token[1:])
        elif token == OWN_WORDS:
            own_words = True
        elif token in OF_POINT:
            of_point.append(token)
        else:
            clauses.append(tuple(token.split("|")))
    if not clauses or not 0 < strength <= MOST_STRENGTH:
        raise ValueError(f"not a rule: {text!r}")
    return Rule(tuple(clauses), own_words, tuple(of_point), strength)
