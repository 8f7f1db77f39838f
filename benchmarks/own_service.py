"""A service for one benchmark: fresh data folder, free ports, ended with everything it stored."""

from __future__ import annotations

import shutil
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cluster import lifecycle
from cluster.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cluster.lifecycle import RunningService


@contextmanager
def own_service(**chosen: Any) -> Iterator[tuple[Settings, RunningService]]:
    """Start a service as configured by default but for ``chosen``, open to this machine without keys."""
    data_dir = Path(tempfile.mkdtemp(prefix="pdm-bench-"))
    free: dict[str, Any] = {
        "http_port": 0,
        "dashboard_port": 0,
        "allow_anonymous": True,
        # What is measured is not whether this machine has room to spare.
        "min_free_memory_bytes": 0,
        "min_free_disk_bytes": 0,
        "storage_floor_bytes": 0,
    }
    settings = Settings.load(data_dir=data_dir, **{**free, **chosen})
    try:
        yield settings, lifecycle.up(settings)
    finally:
        lifecycle.down(settings)
        shutil.rmtree(data_dir, ignore_errors=True)
