"""Words that tell which link of a theory of change a passage is: problem, activity, outcome, impact."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Final

import re2

from pipeline.findings.causal_connectors import ADVERSE
from pipeline.model import ChainLink
from pipeline.text import fold

if TYPE_CHECKING:
    from collections.abc import Mapping

PASSAGES_KEPT: Final = 2_048
"""A passage is asked for each point that it is about."""

_PROBLEM: Final = re2.compile(
    (
        rf"\b(?:problem|{ADVERSE}|no (?:existe|cuenta|hay|tiene|se )"
        r"|alt[oa]s? (?:indice|tasa|nivel|porcentaje|numero)|carece|situacion critica|principales causas)"
    ).encode()
)
_STRONG_PROBLEM: Final = re2.compile(
    rb"\b(?:problematic|problema|deficit|carencia|falta de|ausencia de|alt[oa]s? (?:indice|tasa|nivel"
    rb"|porcentaje)|insuficien|deficien"
    rb"|precari|vulnera|no (?:existe|cuenta|hay)|escas|debilidad|bajos? nivel|hacinamiento|amenaza|rezago)"
)
_ACTIVITY: Final = re2.compile(
    rb"^[ \-?*]*(?:[0-9a-z.]{1,8}[.)] ?)?(?:acompan|actualiz|adecu|adelant|ampli|apoy|articul|asesor|asist"
    rb"|atend|atenc|aument|brind|capacit|"
    rb"construc|construir|conform|coordin|crear|creac|desarroll|difund|disen|dot|ejecut|elabor|entreg"
    rb"|establec|estable|foment|form|fortalec|garantiz|gestion|"
    rb"implement|impuls|instal|integr|interven|manten|mejor|organiz|orient|pavim|prest|promoc|promov"
    rb"|proteg|protecc|realiz|recuper|"
    rb"reforest|rehabilit|sensibil|sembr|suministr|vincul|vacun)[a-z]*"
)
_AIM: Final = re2.compile(
    rb"[ \-?*]*(?:[0-9a-z.]{1,8}[.)] ?)?(?:reduc|dismin|increment|elev|erradic|lograr|alcanz|evitar|bajar"
    rb"|super)"
)
_OUTCOME: Final = re2.compile(
    rb"\b(?:aument|increment|disminu|reduc|mejor|ampli|elev|baj|erradic|garanti|acceso|cobertura|tasa"
    rb"|prevenir|restablec|superar)[a-z]*"
)
_IMPACT: Final = re2.compile(
    rb"\b(?:calidad de vida|bienestar|desarrollo humano|goce efectivo|desarrollo (?:integral|sostenible"
    rb"|economico y social|social y economico)|"
    rb"pobreza|equidad|igualdad|paz\b|convivencia pacifica|reconciliacion|dignidad|vida digna"
    rb"|transformacion social|justicia social|"
    rb"sostenibilidad ambiental|condiciones de vida|tejido social|prosperidad|esperanza de vida)"
)

_HISTORY: Final = re2.compile(
    rb"\b(?:(?:resena|marco|contexto|antecedentes?|evolucion|aspectos?|sintesis|resumen) historic[oa]s?"
    rb"|historia (?:de|del)\b|fundacion (?:de|del) (?:la |el )?(?:municipio|ciudad|pueblo)|datos historicos)"
    rb"|^[0-9. ]*(?:historia|fundacion)$"
)
_OFFICE: Final = re2.compile(
    rb"(?:el |la |los |las )?(?:secretarias?|ministerio|alcaldia|oficina|instituto|departamento administrativo"
    rb"|gobernacion|direccion|unidad|consejo|comite|comision|concejo|personeria|corporacion)\b"
)
_FINITE: Final = re2.compile(
    rb"\b(?:[a-z]{3,}(?:ran?|aron|ieron|aban?|ian)|es|son|ha|han|se|fue|esta|estan|debe|deben|tiene|tienen|hay)\b"
)
_INFINITIVE: Final = re2.compile(rb"(?:[a-z]+(?:ar|er|ir)(?:se|l[oa]s?)?)\b")
_POINTS_BACK: Final = re2.compile(
    rb"(?:[0-9.,]+ ?%? )?(?:de )?(?:est[aeo]s?|es[aeo]s?|ell[oa]s?|dich[oa]s?|l[oa]s mism[oa]s|otr[oa]s?|tal|tales)\b"
)
_LEFT_OPEN: Final = re2.compile(rb"[ ,](?:sino|que|lo que|y|o|de|para|por|con|a)$")
SCRAP_WORDS: Final = 4
"""A clause of fewer words names a link only where a word of it says which."""
_BACK_WORDS: Final = 6
_OFFICE_WORDS: Final = 10


def _ascii(folded: str) -> bytes:
    return folded.encode("ascii", "replace")


@lru_cache(maxsize=PASSAGES_KEPT)
def problem_strength(folded: str) -> float:
    """How much a folded passage speaks of a problem: 0, 0.5 or 1."""
    data = _ascii(folded)
    if _STRONG_PROBLEM.search(data) is not None:
        return 1.0
    return 0.5 if _PROBLEM.search(data) is not None else 0.0


@lru_cache(maxsize=PASSAGES_KEPT)
def is_activity(folded: str) -> bool:
    """True where a folded passage begins with an action of the municipality."""
    return _ACTIVITY.match(_ascii(folded)) is not None


@lru_cache(maxsize=PASSAGES_KEPT)
def is_aim(folded: str) -> bool:
    """True where a folded passage begins with a change that is wanted: it names a problem and is none."""
    return _AIM.match(_ascii(folded)) is not None


@lru_cache(maxsize=PASSAGES_KEPT)
def names_impact(folded: str) -> bool:
    """True where a folded passage names a lasting change in how people live."""
    return _IMPACT.search(_ascii(folded)) is not None


@lru_cache(maxsize=PASSAGES_KEPT)
def names_outcome(folded: str) -> bool:
    """True where a folded passage names a change in a measure of people or territory."""
    return _OUTCOME.search(_ascii(folded)) is not None


@lru_cache(maxsize=PASSAGES_KEPT)
def tells_history(heading_path: tuple[str, ...]) -> bool:
    """True where the nearest title is that of the place's history: how a town was founded is no plan's reasoning."""
    return bool(heading_path) and _HISTORY.search(_ascii(fold(heading_path[-1]))) is not None


@lru_cache(maxsize=PASSAGES_KEPT)
def is_scrap(folded: str) -> bool:
    """True where a folded clause says nothing by itself.

    Two or three words that name no problem, action or change ("un plan maestro"), words that only point back ("esta
    política", "86 % de estas"), the bare name of an office, or what was cut before its end.
    """
    data = _ascii(folded).strip(b" ,;:.-")
    words = len(data.split())
    if _LEFT_OPEN.search(data) is not None:
        return True
    if _POINTS_BACK.match(data) is not None and words < _BACK_WORDS:
        return True
    if _OFFICE.match(data) is not None and words < _OFFICE_WORDS and _FINITE.search(data) is None:
        return True
    said = problem_strength(folded) or names_outcome(folded) or names_impact(folded) or is_activity(folded)
    return words < SCRAP_WORDS and not said and _INFINITIVE.match(data) is None


def explains_problem(effect: str, *, polarity: str) -> bool:
    """True where a statement of cause is about harm; the reason of something good is no cause of a problem.

    Args:
        effect: The folded effect.
        polarity: Whether it is good or bad, as node 9 says.
    """
    return polarity != "favorable" and problem_strength(effect) > 0


def link_of(folded: str, *, default: ChainLink) -> ChainLink:
    """The link a clause is by its own words; ``default`` where they do not tell.

    The order of the tests is that of how distinctive the words are: an impact's are the rarest.
    """
    tests: Mapping[ChainLink, bool] = {
        ChainLink.IMPACT: default is not ChainLink.CAUSE
        and default is not ChainLink.PROBLEM
        and names_impact(folded),
        ChainLink.PROBLEM: default is ChainLink.OUTCOME
        and problem_strength(folded) == 1.0
        and not names_outcome(folded),
        ChainLink.OUTCOME: default is ChainLink.ACTIVITY
        and names_outcome(folded)
        and not is_activity(folded),
        ChainLink.ACTIVITY: default is ChainLink.OUTCOME
        and is_activity(folded)
        and not names_outcome(folded),
    }
    return next((link for link, holds in tests.items() if holds), default)
