"""Reads amounts of Colombian pesos as exact integers.

Spelling in plans (2012 to 2024): ``$1.234.567.890``, ``$ 2.500 millones``, ``1.200 millones de pesos``,
``$7 mil millones``, ``$16´250.000``, ``$95.451.749,50``, ``100.000 pesos``. Separators are
read by `pipeline.spanish_numbers.parse_amount`: three digits after a dot or comma are thousands, so
"$2,500 millones" is 2,500 million; none of the plans at hand means 2.5 million by it.
"""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from typing import Final

import re2

from pipeline.spanish_numbers import parse_amount

MOST_MILLIONS: Final = 10**7
"""Ten million millions are more than any municipality has: who writes it counted in thousands, or misprinted."""
MAX_PESOS: Final = 10**16
"""Colombia's national budget is 5 × 10^14: a larger figure is a misreading."""

_UNIT: Final = (
    rb"(?: ?(mil millones|miles de millones|millones|millon|mill\.|mll\.|mm\b|billones|mil\b(?: pesos)?"
    rb"|miles\b))?"
)
NUMBER: Final = rb"[0-9]+(?:[.,'][0-9]+)*"
_SIGNED: Final = rb"(u\.?s\.?d?\s?)?\$\s?(" + NUMBER + rb")" + _UNIT
_WORDED: Final = (
    rb"\b(" + NUMBER + rb") ?(mil millones|millones|millon|mil|mill\.|billones|miles de millones)"
    rb" (?:de )?(?:pesos|m/?cte|\$)"
)
_BARE: Final = rb"\b(" + NUMBER + rb") (?:pesos|m/cte)\b"
_MILLIONS: Final = rb"\b(" + NUMBER + rb") (mil millones|millones)(?:\b)"
AMOUNT: Final = re2.compile(rb"(?:" + rb"|".join((_SIGNED, _WORDED, _BARE, _MILLIONS)) + rb")")
"""Groups: foreign sign, number, unit; number, unit; number; number, unit (only in talk of money)."""

BROKEN_AFTER: Final = re2.compile(rb"(?:[.,:'] ?[0-9]| [.,] ?[0-9]|[0-9]| ?%| ?(?:smm?l|salario)|[a-z])")
"""What may not follow a number: it is broken by the layout, a percentage, or counted in minimum wages."""
FOREIGN_AFTER: Final = re2.compile(rb"(?: de)? (?:dolares|us\b|usd|euros)|\s?(?:usd|us\b|eur)")
NOT_MONEY_AFTER: Final = re2.compile(rb" (?:de )?(?:pesos|m/?cte|[(),.;]|$)")
TALK_OF_MONEY: Final = re2.compile(
    rb"\b(?:presupuest|recurso|ingreso|recaud|inversion|invirti|deuda|costo|valor|gasto|transferencia"
    rb"|credito|deficit"
    rb"|superavit|pesos|financi|ejecut[aoi]|rentas|sgp|regalias|monto|apropia|aportes|cartera|recibi|\$)"
)

_DIGITS: Final = re2.compile(NUMBER)
_ONE_POINT: Final = re2.compile(r"[0-9]{1,3}[.,][0-9]{3}")
_FACTORS: Final[dict[str, int]] = {
    "": 1,
    "mil": 1_000,
    "miles": 1_000,
    "mil pesos": 1_000,
    "millon": 10**6,
    "millones": 10**6,
    "mill.": 10**6,
    "mll.": 10**6,
    "mm": 10**6,
    "mil millones": 10**9,
    "miles de millones": 10**9,
    "billones": 10**12,
}


def pesos(number: str, *, unit: str, factor: int = 1) -> int | None:
    """Exact pesos of a number with its unit; half a peso rounds up. ``None`` when it is no sane amount.

    Args:
        number: Digits with separators.
        unit: ``millones``, ``mil millones``, …, or empty.
        factor: What the table multiplies with; used only when no unit is written.
    """
    value = parse_amount(number) if _DIGITS.fullmatch(number.encode()) is not None else None
    if value is None:
        return None
    scale = _FACTORS.get(unit.strip(), 1)
    if scale == _FACTORS["billones"] and _ONE_POINT.fullmatch(number) is not None:
        # "$1.706 billones" is a little less than two: a thousand of them nobody has.
        value /= 1_000
    if scale == _FACTORS["millones"] and value >= MOST_MILLIONS:
        return None
    total = value * (scale if scale > 1 else factor)
    exact = int(total.quantize(Decimal(1), rounding=ROUND_HALF_UP)) if total < MAX_PESOS else MAX_PESOS
    return exact if 0 < exact < MAX_PESOS else None
