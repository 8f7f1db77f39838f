"""Every bomb ends with a document or a coded error within its limits, and the next document is read."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import psutil
import pytest
from bombs import BOMBS, PROSE, one_page

from pipeline.errors import PipelineError
from pipeline.extraction import ExtractionLimits, ExtractionWorker

LIMITS = ExtractionLimits(wall_seconds=8.0, cpu_seconds=8, memory_bytes=800 * 2**20)
CODES = frozenset(
    {"encrypted", "malformed", "memory", "no_pages", "no_text", "timeout", "too_many_pages", "too_much_text"}
)
PARENT_GROWTH_BYTES = 200 * 2**20
"""The largest bomb has fifty megabytes, of which the parent holds a copy or two while it is sent."""


@pytest.fixture(scope="module")
def reader() -> Iterator[ExtractionWorker]:
    """A worker with limits that a bomb reaches soon."""
    with ExtractionWorker(limits=LIMITS) as worker:
        yield worker


@pytest.mark.parametrize("bomb", BOMBS, ids=lambda bomb: bomb.__name__)
def test_bomb_costs_no_more_than_its_limits(reader: ExtractionWorker, bomb: Callable[[], bytes]) -> None:
    """A result or a stable code; memory of the parent is bounded; a good document after it is read."""
    pdf = bomb()
    before = psutil.Process().memory_info().rss
    try:
        document = reader.extract(pdf)
    except PipelineError as error:
        assert error.kind.code in CODES  # noqa: PT017  either ending is right
    else:
        assert document.pages
    assert psutil.Process().memory_info().rss - before < PARENT_GROWTH_BYTES
    assert reader.extract(one_page()).pages[0].lines[0].text == PROSE
