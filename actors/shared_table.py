"""The encoder's table of word vectors, 65 MB, in memory once for all evaluators of a node.

Each evaluator reads the table into memory of its own; here it is exchanged for a read-only mapping of a file
in ``run_dir``, whose pages the kernel keeps once. The values are the same, and compared by hash.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from pipeline.evaluation import Engine


def share_table(engine: Engine, *, folder: Path) -> bool:
    """Exchange the table for the shared one; False, and nothing changed, where the encoder has none."""
    backend = getattr(engine.models.encoder, "_model", None)
    table = getattr(backend, "table", None)
    if backend is None or not isinstance(table, np.ndarray):
        return False
    digest = _digest(table)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = folder / f"{digest}.npy"
    if not path.exists():
        _write(table, path=path)
    shared = np.asarray(np.load(path, mmap_mode="r", allow_pickle=False))
    if _digest(shared) != digest:
        path.unlink()
        return False
    backend.table = shared
    return True


def _digest(table: NDArray[np.generic]) -> str:
    return hashlib.sha256(np.ascontiguousarray(table).reshape(-1).view(np.uint8).data).hexdigest()


def _write(table: NDArray[np.generic], *, path: Path) -> None:
    temporary = path.with_name(secrets.token_hex(8))
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as stream:
        np.save(stream, table, allow_pickle=False)
    # Of several evaluators that write at once the first wins, and all map the one file that stays.
    with contextlib.suppress(FileExistsError):
        os.link(temporary, path)
    temporary.unlink()
