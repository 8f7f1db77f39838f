"""The evaluators of the running service, called through their handle from another driver on its Ray."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from cluster.settings import Settings
from serve_app.client import BatchClient
from serve_app.on_ray import NotOnRay, ServiceEvaluators

if TYPE_CHECKING:
    from conftest import Service

ROOT = Path(__file__).resolve().parents[2]
PLAN = ROOT / "examples" / "puerto-arrayan.pdf"
METADATA = {"municipality": "Prueba", "department": "Caquetá", "year": 2024, "period": "2024-2027"}
DRIVER = """
import json, sys
from serve_app.on_ray import ServiceEvaluators
found = ServiceEvaluators.join().evaluate(sys.argv[1:])
print(json.dumps([
    [one.name, one.error_code, one.evaluation and one.evaluation.deterministic_hash] for one in found.results
]))
"""


@pytest.mark.service
def test_it_gives_what_a_batch_gives(service: Service, tmp_path: Path) -> None:
    """The same hash as over HTTP; a file that is broken has its code and stops no other."""
    broken = tmp_path / "roto.pdf"
    broken.write_bytes(b"%PDF-1.7\nnothing more")
    with BatchClient(service.url) as client:
        job = client.submit(PLAN, **METADATA).wait()
        (document,) = job.status()["documents"]

    ran = subprocess.run(
        [sys.executable, "-c", DRIVER, str(broken), str(PLAN)],
        cwd=ROOT,
        env={**os.environ, "DECALOGO_DATA_DIR": str(service.settings.data_dir)},
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )

    assert ran.returncode == 0, ran.stderr
    assert json.loads(ran.stdout.splitlines()[-1]) == [
        ["roto.pdf", "malformed", None],
        ["puerto-arrayan.pdf", None, document["deterministic_hash"]],
    ]


@pytest.mark.service
def test_without_the_token_nobody_joins(service: Service) -> None:
    """Ray itself refuses a driver that does not know the secret of this service."""
    code = f"import ray; ray.init(address={service.running.ray_address!r}); print('joined')"
    environment = {name: value for name, value in os.environ.items() if not name.startswith("RAY_")}
    # The same address as for those who may: otherwise Ray looks for it on an outer one.
    environment |= {
        "RAY_AUTH_MODE": "token",
        "RAY_AUTH_TOKEN": "0" * 64,
        "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",
    }

    ran = subprocess.run(
        [sys.executable, "-c", code],
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )

    assert ran.returncode != 0
    assert "joined" not in ran.stdout
    assert "ConnectionError" in ran.stderr


def test_where_no_service_runs_that_is_said(tmp_path: Path) -> None:
    """In words that name the command, before Ray is asked for anything."""
    with pytest.raises(NotOnRay, match="decalogo up"):
        ServiceEvaluators.join(Settings.load(data_dir=tmp_path))
