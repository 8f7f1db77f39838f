"""Names of files as their senders chose them: for display and to tell documents apart, never for paths."""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Container

FILE_NAME_CHARS_MAX = 255
NAMELESS = "documento.pdf"


def clean_file_name(name: str) -> str:
    """A name for display: no directories, no control or direction characters, at most 255 characters, NFC."""
    last = name.replace("\\", "/").rsplit("/", 1)[-1]
    plain = "".join(char for char in unicodedata.normalize("NFC", last) if char.isprintable()).strip()
    return plain[-FILE_NAME_CHARS_MAX:].strip() or NAMELESS


def distinct_name(name: str, *, taken: Container[str]) -> str:
    """``name``, with a number before its suffix when it is taken: the registry knows a document by its name."""
    stem, dot, suffix = name.rpartition(".")
    candidate, number = name, 2
    while candidate in taken:
        candidate = f"{stem} ({number}).{suffix}" if dot else f"{name} ({number})"
        number += 1
    return candidate
