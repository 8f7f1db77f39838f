"""The encoder's tables, prepared by the first evaluator of a node and mapped by all."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from actors import shared_encoder
from actors.shared_encoder import TABLES, WORDS, NodeEncoder
from pipeline.encoders import DEFAULT_ENCODER, EncoderChoice
from pipeline.evaluation import Engine

if TYPE_CHECKING:
    from pathlib import Path

SENTENCES = [
    "construir el acueducto de la vereda y proteger a la niñez",
    "Plan de Desarrollo 2024–2027 «Unidos»: 3.456 víctimas; $ 12.500.000",
    "ﬁnanciación ①②  \t doble   espacio",
    "Вода и 水道, المياه",
    "",
    "a" * 300,
]


@pytest.fixture(scope="module")
def original() -> np.ndarray:
    """The vectors that the encoder of the package gives."""
    return np.asarray(EncoderChoice.of(DEFAULT_ENCODER).load(threads=1).encode(SENTENCES))


def prepared(folder: Path) -> Path:
    """The one folder of tables below ``folder``."""
    (found,) = [path for path in folder.iterdir() if path.is_dir()]
    return found


def test_sharing_changes_no_vector(original: np.ndarray, tmp_path: Path) -> None:
    """Who prepares and who finds it prepared give every sentence the vector of the package, bit by bit."""
    for _ in range(2):
        encoder = NodeEncoder.named(DEFAULT_ENCODER, folder=tmp_path).load(threads=1)
        assert np.array_equal(original, encoder.encode(SENTENCES))
    assert not vars(encoder)["_backend"].table.flags.writeable
    assert sorted(path.name for path in prepared(tmp_path).iterdir()) == [TABLES, WORDS]


def test_the_vocabulary_is_the_one_of_the_package(tmp_path: Path) -> None:
    """Every attribute of the tokenizer that is made from the prepared vocabulary equals that of the package."""
    plain = EncoderChoice.of(DEFAULT_ENCODER).load(threads=1)
    shared = NodeEncoder.named(DEFAULT_ENCODER, folder=tmp_path).load(threads=1)
    one, other = (vars(encoder._tokenizer.tokenizer) for encoder in (plain, shared))  # type: ignore[attr-defined]
    normalizers = [vars(each["_normalizer"]) for each in (one, other)]
    assert {name: one[name] for name in one if name != "_normalizer"} == {
        name: other[name] for name in other if name != "_normalizer"
    }
    for name in ("_units", "_normalized", "_ascii", "_two_byte", "_space_symbol"):
        assert normalizers[0][name] == normalizers[1][name]


@pytest.mark.parametrize("name", [TABLES, WORDS])
def test_a_damaged_file_is_not_used(name: str, original: np.ndarray, tmp_path: Path) -> None:
    """Tables whose bytes have changed are removed, and the evaluator reads its encoder from the package."""
    choice = NodeEncoder.named(DEFAULT_ENCODER, folder=tmp_path)
    choice.load(threads=1)
    path = prepared(tmp_path) / name
    damaged = bytearray(path.read_bytes())
    damaged[len(damaged) // 2] ^= 1
    path.unlink()
    path.write_bytes(damaged)
    assert np.array_equal(original, choice.load(threads=1).encode(SENTENCES))
    assert not path.exists()


def test_an_encoder_that_is_made_otherwise_is_not_shared(
    original: np.ndarray, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another release of the encoder with other parts is read from its package, and leaves nothing behind."""
    monkeypatch.setattr(shared_encoder, "OF_THE_TOKENIZER", frozenset({"another"}))
    encoder = NodeEncoder.named(DEFAULT_ENCODER, folder=tmp_path).load(threads=1)
    assert np.array_equal(original, encoder.encode(SENTENCES))
    assert not [path for path in tmp_path.iterdir() if path.is_dir()]


def test_the_freeze_is_the_same(tmp_path: Path) -> None:
    """Where the tables come from is no part of what decides."""
    shared = Engine.load(encoder=NodeEncoder.named(DEFAULT_ENCODER, folder=tmp_path))
    assert shared.freeze.parts == Engine.load().freeze.parts
