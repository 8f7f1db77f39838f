"""A service for one benchmark or test: fresh data folder, free ports, ended with everything it stored."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cluster import lifecycle
from cluster.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cluster.lifecycle import RunningService


HEIR = """
import sys
sys.stdin.read()
import pathlib, shutil
from cluster import lifecycle
from cluster.settings import Settings
data_dir = pathlib.Path(sys.argv[1])
if data_dir.exists():
    lifecycle.down(Settings.load(data_dir=data_dir))
    shutil.rmtree(data_dir, ignore_errors=True)
"""
"""Waits until whoever holds the other end of its standard input is gone, in whatever way."""


@contextmanager
def ended_with_this_process(data_dir: Path) -> Iterator[None]:
    """Have the service of ``data_dir`` ended, and the folder removed, should this process end before it does so.

    A service is a group of processes of its own, which neither an interrupt nor a kill of this one reaches.
    """
    with subprocess.Popen(
        [sys.executable, "-c", HEIR, data_dir], stdin=subprocess.PIPE, start_new_session=True
    ):
        yield


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
    with ended_with_this_process(data_dir):
        try:
            yield settings, lifecycle.up(settings)
        finally:
            lifecycle.down(settings)
            shutil.rmtree(data_dir, ignore_errors=True)
