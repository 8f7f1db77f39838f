"""One evaluation of the richest sample plan, shared by the tests of what comes after the nodes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from pipeline.artifacts import EVALUATION_RESULTS, artifacts
from pipeline.evaluation import Engine, Evaluation, evaluate
from pipeline.extraction import ExtractionWorker
from pipeline.model import EvaluationOptions, ExtractedDocument

EXAMPLES = Path(__file__).resolve().parents[3] / "examples"


@pytest.fixture(scope="session")
def engine() -> Engine:
    """Loaded once."""
    return Engine.load(threads=1)


@pytest.fixture(scope="session")
def sample() -> ExtractedDocument:
    """The fictional plan of Villa Esperanza del Yarí."""
    with ExtractionWorker() as worker:
        return worker.extract((EXAMPLES / "villa-esperanza-del-yari.pdf").read_bytes())


@pytest.fixture(scope="session")
def evaluation(engine: Engine, sample: ExtractedDocument) -> Evaluation:
    """Evaluated with everything switched on."""
    return evaluate(sample, options=EvaluationOptions(), engine=engine)


@pytest.fixture(scope="session")
def written(evaluation: Evaluation) -> dict[str, bytes]:
    """Its artifacts."""
    return artifacts(evaluation)


@pytest.fixture
def result(written: dict[str, bytes]) -> dict[str, Any]:
    """A copy of its results that a test may change."""
    return msgspec.json.decode(written[EVALUATION_RESULTS])
