"""The plain web page: made on the server, without scripts."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from serve_app.views import iso

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cluster.records import JobRecord

STATES = {
    "open": "abierto",
    "queued": "en cola",
    "processing": "en proceso",
    "completed": "terminado",
    "failed": "con errores",
    "cancelled": "cancelado",
}

_FIELDS = (
    ("municipality", "Municipio", "text", ""),
    ("department", "Departamento", "text", ""),
    ("year", "Año", "number", "2024"),
    ("period", "Periodo", "text", "2024-2027"),
)


def home_page(*, jobs: Sequence[JobRecord], notice: str = "") -> str:
    """The page with the upload form and the latest jobs."""
    fields = "".join(
        f"<label>{label}<input name='{name}' type='{kind}' value='{value}' required></label>"
        for name, label, kind, value in _FIELDS
    )
    return (
        "<!doctype html><html lang='es'><head><meta charset='utf-8'><title>Decálogo</title>"
        "<meta name='viewport' content='width=device-width, initial-scale=1'>"
        "<link rel='stylesheet' href='/static/page.css'></head><body><main><h1>Decálogo</h1>"
        "<p>Evalúa planes de desarrollo municipal frente al Decálogo de derechos humanos: 300 preguntas, "
        "cada respuesta con la página y la cita en que se apoya.</p>"
        + (f"<p role='alert' class='notice'>{escape(notice)}</p>" if notice else "")
        + "<h2>Enviar planes</h2><form action='/upload' method='post' enctype='multipart/form-data'>"
        + fields
        + "<label>Planes en PDF (hasta 100)<input name='files' type='file' accept='application/pdf' multiple required></label>"
        "<button>Enviar</button></form>"
        "<p>La respuesta trae el identificador del trabajo (<code>job_id</code>); con él se consulta el avance.</p>"
        "<h2>Trabajos</h2>" + _table(jobs) + "<p><a href='/docs'>Descripción de la API</a> · "
        "<a href='/metrics'>Métricas</a></p></main></body></html>"
    )


def _table(jobs: Sequence[JobRecord]) -> str:
    if not jobs:
        return "<p>No hay trabajos.</p>"
    return (
        "<table><thead><tr><th>Enviado</th><th>Municipio</th><th>Estado</th><th>Documentos</th><th>Resultados</th></tr></thead>"
        "<tbody>" + "".join(_row(job) for job in jobs) + "</tbody></table>"
    )


def _row(job: JobRecord) -> str:
    sent = (iso(job.submitted_at or job.created_at) or "")[:16].replace("T", " ")
    results = " · ".join(
        f"<a href='/results/{job.job_id}?format={kind}'>{kind.upper()}</a>"
        for kind in ("pdf", "csv", "json", "zip")
    )
    return (
        f"<tr><td>{sent}</td><td>{escape(job.metadata.municipality)}</td>"
        f"<td><a href='/status/{job.job_id}'>{STATES[job.state.value]}</a></td>"
        f"<td>{job.finished_documents} de {job.document_count}</td>"
        f"<td>{results if job.state.final and job.state.value != 'cancelled' else ''}</td></tr>"
    )
