"""Frames on a pipe: four bytes of length, big endian, then as many bytes."""

from __future__ import annotations

import os
import struct

LENGTH = struct.Struct(">I")


class Closed(Exception):
    """The other side has closed the pipe."""


def read_exactly(descriptor: int, *, size: int) -> bytearray:
    """Read ``size`` bytes into one buffer; raises ``Closed`` when the pipe ends before."""
    data = bytearray(size)
    missing = memoryview(data)
    while missing:
        count = os.readv(descriptor, [missing])
        if not count:
            raise Closed
        missing = missing[count:]
    return data


def read_frame(descriptor: int) -> bytearray:
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
