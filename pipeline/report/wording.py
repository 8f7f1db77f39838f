"""Spanish words for the codes of an evaluation, and text of a plan made fit for a page."""

from __future__ import annotations

from typing import Any

import re2

from pipeline.questionnaire.explanations import NODE_NAMES

RECOGNISED = "recognised_pages"
WARNINGS = {
    "hidden_text": "El PDF contiene texto que no se ve en sus páginas; no se tuvo en cuenta.",
    "not_a_plan": "El documento no parece un plan de desarrollo municipal; se evaluó porque así se pidió.",
    "points_not_applicable": "Los puntos que no aplican al municipio no entran en los promedios.",
    RECOGNISED: "Hay páginas que son imágenes y se leyeron con reconocimiento de texto (OCR); puede haber "
    "errores de lectura.",
    "repaired": "El archivo estaba dañado y se leyó después de repararlo; puede faltar contenido.",
    "scanned_pages": "Hay páginas que son imágenes sin texto: lo que dicen no se pudo leer.",
    "unreadable_pages": "Hay páginas que no se pudieron leer.",
}
SOURCES = {
    "cofinanciacion": "cofinanciación",
    "cooperacion": "cooperación",
    "credito": "crédito",
    "nacion": "Nación",
    "obras_por_impuestos": "obras por impuestos",
    "recursos_del_balance": "recursos del balance",
    "recursos_propios": "recursos propios",
    "regalias": "regalías",
}
LEVELS = {"gestion": "gestión"}
_DIGITS = re2.compile(r"^\d{5,15}$")
STATES = {"desconocido": "no identificado"}

LONGEST_WORD = 20
"""Longer words, such as web addresses, may be broken anywhere: they would run off the page."""
LONGEST_WORD_IN_COLUMN = 10
BREAK_HERE = "\u200b"
ELLIPSIS = " …"
BULLETS = " •·▪■►➢✓*-–\uf0b7\uf0a7\uf0d8"
"""Marks of list items, some from symbol fonts: a quote reads better without."""


def warnings(codes: list[str], *, skipped: list[str], recognised: dict[str, Any] | None = None) -> list[str]:
    """A sentence for each warning; unknown codes say nothing to a reader and are left out.

    Args:
        codes: of the evaluation.
        skipped: names of the nodes that were switched off.
        recognised: the pages that were read from their picture, as the evaluation reports them.
    """
    known = WARNINGS | ({RECOGNISED: _recognised(recognised)} if recognised else {})
    sentences = [known[code] for code in codes if code in known]
    if skipped:
        names = [NODE_NAMES.get(node, node) for node in skipped]
        listed = names[0] if len(names) == 1 else f"{', '.join(names[:-1])} y {names[-1]}"
        sentences.append(f"Por decisión de quien pidió la evaluación se hizo sin {listed}.")
    return sentences


def _recognised(recognised: dict[str, Any]) -> str:
    numbers = ranges([page["page"] for page in recognised["pages"]])
    confidence = f"{recognised['confidence']:.0f}"
    return (
        f"Páginas que son imágenes y se leyeron con reconocimiento de texto (OCR): {numbers}; "
        f"confianza media {confidence} %. Puede haber errores de lectura."
    )


def ranges(numbers: list[int]) -> str:
    """Ascending numbers in words: ``1 a 4, 7, 9 a 10``."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][-1] + 1:
            runs[-1] = [runs[-1][0], number]
        else:
            runs.append([number])
    return ", ".join(" a ".join(map(str, run)) for run in runs)


def plain(text: object, *, chars: int | None = None, longest_word: int = LONGEST_WORD) -> str:
    """Text without control and direction characters, at most ``chars`` long, whose long words may be broken."""
    visible = "".join(char if char.isprintable() else " " for char in str(text))
    clean = " ".join(visible.split())
    if chars is not None and len(clean) > chars:
        clean = (clean[:chars].rsplit(" ", 1)[0] or clean[:chars]).rstrip(",;:") + ELLIPSIS
    return " ".join(_breakable(word, every=longest_word) for word in clean.split(" "))


def _breakable(word: str, *, every: int) -> str:
    return BREAK_HERE.join(word[start : start + every] for start in range(0, len(word), every))


def narrow(text: object, *, chars: int) -> str:
    """``plain`` for a narrow column or a large font; nothing for nothing."""
    return plain(text or "", chars=chars, longest_word=LONGEST_WORD_IN_COLUMN)


def grouped_digits(value: str) -> str:
    """A whole number of five digits or more with its thousands apart, as in ``60.864``; anything else as it is."""
    stripped = value.strip()
    return f"{int(stripped):,}".replace(",", ".") if _DIGITS.match(stripped) else value


def capitalised(text: str) -> str:
    """With a capital at its beginning; the shouting of headings in capitals is left to the plan."""
    return text[:1].upper() + text[1:]
