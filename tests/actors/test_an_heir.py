"""Who starts a service for a test or benchmark and is killed leaves no service behind."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

pytestmark = pytest.mark.faults
ROOT = Path(__file__).resolve().parents[2]
PATIENCE_SECONDS = 60.0
CODE = """
from benchmarks.own_service import own_service
with own_service(evaluators_min=1, evaluators_max=1) as (settings, service):
    print("keeper", service.keeper_pid, settings.data_dir, flush=True)
    input()
"""


def test_a_service_ends_with_whoever_started_it() -> None:
    """After SIGKILL its keeper, Ray, Valkey and evaluators end, and what was stored is removed."""
    with subprocess.Popen(
        [sys.executable, "-c", CODE], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT
    ) as starter:
        assert starter.stdout
        # What the service logs while it starts comes before.
        _, pid, data_dir = next(line for line in starter.stdout if line.startswith("keeper ")).split()
        keeper = psutil.Process(int(pid))
        all_of_it = [keeper, *keeper.children(recursive=True)]
        starter.kill()

    _, alive = psutil.wait_procs(all_of_it, timeout=PATIENCE_SECONDS)
    assert not alive
    deadline = time.monotonic() + PATIENCE_SECONDS
    while Path(data_dir).exists() and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not Path(data_dir).exists()
