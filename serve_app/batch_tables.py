"""Results as a table of pandas and as a picture of matplotlib; both come with the extra ``notebook``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.scoring import question_score

if TYPE_CHECKING:
    from collections.abc import Iterable

    import pandas as pd
    from matplotlib.figure import Figure

    from serve_app.batch_results import Answer, DocumentResult, Review

BAND_LIMITS = (0.0, 3.0)
DARK_FROM = 0.6
"""Share of the highest score from which a cell is too dark for black figures."""


def answers_table(results: Iterable[DocumentResult]) -> pd.DataFrame:
    """A row for each evaluated document and question: scores, criteria a to d, pages of the evidence.

    ``puntaje`` is empty where the point does not apply, so that a mean over rows is the score of what they hold.
    ``aplica``, ``nivel``, ``confianza`` and the criteria are the machine's; ``aplica_corregido`` and
    ``puntaje_corregido`` are what holds after the reviewers' corrections, named in ``revisado_por``.
    """
    import pandas as pd  # noqa: PLC0415  an extra

    return pd.DataFrame.from_records(
        {
            "documento": result.name,
            "punto": answer.point,
            "dimensión": answer.dimension,
            "pregunta": answer.question_id,
            "aplica": answer.applicable,
            "puntaje": answer.score if answer.applicable else None,
            "nivel": answer.level,
            "confianza": answer.confidence,
            **{letter: criterion.met for letter, criterion in sorted(answer.criteria.items())},
            "páginas": [one.page for one in answer.evidence],
            **_corrected(answer, review=result.review),
        }
        for result in results
        if result.evaluation
        for answer in result.evaluation.answers
    )


def _corrected(answer: Answer, *, review: Review | None) -> dict[str, object]:
    held = {change.target: change for change in review.corrections} if review else {}
    point = held.get(answer.point)
    of_criteria = {letter: held.get(f"{answer.question_id}-{letter}") for letter in answer.criteria}
    applies = answer.applicable if point is None else bool(point.value)
    met = [
        criterion.met if (change := of_criteria[letter]) is None else change.value
        for letter, criterion in answer.criteria.items()
    ]
    score = float(question_score(sum(map(bool, met)))) if any(of_criteria.values()) else answer.score
    reviewers = {change.reviewer for change in (point, *of_criteria.values()) if change}
    return {
        "aplica_corregido": applies,
        "puntaje_corregido": score if applies else None,
        "revisado_por": " · ".join(sorted(reviewers)),
    }


def points_picture(frame: pd.DataFrame) -> Figure:
    """Points by dimensions, the mean of all documents of a table made by ``answers_table``.

    With the reviewers' corrections, which the title says where there are any. A point counts only for documents to
    which it applies; one that applies to none is left white.
    """
    from matplotlib.figure import Figure  # noqa: PLC0415  an extra

    table = frame.pivot_table(
        index="punto", columns="dimensión", values="puntaje_corregido", aggfunc="mean", dropna=False
    )
    table = table.reindex(sorted(frame["punto"].unique(), key=lambda point: int(point[1:])))
    figure = Figure(figsize=(6, 5), layout="constrained")
    axes = figure.subplots()
    low, high = BAND_LIMITS
    image = axes.imshow(table.to_numpy(), cmap="YlGnBu", vmin=low, vmax=high, aspect="auto")
    axes.set_xticks(range(len(table.columns)), table.columns)
    axes.set_yticks(range(len(table.index)), table.index)
    for row, values in enumerate(table.to_numpy()):
        for column, value in enumerate(values):
            applies = value == value  # noqa: PLR0124  what does not apply is no number
            colour = "white" if value > high * DARK_FROM else "black"
            shown = f"{value:.1f}".replace(".", ",") if applies else "–"
            axes.text(column, row, shown, ha="center", va="center", color=colour)
    corrected = ", con correcciones" if frame["revisado_por"].any() else ""
    axes.set_title(f"Puntaje por punto y dimensión ({frame['documento'].nunique()} planes{corrected})")
    figure.colorbar(image, label="0 a 3")
    return figure
