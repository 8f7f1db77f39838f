"""Results as a table of pandas and as a picture of matplotlib; both come with the extra ``notebook``."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    import pandas as pd
    from matplotlib.figure import Figure

    from serve_app.batch_results import Evaluation

BAND_LIMITS = (0.0, 3.0)
DARK_FROM = 0.6
"""Share of the highest score from which a cell is too dark for black figures."""


def answers_table(evaluated: Iterable[tuple[str, Evaluation]]) -> pd.DataFrame:
    """A row for each document and question: scores, criteria a to d, pages of the evidence."""
    import pandas as pd  # noqa: PLC0415  an extra

    return pd.DataFrame.from_records(
        {
            "documento": name,
            "punto": answer.point,
            "dimensión": answer.dimension,
            "pregunta": answer.question_id,
            "puntaje": answer.score,
            "nivel": answer.level,
            "confianza": answer.confidence,
            **{letter: criterion.met for letter, criterion in sorted(answer.criteria.items())},
            "páginas": [one.page for one in answer.evidence],
        }
        for name, found in evaluated
        for answer in found.answers
    )


def points_picture(frame: pd.DataFrame) -> Figure:
    """Points by dimensions, the mean of all documents of a table made by ``answers_table``."""
    from matplotlib.figure import Figure  # noqa: PLC0415  an extra

    table = frame.pivot_table(index="punto", columns="dimensión", values="puntaje", aggfunc="mean")
    table = table.reindex(sorted(table.index, key=lambda point: int(point[1:])))
    figure = Figure(figsize=(6, 5), layout="constrained")
    axes = figure.subplots()
    low, high = BAND_LIMITS
    image = axes.imshow(table.to_numpy(), cmap="YlGnBu", vmin=low, vmax=high, aspect="auto")
    axes.set_xticks(range(len(table.columns)), table.columns)
    axes.set_yticks(range(len(table.index)), table.index)
    for row, values in enumerate(table.to_numpy()):
        for column, value in enumerate(values):
            colour = "white" if value > high * DARK_FROM else "black"
            shown = f"{value:.1f}".replace(".", ",")
            axes.text(column, row, shown, ha="center", va="center", color=colour)
    axes.set_title(f"Puntaje por punto y dimensión ({frame['documento'].nunique()} planes)")
    figure.colorbar(image, label="0 a 3")
    return figure
