"""Canonical JSON and the hashes made from it: equal values give equal bytes on every machine."""

from __future__ import annotations

import hashlib
from typing import Any

import msgspec

FLOAT_DECIMALS = 4
"""Floats are rounded to this many decimals: BLAS kernels differ only beyond the sixth."""


def rounded(value: Any) -> Any:
    """Copy of a JSON-like value with every float rounded to ``FLOAT_DECIMALS``; tuples become lists."""
    if isinstance(value, float):
        return round(value, FLOAT_DECIMALS) + 0.0  # + 0.0 turns -0.0 into 0.0
    if isinstance(value, dict):
        return {str(key): rounded(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [rounded(item) for item in value]
    return value


def canonical_json(value: Any) -> bytes:
    """UTF-8 JSON with sorted keys, no spaces, floats rounded.

    Raises:
        TypeError: for values that JSON does not know.
    """
    return msgspec.json.encode(rounded(value), order="sorted")


def sha256_hex(data: bytes) -> str:
    """Hexadecimal SHA-256."""
    return hashlib.sha256(data).hexdigest()


def canonical_hash(value: Any) -> str:
    """SHA-256 of the canonical JSON of ``value``."""
    return sha256_hex(canonical_json(value))
