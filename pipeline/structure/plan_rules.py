"""Is a document a municipal development plan? A few rules, each of which can say its reason.

The law (Ley 152 de 1994, articles 31 to 46) says what such a plan has: a diagnosis, a strategic part
with objectives, programmes and targets, an investment plan, and rules for its follow-up. Documents
that are near it (a candidate's programme, an evaluation, a budget) lack some of them or name
themselves at their beginning.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipeline.structure.folding import fold_lines

if TYPE_CHECKING:
    from collections.abc import Sequence

THRESHOLD = 0.5
PER = 10_000
"""Frequencies are counted per 10,000 characters."""
TITLE_LINES = 14
"""What a document is called stands within its first lines, title of the file and running head included."""
FRONT_LINES = 60
"""A document says what it is within its first lines, running heads included."""
MIN_CHARS = 1_200

WEIGHT_FRONT, WEIGHT_PARTS, WEIGHT_TARGETS, WEIGHT_SELF, WEIGHT_TERRITORY = 0.25, 0.25, 0.25, 0.2, 0.1
PENALTY_OTHER_KIND, PENALTY_NORM, PENALTY_LANGUAGE = 0.5, 0.3, 0.7
FULL_TARGETS, FULL_SELF, FULL_TERRITORY = 1.5, 0.5, 3.0
"""Frequencies from which a rule counts in full: the rarest among 29 real plans reach two thirds of each."""
NORM_ARTICLES, NORM_TARGETS = 1.5, 0.25

_PLAN = re.compile(
    r"plan (?:\w+ )?(?:\w+ )?de desarrollo|plan (?:municipal|distrital)\b.{0,20}\bdesarrollo"
    r"|plan de desarrollo"
)
_OTHER_KIND = re.compile(
    r"[\"'(\s•]{0,4}(informe|evaluacion|ponencia|guia|manual|cartilla|programa de gobierno|ley \d"
    r"|decreto|resolucion|sentencia|reglamento|ordenanza"
    r"|presupuesto|rendicion|acta\b|politica publica|plan de accion"
    r"|plan (?:basico )?de ordenamiento|esquema de ordenamiento|marco fiscal|circular|codigo"
    r"|estatuto"
    r"|plan nacional|plan de desarrollo departamental|plan departamental|proyecto de ley"
    r"|asamblea departamental|plan de desarrollo nacional|diario oficial|convenio|contrato|edicto)",
)
_ADOPTS = re.compile(r"(?:adopta|aprueba|expide|adoptese).{0,40}\bplan .{0,30}desarrollo")
_MAY_ADOPT = frozenset(("decreto", "resolucion"))
"""A mayor adopts the plan by decree when the council lets its term pass."""
_TARGETS = (" meta ", " metas ", " meta:", " indicador")
_TERRITORY = (" municipi", " distrit")
_ARTICLES = re.compile(r"articulo \d")
_PARTS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("diagnóstico", ("diagnostico", "linea base", "linea de base", "caracterizacion", "situacion actual")),
    (
        "parte estratégica",
        (
            "eje estrategico",
            "ejes estrategicos",
            "linea estrategica",
            "lineas estrategicas",
            "parte estrategica",
            "componente estrategico",
            "subprograma",
            "metas de producto",
            "meta de producto",
        ),
    ),
    ("plan de inversiones", ("plurianual", "plan de inversi", "plan financiero", "fuentes de financiacion")),
    ("seguimiento", ("seguimiento", "rendicion de cuentas")),
)


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether it is a plan, how surely (0..1), and why, in Spanish."""

    is_plan: bool
    score: float
    reasons: tuple[str, ...]


def judge(front: Sequence[str], text: str, *, language: str) -> Verdict:
    """Apply the rules.

    Args:
        front: the first lines as printed, furniture included; the document's title first.
        text: the whole clean text, folded, with spaces between the lines.
        language: ISO 639-1 code of the text.
    """
    size = max(len(text), PER / 4) / PER
    score = 0.0
    reasons: list[str] = []
    for points, reason in (
        _front_rule(front),
        _parts_rule(text),
        _targets_rule(text, size=size),
        _self_rule(text, size=size),
        _territory_rule(text, size=size),
        _norm_rule(text, size=size),
        _language_rule(language),
        _length_rule(text),
    ):
        score += points
        if reason:
            reasons.append(reason)
    bounded = round(min(max(score, 0.0), 1.0), 3)
    return Verdict(bounded >= THRESHOLD, bounded, tuple(reasons))


def _front_rule(front: Sequence[str]) -> tuple[float, str]:
    folded = fold_lines(front[:FRONT_LINES])
    adopts = _ADOPTS.search(" ".join(folded)) is not None
    for place, (line, text) in enumerate(zip(front, folded, strict=False)):
        other = _OTHER_KIND.match(text) if place < TITLE_LINES and _is_title(line) else None
        if other and not (adopts and other[1] in _MAY_ADOPT):
            return (
                -PENALTY_OTHER_KIND,
                f"En contra: al comienzo se presenta como otro tipo de documento («{other[1].strip()}»).",
            )
        if _PLAN.search(text):
            return WEIGHT_FRONT, "A favor: al comienzo se presenta como plan de desarrollo."
    return 0.0, "En contra: al comienzo no se presenta como plan de desarrollo."


def _is_title(line: str) -> bool:
    """Whether a line may be a title: it begins like one and is not the end of a sentence."""
    first = next((char for char in line if char.isalpha()), "")
    return first.isupper() and (line.isupper() or not line.rstrip().endswith((".", ",", ";")))


def _parts_rule(text: str) -> tuple[float, str]:
    found = [name for name, words in _PARTS if any(word in text for word in words)]
    share = min(len(found) / 3, 1.0)
    if not found:
        return (
            0.0,
            (
                "En contra: no contiene ninguna de las partes de un plan "
                "(diagnóstico, parte estratégica, inversiones, seguimiento)."
            ),
        )
    return WEIGHT_PARTS * share, f"A favor: contiene {', '.join(found)}."


def _targets_rule(text: str, *, size: float) -> tuple[float, str]:
    rate = _count(text, _TARGETS) / size
    share = min(rate / FULL_TARGETS, 1.0)
    if share < 0.3:  # noqa: PLR2004  below a third of what the sparsest plans have
        return WEIGHT_TARGETS * share, "En contra: casi no habla de metas ni de indicadores."
    return WEIGHT_TARGETS * share, "A favor: formula metas e indicadores."


def _self_rule(text: str, *, size: float) -> tuple[float, str]:
    rate = text.count("plan de desarrollo") / size
    share = min(rate / FULL_SELF, 1.0)
    return WEIGHT_SELF * share, "A favor: habla de sí mismo como plan de desarrollo." if share >= 0.5 else ""  # noqa: PLR2004


def _territory_rule(text: str, *, size: float) -> tuple[float, str]:
    rate = _count(text, _TERRITORY) / size
    share = min(rate / FULL_TERRITORY, 1.0)
    if share < 0.5:  # noqa: PLR2004
        return WEIGHT_TERRITORY * share, "En contra: apenas se refiere a un municipio o distrito."
    return WEIGHT_TERRITORY * share, ""


def _norm_rule(text: str, *, size: float) -> tuple[float, str]:
    articles = sum(1 for _ in _ARTICLES.finditer(text)) / size
    targets = _count(text, _TARGETS) / size
    if articles >= NORM_ARTICLES and targets < NORM_TARGETS:
        return -PENALTY_NORM, "En contra: es un texto normativo, con artículos y sin metas."
    return 0.0, ""


def _language_rule(language: str) -> tuple[float, str]:
    if language == "es":
        return 0.0, ""
    return -PENALTY_LANGUAGE, "En contra: no está escrito en español."


def _length_rule(text: str) -> tuple[float, str]:
    if len(text) >= MIN_CHARS:
        return 0.0, ""
    return -0.3, "En contra: es demasiado corto para un plan de desarrollo."


def _count(text: str, words: Sequence[str]) -> int:
    return sum(text.count(word) for word in words)
