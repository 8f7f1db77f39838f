"""A worker that several tests share."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pipeline.extraction import ExtractionLimits, ExtractionWorker

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module")
def worker() -> Iterator[ExtractionWorker]:
    """A worker with one child for all tests of a file."""
    with ExtractionWorker(limits=ExtractionLimits(wall_seconds=20.0)) as worker:
        yield worker
