"""One to three Spanish sentences per answer: what is there, where, and what is missing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.text import fold

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pipeline.model import AnswerFinding, CriterionFinding, Segmentation, Span

MAX_TITLE_CHARS = 70
FORMAL_TITLES = (
    "meta",
    "objetivo",
    "indicador",
    "titulo",
    "capitulo",
    "linea base",
    "tabla",
    "leyes",
    "estrategias",
)
"""Headings that begin so name a part of the form, not the subject."""
NODE_NAMES = {
    "responsibility_detection": "la detección de responsables",
    "contradiction_detection": "la detección de contradicciones",
    "monetary_detection": "la detección de montos",
    "feasibility_scoring": "el análisis de indicadores",
    "causal_detection": "el análisis causal",
    "theory_of_change": "la teoría de cambio",
    "dag_validation": "la revisión del grafo causal",
}


def explain(answer: AnswerFinding, segmentation: Segmentation, *, page_of: Callable[[Span], int]) -> str:
    """Explain an answer in correct Spanish, from its findings alone.

    ``page_of`` gives the page on which a passage begins, counted from 1: a segment may run over several.
    """
    met = [criterion for criterion in answer.criteria if criterion.met]
    missing = [criterion for criterion in answer.criteria if not criterion.met]
    sentences = []
    if met:
        sentences.append(_found(met, segmentation=segmentation, page_of=page_of, complete=not missing))
        if missing:
            sentences.append(f"No muestra {_neither([_phrase(criterion) for criterion in missing])}.")
    else:
        sentences.append(
            f"El plan no muestra {_neither([_phrase(criterion) for criterion in missing])} para este punto."
        )
    last = _skipped(answer.skipped_nodes) or _nearest(missing, page_of=page_of)
    if last:
        sentences.append(last)
    return " ".join(sentences)


def _found(
    met: Sequence[CriterionFinding],
    *,
    segmentation: Segmentation,
    page_of: Callable[[Span], int],
    complete: bool,
) -> str:
    pages = [page_of(criterion.proofs[0].span) for criterion in met]
    first = segmentation.segments[met[0].proofs[0].span.segment]
    title = _telling_title(first.heading_path)
    where = f", bajo «{_shortened(title)}»" if title else ""
    opening = "El plan cumple los cuatro criterios: muestra" if complete else "El plan muestra"
    if len(set(pages)) == 1:
        listed = _and([_phrase(criterion) for criterion in met])
        return f"{opening} {listed} (página {pages[0]}{where})."
    parts = [f"{_phrase(met[0])} (página {pages[0]}{where})"]
    parts += [
        f"{_phrase(criterion)} (página {page})" for criterion, page in zip(met[1:], pages[1:], strict=True)
    ]
    return f"{opening} {_and(parts)}."


def _nearest(missing: Sequence[CriterionFinding], *, page_of: Callable[[Span], int]) -> str:
    spans = [criterion.nearest for criterion in missing if criterion.nearest is not None]
    if not spans:
        return ""
    pages = sorted({page_of(span) for span in spans})
    listed = _and([str(page) for page in pages[:3]])
    place = f"la página {listed}" if len(pages[:3]) == 1 else f"las páginas {listed}"
    return f"Lo más cercano a lo que falta se lee en {place}, pero no alcanza a mostrarlo."


def _skipped(nodes: Sequence[str]) -> str:
    names = [NODE_NAMES[node] for node in nodes if node in NODE_NAMES]
    if not names:
        return ""
    verb = "ejecutó" if len(names) == 1 else "ejecutaron"
    return f"Se respondió sin {_and(names)}, que no se {verb} por decisión de quien pidió la evaluación."


def _telling_title(path: Sequence[str]) -> str:
    """The nearest heading that says what the passage is about, not only that it holds targets."""
    telling = [title for title in path if not fold(title).lstrip("0123456789. ").startswith(FORMAL_TITLES)]
    return telling[-1] if telling else ""


def _phrase(criterion: CriterionFinding) -> str:
    return criterion.looked_for.split(" (", 1)[0].split(":", 1)[0]


def _shortened(title: str) -> str:
    plain = " ".join(title.split())
    if len(plain) <= MAX_TITLE_CHARS:
        return plain
    return plain[:MAX_TITLE_CHARS].rsplit(" ", 1)[0] + "…"


def _and(parts: Sequence[str]) -> str:
    if len(parts) == 1:
        return parts[0]
    joint = "e" if parts[-1].lower().startswith(("i", "hi")) else "y"
    return f"{', '.join(parts[:-1])} {joint} {parts[-1]}"


def _neither(parts: Sequence[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} ni {parts[-1]}"
