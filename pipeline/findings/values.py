"""Reads the values of indicators: figures with their unit, years, horizons, and cells that hold nothing."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Final

import re2

from pipeline.findings.plan_text import one_line
from pipeline.spanish_numbers import find_numbers
from pipeline.text import fold

if TYPE_CHECKING:
    from pipeline.model import PlanProfile
    from pipeline.spanish_numbers import NumberMatch

VALUE_CHARS: Final = 80

_ABSENT: Final = frozenset(
    (  # noqa: SIM905  words read better as words
        "|-|--|---|.|n.a|na|n/a|nd|n.d|n/d|sd|s.d|s/d|s/i|si|sl|s.l|slb|ni|s.i|no|no aplica|no se conoce|"
        "no hay|sin dato|sin datos|sin informacion|sin linea|sin linea base|no disponible|por definir|"
        "por establecer|no existe|desconocido|no determinado|x|linea base|linea de base|meta|indicador"
    ).split("|")
)
_YEAR: Final = re2.compile(rb"\b(19[89][0-9]|20[0-4][0-9])\b")
_PERIOD: Final = re2.compile(rb"\b(20[0-4][0-9]) ?(?:-|a|al|/|y) ?(20[0-4][0-9])\b")
_HORIZON: Final = re2.compile(
    rb"\b(?:al?|para|hasta|antes de|a finales de|al final de|al finalizar|en)(?: el| la)?(?: ano| vigencia"
    rb"| final(?:izar)?(?: del?)?)? "
    rb"(20[0-4][0-9])\b"
)
_TERM: Final = re2.compile(
    rb"\b(?:(?:en|durante|para|al final(?:izar)? de)l? (?:el |los |las )?(?:cuatri?enio|cuatro anos"
    rb"|periodo de gobierno|periodo del plan)|cuatri?enio)\b"
)
_FIGURE_KINDS: Final = frozenset({"number", "percent", "rate"})
_AGE_BEFORE: Final = re2.compile(
    rb"\b(?:menor(?:es)?|mayor(?:es)?|entre|edad(?:es)?|de|los|y|a|las?|durante|en|por|grados?|estratos?"
    rb"|sisben|nivel(?:es)?) (?:de |los |a )?$"
)
_NAMED_BEFORE: Final = re2.compile(
    rb"(?:\b(?:comunas?|sector|zona|fase|etapa|grados?|niveles?|nivel|piso|calle|cra|carrera|manzana|ciclos?|eje|saber|emergencia)"
    rb"(?: [0-9]{1,2}(?: ?,| y))*|\bx|\bpor(?: cada)?|\b(?:con|de|entre|segun) (?:los|las)) $"
)
"""A figure after these names a thing ("comuna seis", "grados 5, 9 y 11"), counts what there is ("con las 5 sedes")
or is what a rate counts against ("x 100.000")."""
_NAMED_REACH: Final = 28
_AGE_AFTER: Final = re2.compile(rb"^\)? ?(?:anos?|meses|semanas|ultimos|primeros)\b|^ a siempre")
_AIM_BEFORE: Final = re2.compile(
    rb"\b(?:a|al|en|hasta|un|por debajo de|debajo del?|encima del?|alcanzar|lograr)"
    rb"(?: el| un| menos de| minimo)? ?[<>]? ?$"
)
_UNIT_WORD: Final = re2.compile(rb"^\)? ?(?:nuev[oa]s |de |del )?([a-z?]{3,})")
_NO_UNIT: Final = frozenset(
    (  # noqa: SIM905  words read better as words
        "que con para por los las del una uno sobre entre meta linea base ano anos desde hasta como "
        "cada cuatrienio cuatrenio ley primer millones mil municipio municipal promedio menos mas meses aprox "
        "tasa numero porcentaje"
    ).split()
)
_COUNTED: Final = re2.compile(
    rb"^(?:indicador:? )?(?:numero|no\.?|n\?|nro\.?|#|cantidad|total|porcentaje|%)(?: y (?:numero"
    rb"|porcentaje|tipo))? (?:de |del )?(?:nuev[oa]s )?([a-z]{3,})"
)
_MEASURES: Final = frozenset({"lugar", "taller", "hogar"})
PERCENT: Final = "%"
_YEAR_DIGITS: Final = 4
_VALUE: Final = re2.compile(rb"(?:[<>?]=? ?)?(?:\$ ?)?[+-]?[0-9][0-9.,']*(?: ?%)?(?: ?[a-z0-9?/]{1,12}\.?)?")
"""A sign that is no ASCII character is a question mark here."""
_MEASURE: Final = re2.compile(
    rb"[ (]*(?:numero|porcentaje|tasas?|n(?:o|ro|um)?[.?]? ?(?:de |del )|#|%|indice|cantidad|proporcion|cobertura"
    rb"|razon|incidencia|prevalencia|mortalidad)"
)
_SIGNS: Final = "<>≤≥="
_MAX_SIGN: Final = 4


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


def is_yes(text: str) -> bool:
    """True where a target's cell says only that something is to be done ("SI")."""
    return fold(text).strip(" .:*()") == "si"


def is_value(text: str) -> bool:
    """True where a cell holds a figure, with its sign and unit, or says that there is none, and no words."""
    return _VALUE.fullmatch(fold(text).strip().encode("ascii", "replace")) is not None or is_absent(text)


def is_year_of(profile: PlanProfile, text: str) -> bool:
    """True where a cell holds nothing but a year of the plan's period, as the end of "2012 - 2015" does."""
    bare = text.strip(" .()")
    return (
        profile.period is not None
        and len(bare) == _YEAR_DIGITS
        and bare.isdecimal()
        and profile.period[0] <= int(bare) <= profile.period[1]
    )


def begins_as_measure(text: str) -> bool:
    """True where a text begins as the names of indicators do ("Número de", "Tasa de", "% de")."""
    return _MEASURE.match(fold(text).encode("ascii", "replace")) is not None


def figures(folded: str) -> list[Figure]:
    """The figures of a folded text, without years, ages, amounts of money and what counts nothing."""
    found: list[Figure] = []
    data = folded.encode("ascii", "replace")
    for number in find_numbers(folded):
        if number.kind not in _FIGURE_KINDS or number.upper is not None:
            continue
        if _NAMED_BEFORE.search(data[max(0, number.start - _NAMED_REACH) : number.start]) is not None:
            continue
        after = data[number.end : number.end + 40]
        if _AGE_AFTER.search(after) is not None and _AGE_BEFORE.search(
            data[max(0, number.start - 20) : number.start]
        ):
            continue
        unit = _unit(number, written=folded[number.start : number.end], after=after)
        found.append(Figure(number.start, number.end, number.value, unit))
    return found


def _unit(number: NumberMatch, *, written: str, after: bytes) -> str | None:
    if number.kind == "percent":
        return PERCENT
    if number.kind == "rate":
        return written.lstrip("0123456789.,' ") or None
    match = _UNIT_WORD.match(after)
    if match is None:
        return None
    word = match.group(1).decode()
    return None if word in _NO_UNIT or (word not in _MEASURES and word.endswith(("ar", "er", "ir"))) else word


def counted_unit(name: str) -> str | None:
    """What an indicator's name counts: "Número de talleres realizados" → "talleres", "% de …" → "%"."""
    folded = fold(name)
    if folded.startswith(("porcentaje", "%", "proporcion", "cobertura")):
        return PERCENT
    match = _COUNTED.match(folded.encode("ascii", "replace"))
    return match.group(1).decode() if match is not None else None


def quantity(text: str) -> tuple[str, Decimal, str | None] | None:
    """The figure a value or target turns on, as written, with its value and unit; ``None`` without one.

    Of several, a percentage or rate comes first, then one that an aim leads to ("a", "en", "hasta"), then
    the first.
    """
    folded = fold(text)
    compact = folded.strip(" .")
    if compact.isdecimal() and compact.isascii():
        return compact, Decimal(compact), None
    found = figures(folded)
    if not found:
        return None
    data = folded.encode("ascii", "replace")
    chosen = min(found, key=lambda figure: (_rank(figure, data=data), figure.start))
    return text[_with_sign(text, start=chosen.start) : chosen.end].strip(), chosen.value, chosen.unit


def _with_sign(text: str, *, start: int) -> int:
    """Where a figure begins with the sign before it: "< 9 %" is another target than "9 %"."""
    before = text[:start].rstrip()
    if before == "-":
        return text.index("-")
    bare = before.rstrip(_SIGNS)
    return len(bare) if len(bare) < len(before) and start - len(bare) <= _MAX_SIGN else start


def _rank(figure: Figure, *, data: bytes) -> int:
    if figure.unit is not None and (figure.unit == PERCENT or any(char.isdigit() for char in figure.unit)):
        return 0
    return 1 if _AIM_BEFORE.search(data[max(0, figure.start - 24) : figure.start]) is not None else 2


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
    if horizon is not None and (profile.period is None or int(horizon.group(1)) >= profile.period[0]):
        return int(horizon.group(1))
    if profile.period is not None and _TERM.search(data) is not None:
        return profile.period[1]
    return None
