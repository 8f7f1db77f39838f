"""The runbook can be followed: its commands run against the real service, and what it names exists."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest

from cluster.metrics import FAMILIES
from cluster.settings import CLIENT_KEY_VARIABLE, PREFIX, Settings
from serve_app.client import BatchClient

if TYPE_CHECKING:
    from conftest import Service

ROOT = Path(__file__).resolve().parents[2]
RUNBOOK = (ROOT / "docs" / "runbook.md").read_text("utf-8")
METADATA = {"municipality": "Prueba", "department": "Caquetá", "year": 2024, "period": "2024-2027"}


@pytest.mark.service
def test_every_command_can_be_given(service: Service, tmp_path: Path) -> None:
    """All its shell blocks, in order, run while one batch has succeeded and one has failed."""
    broken = tmp_path / "broken.pdf"
    broken.write_bytes(b"%PDF-1.7\nnothing more")
    with BatchClient(service.url) as client:
        for path in (ROOT / "examples" / "puerto-arrayan.pdf", broken):
            list(client.watch(client.send([path], metadata=METADATA)))
    assert httpx.get(f"{service.url}/metrics", trust_env=False).is_success
    (tmp_path / ".venv").symlink_to(sys.prefix)
    script = "\n".join(re.findall(r"^```sh\n(.*?)^```", RUNBOOK, re.MULTILINE | re.DOTALL))

    ran = subprocess.run(
        ["bash", "-eu", "-c", script],
        cwd=tmp_path,
        env={
            **os.environ,
            "BASE": service.url,
            "PYTHONPATH": str(ROOT),
            "DECALOGO_DATA_DIR": str(service.settings.data_dir),
        },
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )

    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "Evaluadores" in ran.stdout
    assert re.search(r"^redis_up 1", ran.stdout, re.MULTILINE)
    assert '"error_code": "malformed"' in ran.stdout
    assert '"event": "engine_loaded"' in ran.stdout
    assert "Traceback" not in ran.stderr


def test_the_commands_it_names_exist() -> None:
    """Every ``decalogo …`` in it is a command."""
    from serve_app.cli import app

    commands = {
        command.name or command.callback.__name__ for command in app.registered_commands if command.callback
    } | {group.name for group in app.registered_groups}

    named = set(re.findall(r"decalogo ([a-z][a-z-]+)\b(?!\.)", RUNBOOK))
    assert {"doctor", "jobs", "dead-letters"} <= named <= commands


def test_the_settings_and_metrics_it_names_exist() -> None:
    """Nobody is sent to look for what is not there."""
    settings = {name for name in re.findall(r"DECALOGO_[A-Z_]+", RUNBOOK) if name != CLIENT_KEY_VARIABLE}
    metrics = {
        name
        for names in re.findall(r"^metric \"?([a-z_|]+)", RUNBOOK, re.MULTILINE)
        for name in names.split("|")
    }

    assert {name.removeprefix(PREFIX).lower() for name in settings} <= set(Settings.model_fields)
    assert metrics <= {family.name for family in FAMILIES}
