"""Archives whose bytes depend on their content alone: fixed dates, modes and order."""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

EPOCH = (1980, 1, 1, 0, 0, 0)
"""The earliest date that the format knows."""
MODE = 0o100644 << 16
UNIX = 3


@dataclass(frozen=True, slots=True)
class ZipEntry:
    """A file of an archive. ``name`` comes from our own table, never from a sender."""

    name: str
    content: bytes


def write_zip(entries: Iterable[ZipEntry], *, target: IO[bytes]) -> None:
    """Write the entries in the order given; the same entries give the same bytes."""
    with zipfile.ZipFile(target, "w", compression=zipfile.ZIP_DEFLATED, compresslevel=6) as archive:
        for entry in entries:
            info = zipfile.ZipInfo(entry.name, date_time=EPOCH)
            info.external_attr = MODE
            info.create_system = UNIX
            info.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(info, entry.content)
