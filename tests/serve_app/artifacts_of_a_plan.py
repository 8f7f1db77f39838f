"""The artifacts of a sample plan, evaluated once per run by the pipeline itself."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from pipeline.artifacts import artifacts
from pipeline.evaluation import Engine, evaluate
from pipeline.extraction import ExtractionWorker
from pipeline.model import EvaluationOptions

SAMPLE = Path(__file__).resolve().parents[2] / "examples" / "puerto-arrayan.pdf"


@cache
def sample_artifacts(*, not_applicable: tuple[str, ...] = ()) -> dict[str, bytes]:
    """The three artifacts by name."""
    with ExtractionWorker() as worker:
        document = worker.extract(SAMPLE.read_bytes())
    return artifacts(
        evaluate(
            document, options=EvaluationOptions(not_applicable_points=not_applicable), engine=Engine.load()
        )
    )
