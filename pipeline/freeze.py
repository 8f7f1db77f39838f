"""The freeze: a snapshot of everything that decides, hashed, and checked before each document.

What decides: the questionnaire, lexicons and detector data, the source of the pipeline itself, the versions of the
nodes, the encoder's weights, and the versions of the libraries that read and compute. The hash names no path and no
time, so every machine with the same release has the same one; options of a batch are mixed in per document.
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.canonical import canonical_hash
from pipeline.encoders import DEFAULT_ENCODER, EncoderChoice
from pipeline.errors import FREEZE_MISMATCH, FreezeMismatch

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pipeline.extraction.ocr import PageReader
    from pipeline.model import EvaluationOptions

PACKAGE = Path(__file__).parent
DECIDING_SUFFIXES = (".py", ".toml", ".tsv", ".txt")
NOT_DECIDING = frozenset({"report", "review", "schemas", "__pycache__"})
"""Folders of the package that change how a result looks, or stand beside it, not what it says."""

LIBRARIES = (
    "pymupdf",
    "numpy",
    "google-re2",
    "pyahocorasick",
    "PyStemmer",
    "networkx",
)

FileState = tuple[int, int]
"""Size and modification time (ns): cheap to compare before each document, never part of the hash."""


@dataclass(frozen=True, slots=True)
class Freeze:
    """The snapshot. ``parts`` maps a name to the hash or version of what it stands for.

    ``further`` are deciding files that are not of this package: weights of the encoder, language data.
    """

    parts: Mapping[str, str]
    states: Mapping[str, FileState]
    further: Mapping[str, Path] = field(default_factory=dict)

    @classmethod
    def take(cls, *, encoder: EncoderChoice | None = None, reader: PageReader | None = None) -> Freeze:
        """Read and hash everything that decides; about 0.2 s, most of it for the encoder's weights.

        Args:
            encoder: the sentence encoder that is used; None for the default one.
            reader: what reads pages that are pictures, where that is switched on.
        """
        chosen = encoder or EncoderChoice.of(DEFAULT_ENCODER)
        further = {**chosen.files(), **(reader.files if reader else {})}
        files = deciding_files(further)
        parts = {name: _file_hash(path) for name, path in files.items()}
        parts.update({f"library:{name}": version(name) for name in (*LIBRARIES, *chosen.packages)})
        parts["encoder"] = chosen.kind
        parts.update(reader.decides if reader else {})
        return cls(parts, {name: _state(path) for name, path in files.items()}, further)

    def hash(self, options: EvaluationOptions) -> str:
        """The freeze hash of a batch with these options."""
        return canonical_hash({"parts": dict(self.parts), "options": asdict(options)})

    def verify(self) -> None:
        """Check that nothing has changed since the snapshot.

        A file whose size and time are as they were counts as unchanged; another one is hashed again.

        Raises:
            FreezeMismatch: something that decides has changed, appeared or gone.
        """
        files = deciding_files(self.further)
        changed = set(files) ^ set(self.states)
        for name in set(files) & set(self.states):
            if not files[name].is_file() or (
                _state(files[name]) != self.states[name] and _file_hash(files[name]) != self.parts[name]
            ):
                changed.add(name)
        if changed:
            raise FreezeMismatch(FREEZE_MISMATCH, ", ".join(sorted(changed)))


def deciding_files(further: Mapping[str, Path] | None = None) -> dict[str, Path]:
    """Every file that decides, ``further`` ones too, under a name that is the same on every machine."""
    found = {f"pipeline:{name}": Path(path) for name, path in _files_below(str(PACKAGE))}
    return dict(sorted({**found, **(further or {})}.items()))


def _files_below(folder: str, name: str = "") -> Iterator[tuple[str, str]]:
    """Name and path of each deciding file, in a quarter of what ``pathlib`` takes: it is asked for each document."""
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.name in NOT_DECIDING:
                continue
            if entry.is_dir(follow_symlinks=False):
                yield from _files_below(entry.path, f"{name}{entry.name}/")
            elif entry.name.endswith(DECIDING_SUFFIXES):
                yield name + entry.name, entry.path


def _state(path: Path) -> FileState:
    status = path.stat()
    return status.st_size, status.st_mtime_ns


def _file_hash(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
