"""Telling figures that describe something from numbers that cite, count paragraphs or measure time."""

from __future__ import annotations

from functools import lru_cache
from string import ascii_letters
from typing import TYPE_CHECKING

import numpy as np
import re2

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

CITING = (
    "ley(?:es)?|decretos?|resolucion(?:es)?|acuerdos?|articulos?|arts?|conpes(?: social)?|ordenanza|numeral|"
    "circular|tabla|cuadro|grafic[oa]|mapa|figura|pagina|ejes?|lineas?|programa|subprograma|capitulo|titulo|"
    "objetivo|anexo|sentencia|auto|ntc|iso|tels?|ext|calle|carrera|km"
)
PARTS_OF_THE_PLAN = (
    "programas|subprogramas|ejes|lineas|componentes|pilares|dimensiones|capitulos|articulos|objetivos|principios|"
    "titulos|sectores|niveles|etapas|partes"
)
YEAR = r"(?:19|20)\d\d"
CITATION = (
    rf"\b(?:{CITING})[. ]{{0,2}}(?:ley )?(?:n\S{{0,3}} ?)?[a-z]{{0,2}}-?\d[\d./-]*"
    rf"(?:[ ,y]{{1,3}}\d[\d./-]*)*(?: del? {YEAR})?"
)
"""A law, article or table by its number: ley 1448 de 2011, artículos 7 y 30, Tabla No. 3."""
NUMBERED_LAW = rf"\b\d{{2,5}} del? {YEAR}\b|\bn[o.]{{1,2}} ?\d{{3,}}"
NUMBERING = (
    r"(?m)^[^a-z0-9\n]{0,3}(?:[a-z]\.)?\d{1,2}(?:\.\d+)*(?:[.)?]| [^%\d])"
    r"|\b[a-z]\.\d+\.?|\b\d+\.\d{1,2}\.\d[\d.]*"
)
LENGTH_OF_TIME = (
    r"\(?\d+\)?(?:(?: ?[-?] ?| a | y | o | y los | a los )\(?\d+\)?)?(?: \(\d+\))? ?"
    r"(?:anos?|mes|meses|dias|semanas|horas)\b"
)
"""Ages too: menores de (5) años, entre 17 y los 27 años."""
PART_COUNT = rf"\(?\d+\)? (?:{PARTS_OF_THE_PLAN})\b"
PERIOD = rf"\b{YEAR} ?(?:[-?/]| a | al ) ?{YEAR}\b"
NO_FIGURES = (CITATION, NUMBERED_LAW, NUMBERING, LENGTH_OF_TIME, PART_COUNT, PERIOD)
NO_FIGURE = tuple(re2.compile(pattern.encode("ascii")) for pattern in NO_FIGURES)
MAX_DIGITS = 15
NUMBERS_KEPT = 8_192
_DIGITS = np.isin(np.arange(0x100), list(b"0123456789"))
_NUMERIC = _DIGITS | np.isin(np.arange(0x100), list(b".,"))
_OF_WORDS = _DIGITS | np.isin(np.arange(0x100), list(b"_" + ascii_letters.encode()))


def blank_what_is_no_figure(data: bytearray) -> None:
    """Overwrite citations, numbering, ages, lengths of time and periods with blanks, in place."""
    for pattern in NO_FIGURE:
        blank(data, [match.span() for match in pattern.finditer(bytes(data))])


def blank(data: bytearray, spans: Iterable[tuple[int, int]]) -> None:
    """Overwrite spans with blanks, in place."""
    for start, end in spans:
        data[start:end] = b" " * (end - start)


def number_spans(data: bytes) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    r"""Starts and ends of the numbers, as ``\b\d[\d.,]*`` finds them; there are too many to ask a pattern for each.

    A number begins at the first digit of a run of digits, points and commas that follows no letter or digit.
    """
    codes = np.frombuffer(data, dtype=np.uint8)
    runs = np.flatnonzero(np.diff(_NUMERIC[codes], prepend=False, append=False))
    first, last = runs[::2], runs[1::2]
    begins = _DIGITS[codes]
    begins[1:] &= ~_OF_WORDS[codes[:-1]]
    starts = np.flatnonzero(begins)
    nearest = np.searchsorted(starts, first)
    holds = nearest < np.searchsorted(starts, last)
    return starts[nearest[holds]], last[holds]


@lru_cache(maxsize=NUMBERS_KEPT)
def value_of(digits: bytes) -> float:
    """Value of a number with Spanish separators, cut to its whole part."""
    whole = digits.rstrip(b".,").replace(b".", b"").split(b",")[0]
    return float(whole[:MAX_DIGITS] or b"0")
