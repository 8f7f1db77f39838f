"""The evaluation of a sample plan, to be corrected."""

from __future__ import annotations

from copy import deepcopy
from pathlib import Path
from typing import Any

import msgspec
import pytest

from pipeline.artifacts import EVALUATION_RESULTS, artifacts
from pipeline.evaluation import Engine, evaluate
from pipeline.extraction import ExtractionWorker
from pipeline.model import EvaluationOptions

SAMPLE = Path(__file__).resolve().parents[3] / "examples" / "santa-rita-de-los-cerros.pdf"


@pytest.fixture(scope="package")
def evaluated() -> dict[str, Any]:
    """``evaluation_results`` of the smallest sample plan; P10 does not apply to it."""
    with ExtractionWorker() as worker:
        document = worker.extract(SAMPLE.read_bytes())
    options = EvaluationOptions(not_applicable_points=("P10",))
    content = artifacts(evaluate(document, options=options, engine=Engine.load()))
    result: dict[str, Any] = msgspec.json.decode(content[EVALUATION_RESULTS])
    return result


@pytest.fixture
def result(evaluated: dict[str, Any]) -> dict[str, Any]:
    """A copy that a test may change."""
    return deepcopy(evaluated)
