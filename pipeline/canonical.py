"""Canonical JSON and the hashes made from it: equal values give equal bytes on every machine."""

from __future__ import annotations

import hashlib
import math
from typing import Any

import msgspec

FLOAT_DECIMALS = 4
"""Floats of the artifacts are rounded to this many decimals: BLAS kernels differ only beyond the sixth."""

_ENCODER = msgspec.json.Encoder(order="sorted")


def finite(value: float) -> float:
    """The value itself.

    Raises:
        ValueError: it is not a number or infinite, which JSON cannot say; the encoder would write ``null``.
    """
    if not math.isfinite(value):
        raise ValueError(f"{value} has no place in an artifact")
    return value


def rounded(value: float) -> float:
    """A float as it stands in the artifacts; never ``-0.0``.

    Raises:
        ValueError: as ``finite``.
    """
    return round(finite(value), FLOAT_DECIMALS) + 0.0


def canonical_json(value: Any) -> bytes:
    """UTF-8 JSON with sorted keys and without spaces. Floats are written as they are: round them where they arise.

    Raises:
        TypeError: for values that JSON does not know.
    """
    return _ENCODER.encode(value)


def sha256_hex(data: bytes) -> str:
    """Hexadecimal SHA-256."""
    return hashlib.sha256(data).hexdigest()


def encoded(value: Any) -> msgspec.Raw:
    """The canonical JSON of ``value`` to be put into a larger value: what stands in many places is encoded once.

    Raises:
        TypeError: as ``canonical_json``.
    """
    return msgspec.Raw(canonical_json(value))


def canonical_hash(value: Any) -> str:
    """SHA-256 of the canonical JSON of ``value``."""
    return sha256_hex(canonical_json(value))
