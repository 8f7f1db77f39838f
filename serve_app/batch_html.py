"""How a job and its results look in a notebook. Names come from senders and plans: everything is escaped."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any

from pipeline.scoring import hundredths
from serve_app.client_watching import FINAL
from serve_app.web.pages import DOCUMENT_STATES, STATES

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from serve_app.client_errors import ApiError

MACHINE_MARK = " (sin las correcciones de revisores)"
DOCUMENT_TITLES = ("Documento", "Estado", "Puntaje", "Valoración", "Error")


def job_table(
    job_id: str, *, state: Mapping[str, Any] | None, refused: Mapping[str, ApiError], problem: str = ""
) -> str:
    """A job with its documents; without ``state`` only its identifier and what is wrong."""
    title = f"Trabajo <code>{escape(job_id)}</code>"
    if state is None:
        return f"<p>{title}{escape(f': {problem}' if problem else '')}</p>"
    percent = "" if state["status"] in FINAL else f", {round(state['progress']['progress_percentage'])} %"
    rows = [_document(document) for document in state["documents"]]
    rows += [(name, "no recibido", "", "", str(error)) for name, error in refused.items()]
    return f"<p>{title}: {escape(STATES[state['status']])}{percent}</p>{html_table(DOCUMENT_TITLES, rows)}"


def html_table(titles: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A table of plain text."""
    head = "".join(f"<th>{escape(title)}</th>" for title in titles)
    body = "".join(
        "<tr>" + "".join(f"<td>{escape(str(value))}</td>" for value in row) + "</tr>" for row in rows
    )
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def score(value: float | None) -> str:
    """A score as people here write it."""
    return "–" if value is None else str(hundredths(value)).replace(".", ",")


def _document(document: Mapping[str, Any]) -> tuple[object, ...]:
    overall = document["overall_score"]
    return (
        document["name"],
        DOCUMENT_STATES[document["status"]],
        ""
        if overall is None
        else score(overall) + (MACHINE_MARK if document["corrections_revision"] else ""),
        document["overall_band"] or "",
        document["error_message"] or "",
    )
