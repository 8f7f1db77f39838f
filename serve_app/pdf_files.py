"""Which PDFs somebody means who names files, folders or patterns on this machine."""

from __future__ import annotations

from glob import glob
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


def pdf_files(paths: Iterable[Path]) -> list[Path]:
    """The PDFs that paths name: files as they are, folders and patterns by what is in them, in order of name.

    Raises:
        FileNotFoundError: one of them names nothing.
    """
    found: list[Path] = []
    for path in paths:
        if path.is_dir():
            more = sorted(file for file in path.iterdir() if file.suffix.lower() == ".pdf")
        elif path.is_file():
            more = [path]
        else:
            # Path.glob takes no absolute patterns.
            names = sorted(glob(str(path), recursive=True))  # noqa: PTH207
            more = [Path(name) for name in names if Path(name).is_file()]
        if not more:
            raise FileNotFoundError(f"{path} no existe o no contiene ningún PDF")
        found += more
    return found
