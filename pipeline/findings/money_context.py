"""What stands around an amount: its source of funds, its year, its programme."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import re2

from pipeline.findings.plan_text import one_line
from pipeline.text import fold

if TYPE_CHECKING:
    from pipeline.findings.plan_text import PlanText

SOURCES: Final[dict[str, str]] = {
    "sistema general de participaciones": "SGP",
    "sistema general de participacion": "SGP",
    "sgp": "SGP",
    "s.g.p": "SGP",
    "sistema general de regalias": "SGR",
    "sgr": "SGR",
    "s.g.r": "SGR",
    "regalias": "regalias",
    "recursos propios": "recursos_propios",
    "ingresos propios": "recursos_propios",
    "rentas propias": "recursos_propios",
    "fondos propios": "recursos_propios",
    "propios": "recursos_propios",
    "r.p.": "recursos_propios",
    "ingresos corrientes de libre destinacion": "ICLD",
    "icld": "ICLD",
    "libre destinacion": "ICLD",
    "libre inversion": "SGP",
    "cofinanciacion": "cofinanciacion",
    "cofinanciado": "cofinanciacion",
    "cofinanciados": "cofinanciacion",
    "cooperacion internacional": "cooperacion",
    "cooperacion": "cooperacion",
    "recursos de credito": "credito",
    "recursos del credito": "credito",
    "emprestito": "credito",
    "credito": "credito",
    "fosyga": "FOSYGA",
    "adres": "ADRES",
    "etesa": "ETESA",
    "coljuegos": "ETESA",
    "transferencias del departamento": "departamento",
    "recursos departamentales": "departamento",
    "departamento": "departamento",
    "gobernacion": "departamento",
    "recursos de la nacion": "nacion",
    "presupuesto nacional": "nacion",
    "aportes de la nacion": "nacion",
    "nacion": "nacion",
    "pgn": "nacion",
    "estampilla": "estampilla",
    "sobretasa a la gasolina": "sobretasa",
    "sobretasa ambiental": "sobretasa",
    "sobretasa": "sobretasa",
    "predial": "recursos_propios",
    "recursos del balance": "recursos_del_balance",
    "recursos de balance": "recursos_del_balance",
    "fondo de calamidad": "nacion",
    "fonpet": "FONPET",
    "sector privado": "privado",
    "asignaciones directas": "SGR",
    "obras por impuestos": "obras_por_impuestos",
}
"""Folded wording → canonical source (Law 715 of 2001, Law 1530 of 2012, Law 819 of 2003 name them)."""

_SOURCE_WORDS: Final = "|".join(
    re2.escape(word) for word in sorted(SOURCES, key=lambda word: (-len(word), word))
).encode()
_SOURCE: Final = re2.compile(rb"\b(?:" + _SOURCE_WORDS + rb")")
_OWN_SOURCE: Final = re2.compile(
    rb"^[ ,]*(?:(?:de pesos|pesos|m/?cte)[ ,]*)?(?:provenientes |corresponden |con cargo )?"
    rb"(?:del?|con|por|al?) "
    rb"(?:(?:el|la|los|recursos|fuente)(?: del?)? )*(" + _SOURCE_WORDS + rb")\b"
)
"""A source that the amount itself names: "$200 millones de regalías"."""
_SHORT_SOURCES: Final[dict[str, str]] = {
    "rp": "recursos_propios",
    "propio": "recursos_propios",
    "otros": "otros",
}
_YEAR_AFTER: Final = re2.compile(
    rb"^(?: ?-|[a-z/ ,]{0,45}?(?:\(|\b(?:en|para|durante|vigencia|ano|del?|a)(?: el| la| los)?"
    rb"(?: ano| vigencia| vigencia fiscal)? ))"
    rb"(20[0-4][0-9])\b"
)
_YEAR: Final = re2.compile(rb"\b(20[0-4][0-9])\b( ?[-y/]? ?20[0-4][0-9]\b)*")
_SOURCE_REACH: Final = 140
_YEAR_REACH: Final = 160
_PROGRAMME_CHARS: Final = 160
_PROGRAMME_WORDS: Final = ("programa", "subprograma", "proyecto", "sector", "eje ", "linea estrategica")


def source_in(text: str) -> str | None:
    """The source of funds a cell or column head names."""
    folded = fold(text).strip(" .:()")
    if folded in _SHORT_SOURCES:
        return _SHORT_SOURCES[folded]
    match = _SOURCE.search(folded.encode("ascii", "replace"))
    return SOURCES[match.group().decode()] if match else None


def source_near(plan: PlanText, *, start: int, end: int) -> str | None:
    """The source named nearest to an amount, in its sentence; on a tie the one before it."""
    own = _OWN_SOURCE.search(plan.data[end : end + _SOURCE_REACH])
    if own is not None:
        return SOURCES[own.group(1).decode()]
    first, last = plan.sentence(start)
    low, high = max(first, start - _SOURCE_REACH), min(last, end + _SOURCE_REACH)
    best: tuple[int, int] | None = None
    name: str | None = None
    for match in _SOURCE.finditer(plan.data, low, high):
        if match.end() <= start:
            key = (start - match.end(), 0)
        elif match.start() >= end:
            key = (match.start() - end, 1)
        else:
            continue
        if best is None or key < best:
            best, name = key, SOURCES[match.group().decode()]
    return name


def year_near(plan: PlanText, *, start: int, end: int) -> int | None:
    """The year an amount belongs to: said right after it, else last before it in its sentence.

    Years in a row ("2012 2013 2014 2015") are the head of a table or a period, and say nothing of one amount.
    """
    first, last = plan.sentence(start)
    after = _YEAR_AFTER.search(plan.data[end : min(last, end + _YEAR_REACH)])
    if after is not None:
        return int(after.group(1))
    year: int | None = None
    for match in _YEAR.finditer(plan.data, max(first, start - _YEAR_REACH), start):
        year = int(match.group(1)) if match.group(2) is None else None
    return year


def programme_of(headings: tuple[str, ...]) -> str | None:
    """The innermost heading that names a programme, project, sector or line."""
    for heading in reversed(headings):
        if fold(heading).lstrip(" 0123456789.-").startswith(_PROGRAMME_WORDS):
            return one_line(heading, limit=_PROGRAMME_CHARS)
    return None
