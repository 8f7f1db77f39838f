"""JSON Schemas (draft 2020-12) of the three artifacts, and of what reviewers correct."""

from __future__ import annotations

import json
from importlib.resources import files
from typing import Any


def load_schema(artifact: str) -> dict[str, Any]:
    """The schema of an artifact, e.g. ``evaluation_results.json``.

    Raises:
        FileNotFoundError: there is no such artifact.
    """
    name = artifact.removesuffix(".json") + ".schema.json"
    schema: dict[str, Any] = json.loads((files(__package__) / name).read_text("utf-8"))
    return schema
