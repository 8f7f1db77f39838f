"""Whose plan it is: municipality, department, period, adopted or draft, language."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from typing import TYPE_CHECKING

import re2

from pipeline.structure.folding import fold_lines
from pipeline.text import fold

if TYPE_CHECKING:
    from collections.abc import Sequence

DEPARTMENTS: tuple[str, ...] = (
    "Amazonas", "Antioquia", "Arauca", "Atlántico", "Bolívar", "Boyacá", "Caldas", "Caquetá",
    "Casanare", "Cauca", "Cesar", "Chocó", "Córdoba", "Cundinamarca", "Guainía", "Guaviare", "Huila",
    "La Guajira", "Magdalena", "Meta", "Nariño", "Norte de Santander", "Putumayo", "Quindío", "Risaralda",
    "San Andrés y Providencia", "Santander", "Sucre", "Tolima", "Valle del Cauca", "Vaupés", "Vichada",
)  # fmt: skip
PLAN_YEARS = 4
"""A municipal plan runs for the four years of a mayor's term."""
MIN_NAMED = 2
"""A municipality or department counts when it is named so at least twice, or in the title."""
FRONT_WEIGHT = 12
"""What the first pages and the title say weighs as much as twelve mentions further on."""
RECENT_SHARE = 0.05
"""Plans name the period of their predecessor often: the later period wins from this share on."""
MIN_SPELLING_SHARE = 0.05
"""Spellings rarer than this are slips."""
MIN_BARE_NAMED = 5

# Patterns begin with letters: the engine then skips to them instead of trying every character.
_PERIOD = re.compile(r"20([0-4]\d) ?(?:[-·]|al?|hasta) ?20([0-4]\d)\b")
_WORD = r"(?:[A-ZÁÉÍÓÚÑ][a-záéíóúñü]+|[A-ZÁÉÍÓÚÑ]{3,})"
_NAME = (
    rf"({_WORD}(?: (?:de|del|la|los|las|el|y|DE|DEL|LA|LOS|LAS|EL)){{0,2}}(?: {_WORD})?"
    rf"(?: (?:de|del|DE|DEL)(?: (?:la|los|las|el|LA|LOS|LAS|EL))? {_WORD})?)"
)
_OWNER = re.compile(
    r"(?:municipio|Municipio|MUNICIPIO|alcald[ií]a(?: [Mm]unicipal| [Dd]istrital)?"
    r"|Alcald[ií]a(?: [Mm]unicipal| [Dd]istrital)?|ALCALD[IÍ]A(?: MUNICIPAL| DISTRITAL)?"
    r"|concejo(?: [Mm]unicipal| [Dd]istrital)?|Concejo(?: [Mm]unicipal| [Dd]istrital)?"
    r"|CONCEJO(?: MUNICIPAL| DISTRITAL)?|distrito(?: de)?|Distrito(?: de)?|DISTRITO"
    r"|desarrollo [Mm]unicipal|Desarrollo [Mm]unicipal|DESARROLLO MUNICIPAL) (?:de |DE |del? |· )" + _NAME,
)
_STOP_NAMES = frozenset(
    [
        "colombia",
        "desarrollo",
        "los",
        "las",
        "la",
        "el",
        "este",
        "sexta",
        "primera",
        "segunda",
        "categoria",
        "conformidad",
        "acuerdo",
        "manera",
        "acuerdo",
        "orden",
        "planeacion",
        "gobierno",
        "salud",
        "educacion",
    ],
)
_DEPARTMENT = tuple(
    re.compile(word + r"\s(?:del?|de la)\s([a-z]+(?: (?:de |del )?[a-z]+){0,3})")
    for word in ("departamento", "gobernacion")
)
_AMBIGUOUS = frozenset(
    {
        "Meta",
        "Bolívar",
        "Sucre",
        "Santander",
        "Córdoba",
        "Magdalena",
        "Cesar",
        "Caldas",
        "Cauca",
        "San Andrés y Providencia",
    }
)
"""Departments whose name alone is a word, a person, a river or a part of another name."""
_BARE_DEPARTMENT = re.compile(
    r"\b(" + "|".join(fold(name) for name in DEPARTMENTS if name not in _AMBIGUOUS) + r")\b"
)
_AGREEMENT = r"(?<!proyecto de )\bacuerdo (?:municipal )?(?:n(?:o|ro|umero|[°º])?\.? ?)0*[1-9]"
"""An agreement with its number; zeros alone keep the place of one, and what a council has before it has its own."""
_ADOPTED = re.compile(
    r"por (?:el|la|medio de la|medio del?) cual se (?:adopta|aprueba|expide)|adoptese"
    r"|se adopta el plan|aprobado mediante acuerdo|publiquese y cumplase|comuniquese y cumplase"
    rf"|{_AGREEMENT}",
)
_DRAFT = re.compile(r"proyecto de acuerdo|anteproyecto|documento borrador|version preliminar|borrador")
_NUMBERED = re.compile(rf"{_AGREEMENT}\d* (?:\(|de|del)")
_SANCTIONED = re.compile(r"sancion(?:ado|ese|a) el|publiquese y cumplase")
_BLANK = r"(?:_{2,}|\.{4,}|…{2,})"
# Looked for in the whole plan, which may be made of blanks: RE2 takes no longer for it.
_UNDATED = re2.compile(
    rf"{_BLANK} ?(?:\([ _.…]*\) ?)?dias? del mes|a los ?\( *\) ?dias? del mes|dias? del mes de ?{_BLANK}"
)
"""An agreement that nobody has dated yet is not signed."""
_SPANISH = frozenset(
    [
        "de",
        "la",
        "que",
        "el",
        "en",
        "y",
        "los",
        "del",
        "se",
        "las",
        "por",
        "un",
        "para",
        "con",
        "una",
        "su",
        "al",
        "lo",
        "como",
        "mas",
        "o",
        "pero",
        "sus",
        "le",
        "ha",
        "este",
        "son",
    ]
)
_OTHER_LANGUAGES = {
    "en": frozenset(
        [
            "the",
            "of",
            "and",
            "to",
            "in",
            "that",
            "is",
            "for",
            "it",
            "with",
            "as",
            "was",
            "on",
            "are",
            "be",
            "this",
            "by",
            "from",
            "or",
            "an",
            "have",
            "not",
        ]
    ),
    "pt": frozenset(
        [
            "de",
            "que",
            "e",
            "o",
            "a",
            "do",
            "da",
            "em",
            "um",
            "para",
            "com",
            "nao",
            "uma",
            "os",
            "no",
            "se",
            "na",
            "por",
            "mais",
            "as",
            "dos",
            "como",
            "mas",
            "ao",
            "das",
        ]
    ),
    "fr": frozenset(
        [
            "de",
            "la",
            "le",
            "et",
            "les",
            "des",
            "en",
            "un",
            "du",
            "une",
            "que",
            "est",
            "pour",
            "qui",
            "dans",
            "par",
            "au",
            "sur",
            "pas",
            "plus",
            "avec",
        ]
    ),
}
LANGUAGE_LINES = 3_000
MIN_STOP_WORDS = 0.08


def plan_period(front: str, text: str) -> tuple[int, int] | None:
    """The four-year period a plan is made for: named in its front or most often, later ones preferred."""
    counts: Counter[tuple[int, int]] = Counter()
    for source, weight in ((front, FRONT_WEIGHT), (text, 1)):
        for match in _PERIOD.finditer(source):
            first, last = 2000 + int(match[1]), 2000 + int(match[2])
            if last - first == PLAN_YEARS - 1:
                counts[first, last] += weight
    if not counts:
        return None
    enough = RECENT_SHARE * max(counts.values())
    named = [period for period, count in counts.items() if count >= enough]
    return max(named, key=lambda period: (_is_term(period), period))


def _is_term(period: tuple[int, int]) -> bool:
    """Terms of mayors began in 2001, 2004, 2008, 2012, 2016, 2020, 2024."""
    return period[0] % 4 == 0 or period[0] == 2001  # noqa: PLR2004  the odd term of 2001-2003


def municipality_of(front: Sequence[str], lines: Sequence[str]) -> str | None:
    """The municipality a document names as its own, as written there with most accents.

    Args:
        front: title and first lines as printed, running heads included.
        lines: the clean lines.
    """
    counts: Counter[str] = Counter()
    spellings: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for sources, weight in ((front, FRONT_WEIGHT), (lines, 1)):
        for match in _OWNER.finditer("\n".join(sources)):
            name = _shortened(match[1])
            key = fold(name)
            if key.split(" ", 1)[0] in _STOP_NAMES or len(key) < 4:  # noqa: PLR2004
                continue
            counts[key] += weight
            spellings[key][name] += 1
    if not counts:
        return None
    best, count = max(counts.items(), key=lambda item: (item[1], item[0]))
    if count < MIN_NAMED:
        return None
    common = MIN_SPELLING_SHARE * sum(spellings[best].values())
    known = [name for name, times in spellings[best].items() if times >= common]
    spelling = max(known, key=lambda name: (sum(ord(c) > 127 for c in name), not name.isupper(), name))  # noqa: PLR2004
    return _titled(spelling)


def _shortened(name: str) -> str:
    """Without a trailing link word."""
    words = name.split()
    while words and words[-1].lower() in {"de", "del", "la", "los", "las", "el", "y"}:
        words.pop()
    return " ".join(words)


def _titled(name: str) -> str:
    small = {"de", "del", "la", "los", "las", "el", "y"}
    words = name.lower().split()
    return " ".join(
        word if word in small and i else word[:1].upper() + word[1:] for i, word in enumerate(words)
    )


def department_of(front: str, text: str) -> str | None:
    """The department named most often as ``departamento de …``, the front counting more."""
    counts: Counter[str] = Counter()
    known = {fold(name): name for name in DEPARTMENTS} | {"valle": "Valle del Cauca"}
    for source, weight in ((front, FRONT_WEIGHT), (text, 1)):
        for match in (found for pattern in _DEPARTMENT for found in pattern.finditer(source)):
            words = match[1].split()
            for size in range(min(4, len(words)), 0, -1):
                name = known.get(" ".join(words[:size])) or known.get("la " + " ".join(words[:size]))
                if name:
                    counts[name] += weight
                    break
    for name in _BARE_DEPARTMENT.findall(front):
        counts[known[name]] += FRONT_WEIGHT
    best = counts.most_common(1)
    if best and best[0][1] >= MIN_NAMED:
        return best[0][0]
    bare = Counter(_BARE_DEPARTMENT.findall(text)).most_common(1)
    return known[bare[0][0]] if bare and bare[0][1] >= MIN_BARE_NAMED else None


def status_of(front: str, text: str) -> str:
    """``adoptado``, ``borrador`` or ``desconocido``.

    A draft calls itself one in its front, or has blanks where its date will stand; an agreement with a number, or
    one that was sanctioned, is adopted.
    """
    numbered, sanctioned = _NUMBERED.search(front), _SANCTIONED.search(front)
    # The words of the sanction stand ready in what the council has before it, above the blanks.
    if not numbered and (_UNDATED.search(text) or (_DRAFT.search(front) and not sanctioned)):
        return "borrador"
    if (
        numbered
        or sanctioned
        or _ADOPTED.search(front)
        or re.search(r"publiquese y cumplase|comuniquese y cumplase|publiquese, comuniquese", text)
    ):
        return "adoptado"
    return "desconocido"


def language_of(folded: Sequence[str]) -> str:
    """ISO 639-1 code by stop words; ``und`` when no profile fits."""
    words = Counter(" ".join(folded[:LANGUAGE_LINES]).split())
    total = max(sum(words.values()), 1)
    shares = {"es": sum(words[word] for word in _SPANISH) / total}
    for code, stop_words in _OTHER_LANGUAGES.items():
        shares[code] = sum(words[word] for word in stop_words) / total
    best = max(shares, key=lambda code: (shares[code], code == "es"))
    return best if shares[best] >= MIN_STOP_WORDS else "und"


def front_lines(texts: Sequence[str]) -> list[str]:
    """The front as folded lines."""
    return [text.strip() for text in fold_lines(texts)]
