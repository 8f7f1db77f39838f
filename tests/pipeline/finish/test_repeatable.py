"""The same PDF gives the same bytes, whatever the process looks like."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
PROGRAM = """
import hashlib, json, pathlib, sys
from pipeline.artifacts import artifacts
from pipeline.evaluation import Engine, evaluate
from pipeline.extraction import ExtractionWorker
from pipeline.model import EvaluationOptions
engine = Engine.load(threads=int(sys.argv[2]))
with ExtractionWorker() as worker:
    document = worker.extract(pathlib.Path(sys.argv[1]).read_bytes())
written = artifacts(evaluate(document, options=EvaluationOptions(), engine=engine))
print(json.dumps({name: hashlib.sha256(content).hexdigest() for name, content in written.items()}))
"""


@pytest.mark.parametrize(
    ("environment", "threads"),
    [
        ({"PYTHONHASHSEED": "1", "TZ": "Asia/Tokyo", "OPENBLAS_CORETYPE": "Haswell"}, 1),
        ({"PYTHONHASHSEED": "77", "LC_ALL": "C", "OPENBLAS_CORETYPE": "SkylakeX"}, 2),
        ({"PYTHONHASHSEED": "5", "LANG": "tr_TR.UTF-8", "OPENBLAS_CORETYPE": "Zen"}, 1),
        ({"PYTHONHASHSEED": "0", "TZ": "America/Bogota", "OPENBLAS_CORETYPE": "Sandybridge"}, 2),
    ],
    ids=lambda value: value["OPENBLAS_CORETYPE"] if isinstance(value, dict) else None,
)
def test_the_artifacts_are_equal_to_the_byte(
    environment: dict[str, str], threads: int, written: dict[str, bytes]
) -> None:
    """Hash seed, time zone, locale, BLAS kernel and number of threads change no byte of an artifact."""
    here = {name: hashlib.sha256(content).hexdigest() for name, content in written.items()}
    command = [
        sys.executable,
        "-c",
        PROGRAM,
        str(ROOT / "examples" / "villa-esperanza-del-yari.pdf"),
        str(threads),
    ]
    ran = subprocess.run(
        command, env={**os.environ, **environment}, capture_output=True, text=True, check=True, cwd=ROOT
    )

    assert json.loads(ran.stdout) == here
