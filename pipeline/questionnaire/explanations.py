"""What an answer says in a few Spanish sentences: what was found and where, what is missing, what came nearest."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import re2

from pipeline.model import SegmentKind
from pipeline.questionnaire.rules import MET
from pipeline.text import fold

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pipeline.model import AnswerFinding, CriterionFinding, Segmentation, Span

    PageOf = Callable[[Span], int]

PATHS_KEPT = 1_024
MAX_TITLE_CHARS = 70
QUOTE_CHARS = 110
LOOKED_AT_CHARS = 600
"""More than a quote with all blanks and marks before it."""
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
VERBS = {"D1-Q5": "señala", "D2-Q4": "prevé", "D4-Q5": "menciona", "D5-Q4": "considera", "D5-Q5": "considera"}
"""What a plan does with what is asked, where «muestra» does not fit."""
USUAL_VERB = "muestra"
UNCLEAR = 0.62
"""A criterion that is met with less is close to not being met: a reader should look."""
_NUMBERING = re2.compile(r"^[\dIVX]+(?:[.)]\d*)*[.)\s-]\s*")
_MARKS = " \t•·▪■►➢✓*-–\uf0b7\uf0a7\uf0d8"


def explain(answer: AnswerFinding, segmentation: Segmentation, *, page_of: PageOf) -> str:
    """Explain an answer in correct Spanish, from its findings alone.

    ``page_of`` gives the page on which a passage begins, counted from 1: a segment may run over several.
    """
    verb = VERBS.get(answer.question_id.partition("-")[2], USUAL_VERB)
    met = [criterion for criterion in answer.criteria if criterion.met]
    missing = [criterion for criterion in answer.criteria if not criterion.met]
    sentences = []
    if met:
        sentences.append(_found(met, segmentation=segmentation, page_of=page_of, verb=verb))
        if missing:
            sentences.append(f"No {verb} {_neither([_phrase(criterion) for criterion in missing])}.")
        else:
            sentences.append("Se cumplen los cuatro criterios.")
    else:
        listed = _neither([_phrase(criterion) for criterion in missing])
        sentences.append(f"Sobre este punto el plan no {verb} {listed}.")
    sentences += [
        _skipped(answer.skipped_nodes) or _nearest(missing, segmentation=segmentation, page_of=page_of),
        _inferred(met, page_of=page_of),
        _unclear(met, page_of=page_of),
    ]
    return " ".join(filter(None, sentences))


def _found(met: Sequence[CriterionFinding], *, segmentation: Segmentation, page_of: PageOf, verb: str) -> str:
    """What was found, page by page, and the words of the passage that shows it most clearly."""
    pages: dict[int, list[str]] = {}
    for criterion in met:
        pages.setdefault(page_of(criterion.proofs[0].span), []).append(_phrase(criterion))
    clearest = max(met, key=lambda criterion: (_in_text(criterion, segmentation), criterion.confidence))
    best = clearest.proofs[0].span
    title = _telling_title(segmentation.segments[best.segment].heading_path)
    under = f", bajo «{_shortened(title, chars=MAX_TITLE_CHARS)}»" if title else ""
    parts = [
        f"{_and(phrases)} (página {page}{under if page == page_of(best) else ''})"
        for page, phrases in pages.items()
    ]
    where = "Allí" if len(pages) == 1 else f"En la página {page_of(best)}"
    return f"El plan {verb} {_and(parts)}. {where} se lee: «{_quoted(segmentation, span=best)}»."


def _nearest(missing: Sequence[CriterionFinding], *, segmentation: Segmentation, page_of: PageOf) -> str:
    """The passage that came nearest to showing one of the criteria that are missing."""
    near = [criterion for criterion in missing if criterion.nearest is not None]
    if not near:
        return ""
    # The less sure it is that a criterion is missing, the nearer its passage came.
    closest = min(near, key=lambda criterion: criterion.confidence)
    assert closest.nearest is not None  # noqa: S101  just selected
    quote = _quoted(segmentation, span=closest.nearest)
    page = page_of(closest.nearest)
    what = "Lo más cercano" if len(missing) == 1 else f"Lo que más se acerca {_to(_phrase(closest))}"
    return f"{what} no alcanza: «{quote}» (página {page})."


def _inferred(met: Sequence[CriterionFinding], *, page_of: PageOf) -> str:
    """Says of which criteria no passage is a proof by itself: the passages of the plan make them likely together."""
    likely = [criterion for criterion in met if not _proved(criterion)]
    if not likely:
        return ""
    phrases = _neither([_phrase(criterion) for criterion in likely])
    page = page_of(likely[0].proofs[0].span)
    return (
        f"Ningún pasaje muestra por sí solo {phrases}: se infiere de lo que el plan dice en conjunto; "
        f"conviene leer la página {page}."
    )


def _in_text(criterion: CriterionFinding, segmentation: Segmentation) -> bool:
    """Whether its first passage is more than a title, which names only what is shown elsewhere."""
    return segmentation.segments[criterion.proofs[0].span.segment].kind is not SegmentKind.HEADING


def _proved(criterion: CriterionFinding) -> bool:
    return max(proof.strength for proof in criterion.proofs) >= MET


def _unclear(met: Sequence[CriterionFinding], *, page_of: PageOf) -> str:
    unsure = [criterion for criterion in met if criterion.confidence < UNCLEAR and _proved(criterion)]
    if not unsure:
        return ""
    page = page_of(unsure[0].proofs[0].span)
    return f"Conviene leer la página {page}: el pasaje apenas alcanza a mostrar {_phrase(unsure[0])}."


def _skipped(nodes: Sequence[str]) -> str:
    names = [NODE_NAMES[node] for node in nodes if node in NODE_NAMES]
    if not names:
        return ""
    verb = "ejecutó" if len(names) == 1 else "ejecutaron"
    return f"Se respondió sin {_and(names)}, que no se {verb} por decisión de quien pidió la evaluación."


@lru_cache(maxsize=PATHS_KEPT)
def _telling_title(path: tuple[str, ...]) -> str:
    """The nearest heading that says what the passage is about, not only that it holds targets; without its number."""
    telling = [title for title in path if not fold(title).lstrip("0123456789. ").startswith(FORMAL_TITLES)]
    return _NUMBERING.sub("", telling[-1]).strip(" :.-–") if telling else ""


def _phrase(criterion: CriterionFinding) -> str:
    return criterion.looked_for.split(" (", 1)[0].split(":", 1)[0]


def _to(phrase: str) -> str:
    return f"al {phrase[3:]}" if phrase.startswith("el ") else f"a {phrase}"


def _quoted(segmentation: Segmentation, *, span: Span) -> str:
    """The beginning of a passage: one line, whole words, the quotation marks of the plan inside ours."""
    text = segmentation.segments[span.segment].text[span.start : min(span.end, span.start + LOOKED_AT_CHARS)]
    visible = text if text.isprintable() else "".join(c if c.isprintable() else " " for c in text)
    inside = visible.replace("«", "“").replace("»", "”").lstrip(_MARKS + "?").rstrip()
    return _shortened(inside, chars=QUOTE_CHARS).rstrip(" .;:,|")


def _shortened(text: str, *, chars: int) -> str:
    plain = " ".join(text.split())
    if len(plain) <= chars:
        return plain
    return plain[:chars].rsplit(" ", 1)[0].rstrip(" ,;:|") + "…"


def _and(parts: Sequence[str]) -> str:
    if len(parts) == 1:
        return parts[0]
    joint = "e" if fold(parts[-1]).startswith(("i", "hi")) else "y"
    return _listed(parts, joint=joint)


def _neither(parts: Sequence[str]) -> str:
    return parts[0] if len(parts) == 1 else _listed(parts, joint="ni")


def _listed(parts: Sequence[str], *, joint: str) -> str:
    """With semicolons where one of the parts is a list of its own."""
    if any("," in part or " y " in part or " e " in part for part in parts):
        return f"{'; '.join(parts[:-1])}; {joint} {parts[-1]}"
    return f"{', '.join(parts[:-1])} {joint} {parts[-1]}"
