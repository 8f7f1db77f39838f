"""Imports PyMuPDF without the machine-learning packages that it pulls in when they are installed.

``import pymupdf`` also loads numpy, onnxruntime and pymupdf-layout (0.9 s, 140 MB, threads of BLAS).
None of them is used here, and a child with several threads could not enter a user namespace.
Without them: 0.12 s, 48 MB, one thread.
"""

from __future__ import annotations

import importlib
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence
    from importlib.machinery import ModuleSpec
    from types import ModuleType

_UNWANTED = frozenset({"numpy", "onnxruntime", "PIL", "pymupdf4llm", "pymupdf_fonts", "fontTools"})


class _Refuser:
    """A finder that says of the unwanted packages that they are not installed."""

    @staticmethod
    def find_spec(
        name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        del path, target
        if name in _UNWANTED or name == "pymupdf.layout":
            raise ModuleNotFoundError(f"{name} is kept out of the extraction child", name=name)
        return None


def _load_lean() -> Any:
    refuser = _Refuser()
    sys.meta_path.insert(0, refuser)
    try:
        loaded = importlib.import_module("pymupdf")
    finally:
        sys.meta_path.remove(refuser)
    loaded.TOOLS.mupdf_display_errors(False)  # noqa: FBT003  PyMuPDF takes it by position only
    loaded.TOOLS.mupdf_display_warnings(False)  # noqa: FBT003
    return loaded


pymupdf = _load_lean()
extra = pymupdf.extra
mupdf = pymupdf.mupdf
