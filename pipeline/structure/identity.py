"""Whose plan it is: municipality, department, period, adopted or draft, language."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING

from pipeline.text import fold

if TYPE_CHECKING:
    from collections.abc import Sequence

DEPARTMENTS: tuple[str, ...] = (
    "Amazonas", "Antioquia", "Arauca", "Atlántico", "Bolívar", "Boyacá", "Caldas", "Caquetá", "Casanare", "Cauca", "Cesar",
    "Chocó", "Córdoba", "Cundinamarca", "Guainía", "Guaviare", "Huila", "La Guajira", "Magdalena", "Meta", "Nariño",
    "Norte de Santander", "Putumayo", "Quindío", "Risaralda", "San Andrés y Providencia", "Santander", "Sucre", "Tolima",
    "Valle del Cauca", "Vaupés", "Vichada",
)
_PERIOD = re.compile(r"\b(20[0-4]\d) ?(?:-|a|al|hasta) ?(20[0-4]\d)\b")
PLAN_YEARS = 4
"""A municipal plan runs for the four years of a mayor's term."""
_SPANISH = frozenset("de la que el en y los del se las por un para con una su al lo como mas o pero sus le ha este son".split())
_OTHER_LANGUAGES = {
    "en": frozenset("the of and to in that is for it with as was on are be this by from or an have not".split()),
    "pt": frozenset("de que e o a do da em um para com nao uma os no se na por mais as dos como mas ao das".split()),
    "fr": frozenset("de la le et les des en un du une que est pour qui dans par au sur pas plus avec".split()),
}


def plan_period(folded: Sequence[str]) -> tuple[int, int] | None:
    """The period named most often that spans a term (three or four years apart)."""
    counts: Counter[tuple[int, int]] = Counter()
    for text in folded:
        if "20" in text:
            for match in _PERIOD.finditer(text):
                first, last = int(match[1]), int(match[2])
                if last - first == PLAN_YEARS - 1:
                    counts[first, last] += 3 if "plan" in text else 1
    if not counts:
        return None
    return max(counts.items(), key=lambda item: (item[1], item[0]))[0]


def language_of(folded: Sequence[str]) -> str:
    """ISO 639-1 code by stop words; ``und`` when no profile fits."""
    words = Counter(" ".join(folded[:3000]).split())
    total = max(sum(words.values()), 1)
    shares = {"es": sum(words[w] for w in _SPANISH) / total}
    for code, stop_words in _OTHER_LANGUAGES.items():
        shares[code] = sum(words[w] for w in stop_words) / total
    best = max(shares, key=lambda code: (shares[code], code == "es"))
    return best if shares[best] >= 0.08 else "und"
