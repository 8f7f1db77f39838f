"""``decalogo compare``: plans side by side, without the service."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
from rich.markup import escape
from rich.table import Table

from pipeline.artifacts import EVALUATION_RESULTS
from serve_app.cli.evaluate import evaluator
from serve_app.cli.output import console, number, show_json

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from pipeline.model import EvaluationOptions

CRITERIA_SHOWN = 20
"""Of what only one of two plans has; ``--json`` gives all."""

SCORE_WIDTH = 18
"""With the name of a plan above it."""
POINT_WIDTH_MIN = 18


def compare_files(pdfs: Sequence[Path], *, options: EvaluationOptions, as_json: bool) -> None:
    """Evaluate the PDFs and show their scores in columns; of two plans also which criteria only one of them meets.

    Raises:
        PipelineError: one of them cannot be evaluated.
    """
    with evaluator() as evaluated:
        results = [msgspec.json.decode(evaluated(pdf, options)[EVALUATION_RESULTS]) for pdf in pdfs]
    if as_json:
        show_json(_as_data(pdfs, results=results))
        return
    console.print(_table(pdfs, results=results))
    if len(results) == 2:  # noqa: PLR2004  of more than two nobody reads the differences one by one
        for one, other, pdf in ((0, 1, pdfs[0]), (1, 0, pdfs[1])):
            _show_only(results[one], than=results[other], name=pdf.name)


def met_only(result: dict[str, Any], *, than: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """Criteria such as ``P1-D1-Q1-a`` that a plan meets and another does not, in the order of the questionnaire."""
    others = dict(_criteria(than))
    return [(key, found) for key, found in _criteria(result) if found["met"] and not others[key]["met"]]


def _criteria(result: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    return [
        (f"{answer['question_id']}-{key}", found)
        for answer in result["answers"]
        for key, found in sorted(answer["criteria"].items())
    ]


def _rows(results: Sequence[dict[str, Any]]) -> list[tuple[str, list[float | None]]]:
    """Points with their dimensions below them, then the whole plan: name and one score per plan."""
    rows: list[tuple[str, list[float | None]]] = []
    for place, point in enumerate(results[0]["points"]):
        points = [result["points"][place] for result in results]
        rows.append((f"{point['id']} {point['name']}", [one["score"] for one in points]))
        rows += [
            (f"   {dimension}", [one["dimensions"][dimension] for one in points])
            for dimension in point["dimensions"]
        ]
    rows.append(("Total", [result["overall"]["score"] for result in results]))
    return rows


def _table(pdfs: Sequence[Path], *, results: Sequence[dict[str, Any]]) -> Table:
    table = Table(title="Puntaje medio, de 0 a 3")
    # One line a row: a name that is cut is still known by its number, a score that is cut is none.
    left = console.width - SCORE_WIDTH * (len(pdfs) + 1)
    table.add_column("Punto", no_wrap=True, overflow="ellipsis", max_width=max(POINT_WIDTH_MIN, left))
    for pdf in pdfs:
        table.add_column(escape(pdf.stem), justify="right")
    two = len(results) == 2  # noqa: PLR2004
    if two:
        table.add_column("Diferencia", justify="right")
    for name, scores in _rows(results):
        detail = name.startswith(" ")
        cells = [number(score) for score in scores]
        table.add_row(
            name, *cells, *([_difference(*scores)] if two else []), style="dim" if detail else "bold"
        )
    return table


def _difference(first: float | None, second: float | None) -> str:
    if first is None or second is None:
        return "–"
    return f"{second - first:+.2f}".replace(".", ",")


def _show_only(result: dict[str, Any], *, than: dict[str, Any], name: str) -> None:
    found = met_only(result, than=than)
    console.print(f"\n[bold]Solo en {escape(name)}[/]: {len(found)} criterios", highlight=False)
    for key, criterion in found[:CRITERIA_SHOWN]:
        place = f" (página {criterion['evidence'][0]['page']})" if criterion["evidence"] else ""
        console.print(escape(f"  {key}  {criterion['text']}{place}"), highlight=False)
    if len(found) > CRITERIA_SHOWN:
        console.print(f"  … y {len(found) - CRITERIA_SHOWN} más (--json los da todos)", highlight=False)


def _as_data(pdfs: Sequence[Path], *, results: Sequence[dict[str, Any]]) -> dict[str, Any]:
    data: dict[str, Any] = {
        "plans": [
            {
                "file": pdf.name,
                **{name: result[name] for name in ("overall", "points", "deterministic_hash")},
            }
            for pdf, result in zip(pdfs, results, strict=True)
        ]
    }
    if len(results) == 2:  # noqa: PLR2004
        first, second = results
        data["met_only_in_first"] = [key for key, _ in met_only(first, than=second)]
        data["met_only_in_second"] = [key for key, _ in met_only(second, than=first)]
    return data
