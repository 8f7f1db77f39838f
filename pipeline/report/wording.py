"""Spanish words for the codes of an evaluation, and text of a plan made fit for a page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import re2

from pipeline.questionnaire.explanations import NODE_NAMES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

PART = "perhaps_a_part"
RECOGNISED = "recognised_pages"
SCANNED = "scanned_pages"
WARNINGS = {
    "hidden_text": "El PDF contiene texto que no se ve en sus páginas; no se tuvo en cuenta.",
    "not_a_plan": "El documento no parece un plan de desarrollo municipal; se evaluó porque así se pidió.",
    PART: "La portada o el título dicen que es una parte del plan: lo que falta puede estar en otro archivo. No "
    "conviene comparar su puntaje con el de planes completos.",
    "points_not_applicable": "Los puntos que no aplican al municipio no entran en los promedios.",
    RECOGNISED: "Hay páginas que son imágenes y se leyeron con reconocimiento de texto (OCR); puede haber "
    "errores de lectura.",
    "repaired": "El archivo estaba dañado y se leyó después de repararlo; puede faltar contenido.",
    SCANNED: "Hay páginas que son imágenes sin texto: lo que dicen no se pudo leer.",
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


def warnings(result: Mapping[str, Any]) -> list[str]:
    """A sentence for each warning of ``evaluation_results``, and one that names the nodes that were switched off.

    Unknown codes say nothing to a reader and are left out.
    """
    document, skipped = result["document"], result["findings"]["skipped"]
    known = {**WARNINGS, SCANNED: _scanned(document["scanned_pages"])}
    if missing := _missing(result["findings"]):
        known[PART] = (
            f"No se encontraron {missing}: el archivo puede ser solo una parte del plan, o sus tablas no se "
            "pueden leer como texto. No conviene comparar su puntaje con el de planes completos."
        )
    if document.get("recognised_pages"):
        known[RECOGNISED] = _recognised(document["recognised_pages"])
    sentences = [known[code] for code in result["warnings"] if code in known]
    if skipped:
        listed = _listed([NODE_NAMES.get(node, node) for node in skipped])
        sentences.append(f"Por decisión de quien pidió la evaluación se hizo sin {listed}.")
    return sentences


def _missing(findings: Mapping[str, Any]) -> str:
    """What every plan has and this file has not, of what was looked for."""
    parts = {
        "indicators": ("indicadores", "feasibility_scoring"),
        "amounts": ("montos", "monetary_detection"),
    }
    return " ni ".join(
        words
        for name, (words, node) in parts.items()
        if not findings[name]["total"] and node not in findings["skipped"]
    )


def _listed(parts: Sequence[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} y {parts[-1]}"


def _scanned(pages: Sequence[int]) -> str:
    """Which pages nobody could read: they may hold what the evaluation says is missing."""
    if not pages:
        return WARNINGS[SCANNED]
    if len(pages) == 1:
        return f"La {pages_in_words(pages)} es una imagen sin texto: lo que dice no se pudo leer."
    return f"Las {pages_in_words(pages)} son imágenes sin texto: lo que dicen no se pudo leer."


def _recognised(recognised: dict[str, Any]) -> str:
    numbers = ranges([page["page"] for page in recognised["pages"]])
    confidence = f"{recognised['confidence']:.0f}"
    return (
        f"Páginas que son imágenes y se leyeron con reconocimiento de texto (OCR): {numbers}; "
        f"confianza media {confidence} %. Puede haber errores de lectura."
    )


def pages_in_words(pages: Sequence[int]) -> str:
    """Which pages, by number: ``página 1``, ``páginas 1 y 17``; nothing for none."""
    return f"{'página' if len(pages) == 1 else 'páginas'} {ranges(pages)}" if pages else ""


def ranges(numbers: Sequence[int]) -> str:
    """Ascending numbers in words: ``1 a 4, 7 y 9 a 10``."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][-1] + 1:
            runs[-1] = [runs[-1][0], number]
        else:
            runs.append([number])
    return _listed([" a ".join(map(str, run)) for run in runs])


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
