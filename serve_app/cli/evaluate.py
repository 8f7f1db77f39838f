"""``decalogo evaluate``: the whole pipeline on one PDF, without Ray, Redis and HTTP."""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import msgspec
from rich.markup import escape
from rich.table import Table

from cluster.settings import Settings
from pipeline.artifacts import EVALUATION_RESULTS, artifacts
from pipeline.equipment import check_equipment, page_reader
from pipeline.evaluation import Engine, evaluate
from pipeline.extraction import ExtractionWorker
from pipeline.model import EvaluationOptions
from serve_app.cli.output import console, number, show_json, writing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    Evaluate = Callable[[Path, EvaluationOptions], dict[str, bytes]]


def evaluate_file(
    pdf: Path, *, out: Path, choices: Mapping[str, Any], ocr: bool | None, as_json: bool
) -> None:
    """Evaluate a PDF and write the three artifacts into ``out``; ``ocr``: None as the settings say.

    Raises:
        PipelineError: the document cannot be evaluated.
    """
    began = time.monotonic()
    with evaluator(ocr=ocr) as evaluated:
        files = evaluated(pdf, EvaluationOptions(**choices))
    with writing(out):
        out.mkdir(parents=True, exist_ok=True)
        for name, content in files.items():
            (out / name).write_bytes(content)
    result = msgspec.json.decode(files[EVALUATION_RESULTS])
    if as_json:
        show_json(
            {
                name: result[name]
                for name in ("document", "overall", "points", "deterministic_hash", "coverage")
            }
        )
        return
    _show(result, seconds=time.monotonic() - began)
    console.print(f"Artefactos: {out}", highlight=False)


@contextmanager
def evaluator(*, ocr: bool | None = None) -> Iterator[Evaluate]:
    """What evaluates one PDF after the other on this machine, and gives the artifacts of each by name.

    It raises PipelineError for a document that cannot be evaluated. Encoder and, where ``ocr`` is None, text
    recognition are those of the service's settings.

    Raises:
        NotEquipped: one of them is switched on and not installed.
    """
    engine: Engine | None = None
    settings = Settings.load()
    wanted = settings.ocr if ocr is None else ocr
    check_equipment(ocr=wanted, encoder=settings.encoder)
    reader = None
    if wanted:
        reader = page_reader(pages=settings.ocr_pages_max)
    with ExtractionWorker(reader=reader) as worker:

        def evaluated(pdf: Path, options: EvaluationOptions) -> dict[str, bytes]:
            nonlocal engine
            document = worker.extract(pdf.read_bytes())
            # Not before: a document that cannot be read is told at once, without waiting for the models.
            engine = engine or Engine.load(threads=1, encoder=settings.encoder, reader=reader)
            return artifacts(evaluate(document, options=options, engine=engine))

        yield evaluated


def _show(result: Mapping[str, Any], *, seconds: float) -> None:
    document, overall = result["document"], result["overall"]
    period = f" {document['period'][0]}-{document['period'][1]}" if document["period"] else ""
    name = document["municipality"] or document["title"] or document["sha256"][:12]
    # The plan chose this name: it must not be read as markup.
    table = Table(title=escape(f"{name}{period}"))
    table.add_column("Punto")
    table.add_column("Puntaje", justify="right")
    table.add_column("Nivel")
    table.add_column("Criterios", justify="right")
    for point in result["points"]:
        table.add_row(
            f"{point['id']} {point['name']}",
            number(point["score"]),
            point["band"],
            f"{point['criteria_met']} de {point['criteria_total']}",
        )
    table.add_section()
    table.add_row(
        "Total",
        number(overall["score"]),
        overall["band"],
        f"{overall['criteria_met']} de {overall['criteria_total']}",
    )
    console.print(table)
    console.print(
        f"{document['pages']} páginas, {result['coverage']['questions_answered']} respuestas, "
        f"{result['coverage']['evidence_count']} evidencias, {seconds:.1f} s. Huella {result['deterministic_hash']}",
        highlight=False,
    )
