"""Reads the values of indicators: figures with their unit, years, horizons, and cells that hold nothing."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Final

import re2

from pipeline.findings.money import NUMBER, parse_number
from pipeline.findings.plan_text import one_line
from pipeline.text import fold

if TYPE_CHECKING:
    from pipeline.model import PlanProfile

VALUE_CHARS: Final = 80

_ABSENT: Final = frozenset(
    (
        "|-|--|---|.|n.a|na|n/a|nd|n.d|n/d|sd|s.d|s/d|s/i|si|sl|s.l|slb|ni|s.i|no|no aplica|no se conoce|no hay|"
        "sin dato|sin datos|sin informacion|sin linea|sin linea base|no disponible|por definir|por establecer|"
        "no existe|desconocido|no determinado|x|linea base|linea de base|meta|indicador"
    ).split("|")
)
_FIGURE: Final = re2.compile(
    rb"(?P<number>" + NUMBER + rb")(?P<unit> ?(?:%|por ?ciento)| ?x ?(?:cada )?(?:10{2,5}|10{0,2}[.,]0{3})[^,;.()\n]{0,24}"
    rb"| por (?:cada )?(?:mil|cien mil|10{2,5}|10{0,2}[.,]0{3})[^,;.()\n]{0,24})?"
)
_YEAR: Final = re2.compile(rb"\b(19[89][0-9]|20[0-4][0-9])\b")
_ONLY_YEAR: Final = re2.compile(rb"(?:19[89][0-9]|20[0-4][0-9])")
_PERIOD: Final = re2.compile(rb"\b(20[0-4][0-9]) ?(?:-|a|al|/|y) ?(20[0-4][0-9])\b")
_HORIZON: Final = re2.compile(
    rb"\b(?:al?|para|hasta|antes de|a finales de|al final de|al finalizar|en)(?: el| la)?(?: ano| vigencia| final(?:izar)?(?: del?)?)? "
    rb"(20[0-4][0-9])\b"
)
_TERM: Final = re2.compile(
    rb"\b(?:(?:en|durante|para|al final(?:izar)? de)l? (?:el |los |las )?(?:cuatrienio|cuatro anos|periodo de gobierno|periodo del plan)|cuatrienio)\b"
)
_ORDINAL_BEFORE: Final = re2.compile(
    rb"(?:\b(?:ley|decreto|articulo|art\.|acuerdo|resolucion|conpes|no\.|n\?|fase|etapa|nivel|estrato|capitulo|literal|numeral|grado|tipo|version|iso|ntc|iso/iec|pagina)\s?|-)$"
)
_UNIT_WORD: Final = re2.compile(rb"^\)? ?(?:nuev[oa]s |de |del )?([a-z?]{3,})")
_NO_UNIT: Final = frozenset(
    "que con para por los las del una uno sobre entre meta linea base ano anos desde hasta como cada cuatrienio ley "
    "primer millones mil municipio municipal promedio menos mas meses".split()
)
_COUNTED: Final = re2.compile(
    rb"^(?:indicador:? )?(?:numero|no\.?|n\?|nro\.?|#|cantidad|total|porcentaje|%)(?: y (?:numero|porcentaje|tipo))? (?:de |del )?(?:nuev[oa]s )?([a-z]{3,})"
)
PERCENT: Final = "%"


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure in folded text at ``start``..``end`` (with its unit)."""

    start: int
    end: int
    value: Decimal
    unit: str | None


def is_absent(text: str) -> bool:
    """True where a cell says that there is no value ("SL", "N.D.", "No se conoce", "-")."""
    return fold(text).strip(" .:*()") in _ABSENT


def figures(folded: str) -> list[Figure]:
    """The figures of a folded text, without years, articles of law, codes and ordinals."""
    data = folded.encode("ascii", "replace")
    found: list[Figure] = []
    for match in _FIGURE.finditer(data):
        number = match.group(b"number")
        before = data[max(0, match.start() - 14) : match.start()]
        if before[-1:].isalnum() or data[match.end() : match.end() + 1].isalpha():
            continue
        if _ORDINAL_BEFORE.search(before) is not None:
            continue
        unit = match.group(b"unit")
        value = parse_number(number.decode())
        if value is None or (unit is None and _ONLY_YEAR.fullmatch(number) is not None):
            continue
        found.append(Figure(match.start(), match.end(), value, _unit(unit, after=data[match.end() : match.end() + 40])))
    return found


def _unit(written: bytes | None, *, after: bytes) -> str | None:
    if written is not None:
        text = written.decode().strip()
        return PERCENT if text in {"%", "porciento", "por ciento"} else text
    match = _UNIT_WORD.match(after)
    if match is None:
        return None
    word = match.group(1).decode()
    return None if word in _NO_UNIT else word


def counted_unit(name: str) -> str | None:
    """What an indicator's name counts: "Número de talleres realizados" → "talleres", "% de …" → "%"."""
    folded = fold(name)
    if folded.startswith(("porcentaje", "%", "proporcion", "cobertura")):
        return PERCENT
    match = _COUNTED.match(folded.encode("ascii", "replace"))
    return match.group(1).decode() if match is not None else None


def quantity(text: str) -> tuple[str, Decimal, str | None] | None:
    """The first figure of a value or a target as written, its value and unit; ``None`` without a figure."""
    found = figures(fold(text))
    if not found:
        return None
    chosen = next((figure for figure in found if figure.unit == PERCENT), found[0]) if len(found) > 1 else found[0]
    return text[chosen.start : chosen.end].strip(), chosen.value, chosen.unit


def value_text(text: str) -> str | None:
    """A cell's value as the plan writes it, short; ``None`` where the cell holds none."""
    if is_absent(text):
        return None
    return one_line(text, limit=VALUE_CHARS) or None


def year_in(text: str) -> int | None:
    """The last year named in a text."""
    years = _YEAR.findall(fold(text).encode("ascii", "replace"))
    return int(years[-1]) if years else None


def horizon_in(text: str, *, profile: PlanProfile) -> int | None:
    """The year by which a target is to be reached, as the text itself says it.

    "META 2012-2015" → 2015; "a 2015" → 2015; "en el cuatrienio" → the last year of the plan's period.
    """
    data = fold(text).encode("ascii", "replace")
    period = _PERIOD.search(data)
    if period is not None and int(period.group(2)) > int(period.group(1)):
        return int(period.group(2))
    horizon = _HORIZON.search(data)
    if horizon is not None:
        return int(horizon.group(1))
    if profile.period is not None and _TERM.search(data) is not None:
        return profile.period[1]
    return None
