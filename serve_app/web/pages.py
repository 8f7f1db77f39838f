"""The web pages, made on the server: every value is escaped, and nothing needs a script."""

from __future__ import annotations

from datetime import UTC, datetime
from fractions import Fraction
from functools import cache
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from cluster.errors import REFUSALS
from cluster.records import FINAL_JOB_STATES
from pipeline.scoring import BANDS, HIGHEST_BAND, band
from serve_app import openapi
from serve_app.asgi import VERSION
from serve_app.views import job_line
from serve_app.web import languages
from serve_app.web.municipalities import departments

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cluster.errors import ServiceError
    from cluster.records import JobPage, JobRecord
    from cluster.settings import Settings
    from serve_app.reviews import CorrectedScores
    from serve_app.views import JobView

STATES = {
    "open": "abierto",
    "queued": "en cola",
    "processing": "en proceso",
    "completed": "terminado",
    "failed": "con errores",
    "cancelled": "cancelado",
}
DOCUMENT_STATES = {
    "queued": "en cola",
    "running": "en proceso",
    "retrying": "se reintenta",
    "succeeded": "evaluado",
    "failed": "con error",
    "cancelled": "cancelado",
}
POINTS = tuple(f"P{number}" for number in range(1, 11))
KINDS = ("pdf", "csv", "json", "zip")
FLAGS = (
    ("enable_responsibility_detection", "Responsables"),
    ("enable_contradiction_detection", "Contradicciones"),
    ("enable_monetary_detection", "Recursos financieros"),
    ("enable_feasibility_scoring", "Indicadores y metas"),
    ("enable_causal_analysis", "Causas y teoría del cambio"),
)
UPLOAD_WORDS = {
    "remove": "Quitar",
    "waiting": "en espera",
    "sending": "enviando",
    "arrived": "recibido",
    "again": "se cortó; se reintenta en {seconds} s",
    "busy": "el servicio está ocupado; se reintenta en {seconds} s",
    "notPdf": "no es un PDF",
    "tooLarge": "pasa de {megabytes} MB",
    "empty": "está vacío",
    "tooMany": "Se permiten {most} archivos por envío; sobran {over}.",
    "chosen": "{count} archivos, {megabytes} MB",
    "progress": "Recibidos {done} de {count}, {percent} %",
    "silent": "El servicio no responde.",
    "nothing": "Elija al menos un PDF.",
    "refused": "{count} archivos no se recibieron.",
    "unfinished": "Hay un envío sin terminar de «{name}»: llegaron {count} archivos. Elija de nuevo los archivos "
    "para enviar los que faltan, o descártelo.",
    "cancelled": "Envío descartado.",
}
"""What ``static/upload.js`` says."""
TERM_YEARS = 4
A_TERM_BEGAN = 2020
"""Colombian mayors take office every four years; the form proposes the term that runs."""


def score(value: float | None) -> str:
    """A number as people here write it."""
    return "–" if value is None else languages.decimal(value)


def colour(value: float | None) -> str:
    """The class that colours a mean score: the four bands, and what does not apply."""
    return "band-none" if value is None else f"band-{band(Fraction(str(value)))}"


def band_bounds() -> list[tuple[str, str]]:
    """Each band with the scores it spans, in words."""
    names = [*(name for _, name in BANDS), HIGHEST_BAND]
    edges = [score(float(bound)) for bound, _ in BANDS]
    first = (names[0], f"< {edges[0]}")
    between = [
        (name, f"{low} – {high}") for name, low, high in zip(names[1:], edges, edges[1:], strict=False)
    ]
    return [first, *between, (names[-1], f"≥ {edges[-1]}")]


@cache
def _environment(language: str) -> Environment:
    environment = Environment(
        loader=PackageLoader("serve_app.web"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n"],
    )
    environment.install_gettext_translations(languages.translations(language), newstyle=True)  # type: ignore[attr-defined]
    environment.policies["ext.i18n.trimmed"] = True
    environment.filters |= {"score": score, "colour": colour}
    environment.globals |= {
        "states": STATES,
        "document_states": DOCUMENT_STATES,
        "points": POINTS,
        "kinds": KINDS,
        "band_bounds": band_bounds,
        "version": VERSION,
        "languages": languages.LANGUAGES,
        "reading": languages.current,
    }
    return environment


def render(name: str, **values: Any) -> str:
    """A template with its values, each escaped, in the language of the request."""
    return _environment(languages.current().language).get_template(name).render(**values)


def home_page(settings: Settings, *, page: JobPage | None, notice: str = "") -> str:
    """The page with the upload form and the latest jobs; ``page`` is None when they cannot be read."""
    year = datetime.now(UTC).year
    first = year - (year - A_TERM_BEGAN) % TERM_YEARS
    return render(
        "home.html",
        notice=notice,
        jobs=[_line(job) for job in page.jobs] if page else [],
        next_cursor=page.next_cursor if page else None,
        flags=FLAGS,
        year=year,
        period=f"{first}-{first + TERM_YEARS - 1}",
        max_files=settings.max_files,
        max_megabytes=settings.max_file_bytes // 2**20,
        max_bytes=settings.max_file_bytes,
        departments=departments(),
        words={name: languages.translated(sentence) for name, sentence in UPLOAD_WORDS.items()},
    )


def _line(job: JobRecord) -> dict[str, Any]:
    return {**job_line(job).model_dump(), "ended": job.finished_documents, "final": job.state.final}


def job_page(job: JobView, *, corrected: Mapping[str, CorrectedScores | None]) -> str:
    """The page of one job. ``corrected``: of each document that reviewers corrected its scores, if they can be read."""
    return render(
        "job.html",
        job=job,
        corrected=corrected,
        final=job.status in {state.value for state in FINAL_JOB_STATES},
        has_results=bool(job.documents_by_status.get("succeeded")),
        compared=job.documents_by_status.get("succeeded", 0) > 1,
    )


def sign_in_page(*, notice: str = "", onward: str = "/") -> str:
    """The form that takes a key; ``onward`` is where to go then."""
    return render("sign_in.html", notice=notice, onward=onward)


def problem_page(error: ServiceError) -> str:
    """A refusal for people."""
    return render("problem.html", refusal=error.refusal, detail=error.detail)


def docs_page(description: Mapping[str, Any]) -> str:
    """The description of the API for people."""
    return render(
        "docs.html",
        api=description,
        operations=list(openapi.operations(description)),
        fields=openapi.batch_fields(description),
        refusals=REFUSALS,
    )
