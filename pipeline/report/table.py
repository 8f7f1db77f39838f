"""One row per answer, for spreadsheets: what the machine says first, in the last columns what reviewers corrected."""

from __future__ import annotations

import csv
import io
from typing import IO, TYPE_CHECKING, Any

import re2

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

COLUMNS = (
    "documento",
    "sha256",
    "municipio",
    "departamento",
    "periodo",
    "pregunta",
    "punto",
    "dimension",
    "texto",
    "aplica",
    "puntaje",
    "nivel",
    "a",
    "b",
    "c",
    "d",
    "paginas",
    "cita",
    "explicacion",
    "confianza",
    "aplica_corregido",
    "puntaje_corregido",
    "nivel_corregido",
    "correcciones",
    "revisado_por",
    "revisado_el",
)
BYTE_ORDER_MARK = "\ufeff".encode()
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
"""What a spreadsheet may take for a formula, also in full width (OWASP, CSV injection)."""
_AFTER_SEPARATOR = re2.compile(r"([;\n][\s\"']*)([=+\-@＝＋－＠])")
"""Where Spanish is set, spreadsheets separate by semicolons: what follows one begins a cell, whatever the quotes."""


NOT_EVALUATED_COLUMNS = ("documento", "sha256", "codigo", "motivo")


def render_csv(
    results: Iterable[dict[str, Any]], *, without_result: Iterable[Mapping[str, str]] = ()
) -> bytes:
    """The bytes that ``write_csv`` writes."""
    target = io.BytesIO()
    write_csv(results, target=target, without_result=without_result)
    return target.getvalue()


def render_not_evaluated(without_result: Iterable[Mapping[str, str]]) -> bytes:
    """A row for each document that has no result: ``name``, ``sha256``, ``code`` and ``sentence`` (why)."""
    rows = ((one["name"], one["sha256"], one["code"], one["sentence"]) for one in without_result)
    return BYTE_ORDER_MARK + _lines([NOT_EVALUATED_COLUMNS]) + _lines(rows)


def write_csv(
    results: Iterable[dict[str, Any]],
    *,
    target: IO[bytes],
    without_result: Iterable[Mapping[str, str]] = (),
) -> None:
    """All answers of all documents, UTF-8 with a byte order mark so that spreadsheets read the accents.

    A document of ``without_result`` has one row: its name, its SHA-256 and, as ``explicacion``, why; no mean counts it.
    Text that a spreadsheet would run as a formula is preceded by an apostrophe. One result is in memory at a time.
    """
    target.write(BYTE_ORDER_MARK)
    target.write(_lines([COLUMNS]))
    for result in results:
        target.write(_lines(_row(result, answer=answer) for answer in result["answers"]))
    target.write(_lines(map(_row_without_result, without_result)))


def _lines(rows: Iterable[Iterable[object]]) -> bytes:
    lines = io.StringIO(newline="")
    csv.writer(lines, lineterminator="\r\n").writerows([_safe(value) for value in row] for row in rows)
    return lines.getvalue().encode("utf-8", "replace")


def _row(result: dict[str, Any], *, answer: dict[str, Any]) -> list[object]:
    document, criteria = result["document"], answer["criteria"]
    machine = {**answer, **answer.get("machine", {})}
    evidence = [entry for key in "abcd" for entry in criteria[key]["evidence"]]
    period = document["period"]
    return [
        result.get("file_name", ""),
        document["sha256"],
        document["municipality"] or "",
        document["department"] or "",
        f"{period[0]}-{period[1]}" if period else "",
        answer["question_id"],
        answer["point"],
        answer["dimension"],
        answer["question"],
        "sí" if machine["applicable"] else "no",
        machine["score"],
        machine["level"],
        *(int(criteria[key].get("correction", {}).get("machine", criteria[key]["met"])) for key in "abcd"),
        " ".join(str(page) for page in sorted({entry["page"] for entry in evidence})),
        evidence[0]["quote"] if evidence else "",
        answer["explanation"],
        answer["confidence"],
        "sí" if answer["applicable"] else "no",
        answer["score"],
        answer["level"],
        *_corrections(result, answer=answer),
    ]


def _row_without_result(document: Mapping[str, str]) -> list[object]:
    said = {
        "documento": document["name"],
        "sha256": document["sha256"],
        "explicacion": f"Sin resultado: {document['sentence']}",
    }
    return [said.get(column, "") for column in COLUMNS]


def _corrections(result: dict[str, Any], *, answer: dict[str, Any]) -> list[str]:
    """What reviewers said of the point and of the four criteria, who they are, and when they last did."""
    point = next(point for point in result["points"] if point["id"] == answer["point"])
    said = [("aplica" if point["applicable"] else "no aplica", point.get("correction"))]
    for key, criterion in answer["criteria"].items():
        said.append(
            (f"{key} {'cumplido' if criterion['met'] else 'no cumplido'}", criterion.get("correction"))
        )
    found = [(what, correction) for what, correction in said if correction]
    return [
        " · ".join(f"{what}: {correction['reason']}" for what, correction in found),
        " · ".join(sorted({correction["reviewer"] for _, correction in found})),
        max((correction["at"] for _, correction in found), default=""),
    ]


def _safe(value: object) -> object:
    if not isinstance(value, str):
        return value
    plain = "".join(char if char.isprintable() or char == "\n" else " " for char in value)
    dangerous = value.startswith(FORMULA_STARTS) or plain.lstrip().startswith(FORMULA_STARTS)
    inside = _AFTER_SEPARATOR.sub(r"\1'\2", plain)
    return f"'{inside}" if dangerous else inside
