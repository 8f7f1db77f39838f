"""Words that tell which link of a theory of change a passage is: problem, activity, outcome, impact."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Final

import re2

from pipeline.findings.causal_connectors import ADVERSE
from pipeline.model import ChainLink

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
