"""The encoder's table, mapped from one file by all evaluators of a node."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from actors.shared_table import share_table
from pipeline.evaluation import Engine

if TYPE_CHECKING:
    from pathlib import Path

SENTENCE = ["Construir el acueducto de la vereda y proteger a la niñez."]


@pytest.fixture(scope="module")
def engine() -> Engine:
    """The engine as an evaluator loads it."""
    return Engine.load()


def test_sharing_changes_no_vector(engine: Engine, tmp_path: Path) -> None:
    """With the shared table every sentence has the vector it had before, bit by bit."""
    before = engine.models.encoder.encode(SENTENCE)
    assert share_table(engine, folder=tmp_path)
    assert share_table(engine, folder=tmp_path)
    assert np.array_equal(before, engine.models.encoder.encode(SENTENCE))
    assert len(list(tmp_path.iterdir())) == 1


def test_a_damaged_file_is_not_used(engine: Engine, tmp_path: Path) -> None:
    """A table file whose bytes have changed is removed, and the evaluator keeps its own table."""
    assert share_table(engine, folder=tmp_path)
    before = engine.models.encoder.encode(SENTENCE)
    (path,) = tmp_path.iterdir()
    damaged = bytearray(path.read_bytes())
    damaged[-1] ^= 1
    path.unlink()
    path.write_bytes(damaged)
    assert not share_table(engine, folder=tmp_path)
    assert not path.exists()
    assert np.array_equal(before, engine.models.encoder.encode(SENTENCE))
