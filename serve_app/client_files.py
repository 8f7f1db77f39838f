"""Files that the client writes: what stands under a name is the old file or the whole new one, never half of it."""

from __future__ import annotations

from contextlib import contextmanager
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@contextmanager
def whole_file(target: Path) -> Iterator[IO[bytes]]:
    """A file to write to that takes its name when all was written; on an error nothing of it stays.

    What is there and is no plain file, such as ``/dev/stdout``, is written to directly.

    Raises:
        OSError: it cannot be written.
    """
    target = target.resolve()
    if target.exists() and not target.is_file():
        with target.open("wb") as file:
            yield file
        return
    part = target.with_name(f"{target.name}.part")
    try:
        with part.open("wb") as file:
            yield file
        part.replace(target)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
