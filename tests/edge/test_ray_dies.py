"""Promise P1 where Ray's head dies: the supervisor starts again, and what was accepted is finished.

The row "Head node / GCS death" of the fault matrix.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import psutil
import pytest
from edge_steps import FIELDS, until

from cluster import embedded_redis, lifecycle
from cluster.lifecycle_processes import attached_to
from cluster.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [pytest.mark.service, pytest.mark.faults, pytest.mark.timeout(600)]

BACK_SECONDS = 120.0
END_SECONDS = 120.0
RUN = "from serve_app.cli.main import run; run()"


@pytest.fixture(scope="module")
def supervised() -> Iterator[tuple[Settings, subprocess.Popen[bytes]]]:
    """``decalogo up --foreground`` in a folder of its own, with short leases."""
    data_dir = Path(tempfile.mkdtemp(prefix="pdm-test-"))
    settings = Settings.load(
        data_dir=data_dir,
        http_port=0,
        dashboard_port=0,
        evaluators_min=1,
        evaluators_max=2,
        running_per_node=2,
        lease_seconds=3,
        lease_renewal_seconds=0.8,
        retry_base_seconds=0.2,
        retry_cap_seconds=1,
        min_free_memory_bytes=0,
        min_free_disk_bytes=0,
        storage_floor_bytes=0,
        allow_anonymous=True,
    )
    inherited = {
        name: value for name, value in os.environ.items() if not name.startswith(("DECALOGO_", "REDIS_"))
    }
    process = subprocess.Popen(
        [sys.executable, "-c", RUN, "up", "--foreground"], env=inherited | settings.to_environment()
    )
    try:
        until(lambda: lifecycle.status(settings), "the first start")
        yield settings, process
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(END_SECONDS)
        finally:
            process.kill()
            lifecycle.down(settings)
            shutil.rmtree(data_dir, ignore_errors=True)


def _answer(url: str, path: str) -> dict[str, Any]:
    with contextlib.suppress(httpx.HTTPError):
        answer = httpx.get(f"{url}{path}", trust_env=False, timeout=5)
        if answer.status_code == 200:
            found: dict[str, Any] = answer.json()
            return found
    return {}


@pytest.mark.parametrize("victim", ["gcs_server", "raylet", "keeper"])
def test_the_service_comes_back_and_finishes_what_it_accepted(
    supervised: tuple[Settings, subprocess.Popen[bytes]], sample_plans: tuple[bytes, ...], victim: str
) -> None:
    """P1: HTTP answers at the same address within 120 s, and no accepted document is lost or done twice."""
    settings, _ = supervised
    service = lifecycle.status(settings)
    assert service
    keeper = psutil.Process(service.keeper_pid)
    mark = f"\n%% {victim}\n".encode()
    files = [("files", (f"{number}.pdf", plan + mark)) for number, plan in enumerate(sample_plans)]
    accepted = httpx.post(f"{service.url}/upload", data=FIELDS, files=files, trust_env=False, timeout=60)
    assert accepted.status_code == 202, accepted.text
    job_id = accepted.json()["job_id"]

    processes = [keeper, *keeper.children(recursive=True)]
    target = keeper if victim == "keeper" else next(found for found in processes if found.name() == victim)
    killed = time.monotonic()
    target.kill()

    until(lambda: (found := lifecycle.status(settings)) and found.keeper_pid != keeper.pid, "another keeper")
    until(lambda: _answer(service.url, f"/status/{job_id}"), "HTTP at the same address")
    back_seconds = time.monotonic() - killed
    assert back_seconds < BACK_SECONDS
    until(
        lambda: _answer(service.url, f"/status/{job_id}").get("status") == "completed", "the end of the job"
    )

    documents = _answer(service.url, f"/status/{job_id}")["documents"]
    assert [document["status"] for document in documents] == ["succeeded"] * len(sample_plans)
    assert all(document["attempts"] <= settings.max_attempts for document in documents)
    # Nothing of the dead one is left beside the new one.
    until(lambda: not attached_to(Path(service.temp_dir)), "the end of the old processes")
    assert not Path(service.temp_dir).exists()
    sys.stderr.write(f"{victim}: back after {back_seconds:.1f} s\n")


def test_a_dead_valkey_is_started_again(supervised: tuple[Settings, subprocess.Popen[bytes]]) -> None:
    """The registry comes back at its port with what it knew, without a restart of Ray."""
    settings, _ = supervised
    service = lifecycle.status(settings)
    before = embedded_redis.running(settings)
    assert service
    assert before
    jobs = [job["job_id"] for job in _answer(service.url, "/status")["jobs"]]
    psutil.Process(before.pid).kill()

    until(lambda: (found := embedded_redis.running(settings)) and found.pid != before.pid, "another Valkey")
    until(lambda: _answer(service.url, "/status"), "status answers")
    assert [job["job_id"] for job in _answer(service.url, "/status")["jobs"]] == jobs
    after = lifecycle.status(settings)
    assert after
    assert after.keeper_pid == service.keeper_pid


def test_down_ends_the_supervisor_as_well(supervised: tuple[Settings, subprocess.Popen[bytes]]) -> None:
    """``decalogo down`` is no accident to recover from."""
    settings, process = supervised
    environment = os.environ | settings.to_environment()
    ended = subprocess.run(
        [sys.executable, "-c", RUN, "down"],
        env=environment,
        capture_output=True,
        check=False,
        timeout=END_SECONDS,
    )
    assert ended.returncode == 0, ended.stderr
    assert process.wait(10) == 0
    assert lifecycle.status(settings) is None
    assert embedded_redis.running(settings) is None
