"""The same PDF gives the same bytes, whatever the process looks like."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from itertools import permutations
from pathlib import Path
from typing import Any

import pymupdf
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


BATCH_PROGRAM = """
import hashlib, json, pathlib, sys
from pipeline.artifacts import artifacts
from pipeline.errors import PipelineError
from pipeline.evaluation import Engine, evaluate
from pipeline.extraction import ExtractionWorker
from pipeline.model import EvaluationOptions
engine, found = Engine.load(threads=1), []
with ExtractionWorker() as worker:
    for name in sys.argv[1:]:
        try:
            document = worker.extract(pathlib.Path(name).read_bytes())
            written = artifacts(evaluate(document, options=EvaluationOptions(), engine=engine))
        except PipelineError as error:
            found.append([name, error.kind.code])
            continue
        found.append([name, {kind: hashlib.sha256(content).hexdigest() for kind, content in written.items()}])
print(json.dumps(found))
"""
SAMPLES = tuple(sorted(str(path) for path in (ROOT / "examples").glob("*.pdf")))


@pytest.fixture(scope="module")
def alone() -> dict[str, dict[str, str]]:
    """Each sample plan evaluated in a process of its own, as another actor would: hashes of its artifacts."""
    return dict(found for name in SAMPLES for found in _evaluated([name]))


def _evaluated(names: list[str]) -> list[tuple[str, Any]]:
    ran = subprocess.run(
        [sys.executable, "-c", BATCH_PROGRAM, *names], capture_output=True, text=True, check=True, cwd=ROOT
    )
    return [(name, found) for name, found in json.loads(ran.stdout)]


@pytest.mark.parametrize("order", list(permutations(range(len(SAMPLES)))), ids=str)
def test_the_company_of_a_batch_changes_nothing(
    order: tuple[int, ...], alone: dict[str, dict[str, str]]
) -> None:
    """First, last or between others in one process: each plan has the bytes it has alone in another one."""
    found = _evaluated([SAMPLES[index] for index in order])

    assert len(found) == len(SAMPLES) == 3
    assert dict(found) == alone


def test_what_came_before_changes_nothing(alone: dict[str, dict[str, str]], tmp_path: Path) -> None:
    """After itself, after broken files and after documents that are no plans, a plan has the same bytes again."""
    broken, empty, letter = (tmp_path / name for name in ("broken.pdf", "empty.pdf", "letter.pdf"))
    broken.write_bytes(Path(SAMPLES[0]).read_bytes()[:3000])
    empty.write_bytes(b"")
    with pymupdf.open() as document:
        document.new_page().insert_text((72, 72), "Apreciada señora: le agradecemos su carta.")
        document.save(letter)
    names = [SAMPLES[0], str(broken), SAMPLES[1], str(empty), SAMPLES[0], str(letter), SAMPLES[1], SAMPLES[0]]
    found = _evaluated(names)

    assert [name for name, result in found if isinstance(result, str)] == [
        str(broken),
        str(empty),
        str(letter),
    ]
    assert all(result == alone[name] for name, result in found if isinstance(result, dict))
