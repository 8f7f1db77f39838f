"""A review as bytes: what is stored, downloaded and hashed."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import msgspec

from pipeline.canonical import canonical_json
from pipeline.review.corrections import Review

REVIEW = "review.json"
SCHEMA_VERSION = "1.0"


def write_review(review: Review) -> bytes:
    """The record, canonical: the same review gives the same bytes. ``review.schema.json`` describes it."""
    return canonical_json({"schema_version": SCHEMA_VERSION, **asdict(review)})


def read_review(record: bytes) -> Review:
    """The review of a record.

    Raises:
        msgspec.ValidationError: that is none.
    """
    fields: dict[str, Any] = msgspec.json.decode(record, type=dict[str, Any])
    fields.pop("schema_version", None)
    return msgspec.convert(fields, Review)
