"""Amounts in running text: with ``$``, "pesos" or, in a sentence about money, "millones"."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import re2

from pipeline.findings.money import AMOUNT, BROKEN_AFTER, FOREIGN_AFTER, TALK_OF_MONEY, pesos
from pipeline.spanish_numbers import parse_amount

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pipeline.findings.plan_text import PlanText

_NO_AMOUNT: Final = re2.compile(rb"(?:19|20)[0-9]{2}|[0-9]")
"""A year or a lone digit after ``$``: the layout has moved a sign from its own number."""
_IN_YEAR: Final = rb"(?: en(?: el ano)? 20[0-4][0-9])?"
_NEXT: Final = re2.compile(
    _IN_YEAR + rb" ?(?:a|y|o|-|hasta|al) \$ ?[0-9][0-9.,']*[0-9] ?(mil millones|millones)\b"
)
_BEFORE: Final = re2.compile(
    rb"\$ ?[0-9][0-9.,']* ?(mil millones|millones)(?: de pesos)?" + _IN_YEAR + rb" ?(?:a|hasta|al) $"
)
_IN_SENTENCE: Final = re2.compile(rb"\$ ?[0-9][0-9.,']* ?(mil millones|millones)\b")
_EACH: Final = re2.compile(rb"(?: pesos)? ?(?:por |mensual|diari|anual|cada |/|c/u|m/?cte)")
_PAIR_BELOW: Final = 100_000
_SENTENCE_BELOW: Final = 10_000
"""Sums of pesos are larger; a price or a fare may be as small, but then it says what it is paid for."""
_BEFORE_REACH: Final = 60


def prose_amounts(plan: PlanText) -> Iterator[tuple[int, int, int]]:
    """Where each amount in running text begins and ends in the buffer of ``plan``, and its pesos."""
    sentences = _Sentences(plan)
    for match in AMOUNT.finditer(plan.data):
        foreign, signed, unit, worded, worded_unit, bare, millions, millions_unit = match.groups()
        if foreign is not None or FOREIGN_AFTER.match(plan.data, match.end()) is not None:
            continue
        number = signed or worded or bare or millions
        written_unit = (unit or worded_unit or millions_unit or b"").decode()
        if not written_unit and signed is not None:
            written_unit = _unit_of_neighbour(sentences, start=match.start(), end=match.end(), number=signed)
        if not written_unit and BROKEN_AFTER.match(plan.data, match.end()) is not None:
            continue
        if signed is not None and not written_unit and _NO_AMOUNT.fullmatch(signed) is not None:
            continue
        if millions is not None and not _of_money(plan, start=match.start(), end=match.end()):
            continue
        value = pesos(number.decode(), unit=written_unit)
        if value is not None:
            yield match.start(), match.end(), value


class _Sentences:
    """The unit that a sentence of a plan gives to one of its amounts; each sentence is searched once, in order."""

    def __init__(self, plan: PlanText) -> None:
        self.plan = plan
        self._bounds = (0, 0)
        self._unit = ""

    def bounds(self, at: int) -> tuple[int, int]:
        """Where the sentence begins and ends in which a place of the buffer stands."""
        if not self._bounds[0] <= at < self._bounds[1]:
            first, last = self._bounds = self.plan.sentence(at)
            match = _IN_SENTENCE.search(self.plan.data, first, last)
            self._unit = match.group(1).decode() if match is not None else ""
        return self._bounds

    def unit(self, at: int) -> str:
        """The first unit beside an amount of that sentence; empty where there is none."""
        self.bounds(at)
        return self._unit


def _unit_of_neighbour(sentences: _Sentences, *, start: int, end: int, number: bytes) -> str:
    """The unit of an amount that leaves it to another one of its sentence, such as "de $7.237 a $6.685 millones".

    Empty where the amount is large enough to be pesos, or where no neighbour has a unit.
    """
    value = parse_amount(number.decode())
    if value is None or value >= _PAIR_BELOW:
        return ""
    plan = sentences.plan
    first, _ = sentences.bounds(start)
    match = _NEXT.match(plan.data, end) or _BEFORE.search(
        plan.data[max(first, start - _BEFORE_REACH) : start]
    )
    if match is not None:
        return str(match.group(1).decode())
    price = value >= _SENTENCE_BELOW or _EACH.match(plan.data, end) or _NO_AMOUNT.fullmatch(number)
    return "" if price else sentences.unit(start)


def _of_money(plan: PlanText, *, start: int, end: int) -> bool:
    """Whether "12 millones" is money: the sentence speaks of money and counts no other thing."""
    after = plan.data[end : end + 4]
    if after == b" de " or (
        after[:1] == b" " and after[1:2].isalpha() and plan.data[end : end + 9] == b" personas"
    ):
        return False
    first, last = plan.sentence(start)
    return TALK_OF_MONEY.search(plan.data, first, last) is not None
