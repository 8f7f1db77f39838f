"""The marks by which headings are known: words, numbers, type. And the ranks that order them."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pipeline.model import CleanLine

MAX_HEADING_CHARS = 160
MAX_TITLE_CHARS = 240
MAX_TITLE_LINES = 4
MAX_REST_OF_TITLE = 60
MAX_CAPITAL_REPETITIONS = 6
"""A line of capitals that stands more often than this is a cell (an office, a unit), not a heading."""
MAX_CAPITAL_RUN = 5
"""More lines of capitals in a row are a cover, a list of names or a table."""
LARGE_TYPE_POINTS = 0.9
MAX_BOLD_SHARE = 0.35

RANK_PART, RANK_TITLE, RANK_CHAPTER, RANK_MAIN = 10, 12, 14, 15
RANK_AXIS, RANK_NUMBER, RANK_SECTOR, RANK_PROGRAMME = 20, 22, 33, 34
RANK_SUBPROGRAMME, RANK_PROJECT, RANK_CAPITALS, RANK_LABEL = 36, 38, 40, 50
RANK_ARTICLE = 18

TYPE_RANKS = ((1.6, RANK_CHAPTER + 2), (1.3, RANK_AXIS + 1), (1.12, RANK_NUMBER + 5))
"""Type larger than the body's by this ratio gives a plain heading this rank."""

MAX_DIVISION_LINE = 60
MAX_PLAN_WORD_LINE = 120
MAX_BOLD_LINE = 110
MAX_TITLE_IN_TEXT = 140
MIN_LETTERS = 5
MIN_LETTER_SHARE = 0.6
SAME_SIZE = 0.6
MAX_ARTICLE_TITLE = 60
MIN_TITLE_CHARS = 4
MAX_PLAIN_TITLE = 90
MAX_PLAIN_SENTENCE = 70
MIN_RUNNING_TEXT = 60
LABEL_TEXT_CHARS = 40
"""A label without colon or capitals opens a paragraph of at least this many characters."""
MIN_LIST_OF_BOLD = 4
"""So many headings of one kind without any text between them are a list."""
MAX_ENTRY_LINES = 3
MAX_ENTRY_CHARS = 90
"""An item of a list may have a few lines of its own: a person's office, a figure of a chart, an hour."""
MAX_SHORT_ENTRY = 30
"""Longer, what ends with a stop is a sentence."""

_ORDINAL = (
    r"(?:[ivxlc]{1,6}|\d{1,2}|primer[oa]?|segund[oa]|tercer[oa]?|cuart[oa]|quint[oa]|sext[oa]|septim[oa]"
    r"|octav[oa]|noven[oa]|decim[oa]|unic[oa])"
)
DIVISION = re.compile(
    rf"(libro|parte|titulo|capitulo|seccion) (?:{_ORDINAL}\b|general\b|estrategica\b|financiera\b)"
    rf"|(?:primera|segunda|tercera|cuarta|quinta) (parte)\b",
)
BARE_DIVISION = re.compile(
    rf"(?:(?:libro|parte|titulo|capitulo|seccion) {_ORDINAL}|(?:primera|segunda|tercera) parte)\s?[.:]?"
)
"""A division without a title of its own: that stands on the next line."""
ARTICLE = re.compile(rf"articulo (?:n[o°º]?\.? ?)?(?:\d{{1,3}}|{_ORDINAL})\s?[o°º]?\s?(?:[.:\-]+|$)")
BARE_ARTICLE = re.compile(r"articulo \d{1,3}[o°º]? (?=[a-z])")
NUMBER = re.compile(r"(\d{1,2}(?:\.\d{1,2}){0,6})(\.-|[.)\-:]?) ?(?=[a-z\"¿(])")
ROMAN = re.compile(r"([ivx]{1,5})(?:\.-|[.)\-]) ?(?=[a-z])")
LETTER = re.compile(r"([a-z])(?:\.\d{1,2})?[.)] (?=[a-z])")
PLAN_WORD = re.compile(
    r"(eje|linea|dimension|pilar|reto|objetivo estrategico|plan estrategico|politica|sector"
    r"|componente|subcomponente|area|programa|subprograma|proyecto)s?\b"
    r"(?: (?:estrategic[oa]|tematic[oa]|programatic[oa]|transversal|articulador[a]?|sectorial))?",
)
PLAN_WORD_MARK = re.compile(r" ?(?:n[o°º]\.? ?)?(?:\d{1,2}(?:\.\d{1,2}){0,5}\b|[ivx]{1,5}\b|[:.\-\"]|$)")
PLAN_RANKS = {
    "eje": RANK_AXIS,
    "linea": RANK_AXIS,
    "dimension": RANK_AXIS,
    "pilar": RANK_AXIS,
    "reto": RANK_AXIS,
    "objetivo estrategico": RANK_AXIS + 1,
    "plan estrategico": RANK_PROGRAMME,
    "politica": RANK_AXIS + 1,
    "sector": RANK_SECTOR,
    "componente": RANK_SECTOR,
    "subcomponente": RANK_SECTOR,
    "area": RANK_SECTOR,
    "programa": RANK_PROGRAMME,
    "subprograma": RANK_SUBPROGRAMME,
    "proyecto": RANK_PROJECT,
}
DIVISION_RANKS = {
    "libro": RANK_PART - 1,
    "parte": RANK_PART,
    "titulo": RANK_TITLE,
    "capitulo": RANK_CHAPTER,
    "seccion": RANK_CHAPTER + 2,
}
ROW_OF_FIGURES = re.compile(r"\d[\d.,%]* \d")
"""Two figures side by side: the row of a table."""
_TOTAL = re.compile(r"(?:gran |sub ?)?total(?:es)?\W*")
_END_OF_ROW = re.compile(
    r"(?:(?: -){2,}|(?<!ley)(?<!decreto)(?<!de) \$? ?\d{1,3}(?:[.,]\d{3})+(?:[.,]\d+)?(?: ?%)?)$"
)
"""Empty cells or an amount: the end of a row of a budget. ``ley 1.448`` and ``mas de 1.000`` are none."""
_SPACED_WORD = re.compile(r"\b(?:\w ){3,}\w\b")
_SHORT_WORDS = frozenset(
    [
        "a",
        "al",
        "da",
        "de",
        "di",
        "el",
        "en",
        "es",
        "fe",
        "ha",
        "ir",
        "la",
        "le",
        "lo",
        "me",
        "mi",
        "ni",
        "no",
        "o",
        "os",
        "se",
        "si",
        "su",
        "te",
        "ti",
        "tu",
        "un",
        "va",
        "ve",
        "y",
        "ya",
        "yo",
        "e",
        "u",
        "i",
        "ii",
        "iv",
        "v",
        "vi",
        "ix",
        "x",
        "xi",
        "xv",
        "xx",
    ]
)
MIN_FRAGMENTS = 2
"""So many bits of one or two letters that are no words, and a third of all words: a torn label."""
SOURCE = re.compile(r"fuentes?\s?[.:]")
"""The line below a picture or a table; the line above it is their caption or a label in them."""
AMOUNTS = re.compile(r"[-$ ]*\d{1,3}(?:[.,]\d{3})+[-$.,%() \d]*")
"""A line of nothing but amounts: the line above names a row."""
CAPTION = re.compile(
    r"(?:tabla|grafic[oa]|cuadro|figura|ilustracion|mapa|imagen|foto(?:grafia)?|matriz|fuente|nota"
    r"|elaboro|diagrama)s?\b"
)
UNFINISHED = (
    " de",
    " del",
    " la",
    " el",
    " los",
    " las",
    " y",
    " e",
    " en",
    " a",
    " para",
    " con",
    " por",
    ",",
    " o",
    " al",
)


@dataclass(frozen=True, slots=True)
class Fonts:
    """The size of the running text, and whether bold type is rare enough to mark headings."""

    body: float
    bold_means_heading: bool


def fonts_of(lines: Sequence[CleanLine]) -> Fonts:
    """Measure the type of a document: the size most of its characters have is that of its text."""
    exact: defaultdict[float, int] = defaultdict(int)
    for line in lines:
        exact[line.font_size] += len(line.text)
    sizes: Counter[float] = Counter()
    for size, characters in exact.items():
        sizes[round(size, 1)] += characters
    bold = sum([line.bold for line in lines])
    body = max(sizes.items(), key=lambda item: (item[1], -item[0]))[0] if sizes else 10.0
    return Fonts(body, 0 < bold <= MAX_BOLD_SHARE * len(lines))


def mostly_letters(text: str) -> bool:
    """Whether a line can be a title: letters outweigh the rest, and it is no row of figures."""
    letters = sum(map(str.isalpha, text))
    return (
        letters >= MIN_LETTERS
        and letters >= MIN_LETTER_SHARE * len(text.replace(" ", ""))
        and not ROW_OF_FIGURES.search(text)
    )


def is_cell(folded: str) -> bool:
    """Whether a line that looks like a title is a row of a budget, a total, or letters off a map or a chart."""
    if _TOTAL.fullmatch(folded) or _END_OF_ROW.search(folded):
        return True
    words = [word for word in _SPACED_WORD.sub("palabra", folded).split() if word.isalpha()]
    fragments = sum(len(word) < 3 and word not in _SHORT_WORDS for word in words)  # noqa: PLR2004
    return fragments >= MIN_FRAGMENTS and 3 * fragments >= len(words)


def stands_out(line: CleanLine, *, fonts: Fonts) -> bool:
    """Whether a line is set larger than the text, or bold where bold marks headings."""
    larger = line.font_size >= fonts.body + LARGE_TYPE_POINTS
    return (
        (larger or (fonts.bold_means_heading and line.bold))
        and len(line.text) <= MAX_HEADING_CHARS
        and mostly_letters(line.text)
    )
