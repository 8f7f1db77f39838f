"""A client of the one service that all tests at the edge share."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx
import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from conftest import Service


@pytest.fixture
def web(service: Service) -> Iterator[httpx.Client]:
    """A client of the real service."""
    with httpx.Client(base_url=service.url, timeout=60, trust_env=False) as client:
        yield client
