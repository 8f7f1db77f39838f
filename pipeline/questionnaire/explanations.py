"""A judgement in words: what was found, where, and what is missing, in Spanish."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.questionnaire.instrument import load_instrument

if TYPE_CHECKING:
    from pipeline.model import AnswerFinding, CriterionFinding, Segmentation

_CRITERIA = {
    (question.id, criterion.key): criterion.text for question in load_instrument().questions for criterion in question.criteria
}
PAGES_NAMED = 4


def explain(answer: AnswerFinding, segmentation: Segmentation) -> str:
    """One to three sentences on an answer."""
    met = [criterion for criterion in answer.criteria if criterion.met]
    unmet = [criterion for criterion in answer.criteria if not criterion.met]
    sentences = []
    if met:
        pages = sorted({segmentation.segments[proof.span.segment].page for c in met for proof in c.proofs})
        sentences.append(f"El plan muestra: {_listed(met, answer=answer)}{_pages(pages)}.")
    else:
        sentences.append("No se encontró en el plan un pasaje que responda a esta pregunta.")
    if unmet and met:
        sentences.append(f"Falta: {_listed(unmet, answer=answer)}.")
    return " ".join(sentences)


def _listed(criteria: list[CriterionFinding], *, answer: AnswerFinding) -> str:
    base = answer.question_id.split("-", 1)[1]
    texts = [_CRITERIA[base, criterion.key] for criterion in criteria]
    return "; ".join(text[0].lower() + text[1:] for text in texts)


def _pages(pages: list[int]) -> str:
    if not pages:
        return ""
    named = ", ".join(str(page) for page in pages[:PAGES_NAMED])
    more = " y otras" if len(pages) > PAGES_NAMED else ""
    return f" ({'página' if len(pages) == 1 else 'páginas'} {named}{more})"
