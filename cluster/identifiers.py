"""Names the service gives to jobs and documents. Safe in paths, addresses, Redis keys and shell arguments."""

from __future__ import annotations

import base64
import hashlib
import re
import secrets

JOB_ID_BYTES = 16
"""128 bits: an identifier is the only thing that protects a job, so it must not be guessable."""

_JOB_ID = re.compile(r"[a-z2-7]{26}")
_DOCUMENT_ID = re.compile(r"d[0-9]{4}")
_CLIENT = re.compile(r"[a-z0-9][a-z0-9_.-]{0,39}")
_SHA256 = re.compile(r"[0-9a-f]{64}")


def new_job_id() -> str:
    """26 characters ``a-z2-7`` (base32): no case to lose, no leading dash to be taken for an option."""
    return base64.b32encode(secrets.token_bytes(JOB_ID_BYTES)).decode().rstrip("=").lower()


def new_nonce() -> str:
    """Names one wish to claim something, so that its repetition is known as such: 64 random bits in hexadecimal."""
    return secrets.token_hex(8)


def is_job_id(value: str) -> bool:
    """Whether ``value`` has the form of a job identifier; says nothing about its existence."""
    return _JOB_ID.fullmatch(value) is not None


def is_document_id(value: str) -> bool:
    """Whether ``value`` has the form ``d0001`` of a document identifier."""
    return _DOCUMENT_ID.fullmatch(value) is not None


def is_client(value: str) -> bool:
    """Whether ``value`` can name a client: safe as the name of a file, and without ``/`` inside a Redis key."""
    return _CLIENT.fullmatch(value) is not None


def is_sha256(value: str) -> bool:
    """Whether ``value`` is a SHA-256 in lower-case hexadecimal."""
    return _SHA256.fullmatch(value) is not None


def digest(text: str) -> str:
    """SHA-256 of ``text``, hexadecimal: a name of fixed form for what users chose freely."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
