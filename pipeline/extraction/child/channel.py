"""Frames on a pipe: four bytes of length, big endian, then as many bytes."""

from __future__ import annotations

import os
import struct

LENGTH = struct.Struct(">I")
_READ_BYTES = 1 << 20


class Closed(Exception):  # noqa: N818  an end, not an error
    """The other side has closed the pipe."""


def read_exactly(descriptor: int, *, size: int) -> bytes:
    """Read ``size`` bytes; raises ``Closed`` when the pipe ends before."""
    parts: list[bytes] = []
    missing = size
    while missing:
        part = os.read(descriptor, min(missing, _READ_BYTES))
        if not part:
            raise Closed
        parts.append(part)
        missing -= len(part)
    return b"".join(parts)


def read_frame(descriptor: int) -> bytes:
    """Read one frame; raises ``Closed`` when the pipe ends."""
    (size,) = LENGTH.unpack(read_exactly(descriptor, size=LENGTH.size))
    return read_exactly(descriptor, size=size)


def write_frame(descriptor: int, *, payload: bytes) -> None:
    """Write one frame whole."""
    _write_all(descriptor, data=LENGTH.pack(len(payload)))
    _write_all(descriptor, data=payload)


def _write_all(descriptor: int, *, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]
