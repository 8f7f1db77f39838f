"""The README can be followed: its curl examples do what they say, on the real service."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import pymupdf
import pytest

from cluster.settings import CLIENT_KEY_VARIABLE, PREFIX, Settings

if TYPE_CHECKING:
    from conftest import Service

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text("utf-8")


@pytest.mark.service
def test_the_curl_examples_work(service: Service, tmp_path: Path) -> None:
    """All shell examples, in order, succeed and leave readable results behind."""
    assert shutil.which("curl"), "curl is needed to try the examples"
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    script = "\n".join(re.findall(r"^```sh\n(.*?)^```", README, re.MULTILINE | re.DOTALL))
    ran = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=tmp_path,
        env={**os.environ, "BASE": service.url},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )

    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "completed" in ran.stdout
    results = json.loads((tmp_path / "results.json").read_text("utf-8"))["results"]
    assert [len(result["evaluation"]["answers"]) for result in results] == [300, 300]
    with pymupdf.open(tmp_path / "report.pdf") as report:
        assert report.page_count > 2
    assert (tmp_path / "page.png").read_bytes().startswith(b"\x89PNG")
    assert len((tmp_path / "answers.csv").read_text("utf-8-sig").splitlines()) >= 601
    with zipfile.ZipFile(tmp_path / "everything.zip") as archive:
        assert archive.testzip() is None


def test_the_settings_it_names_exist_with_these_defaults() -> None:
    """Every variable of the configuration table is a setting."""
    named = {name for name in re.findall(r"`(DECALOGO_[A-Z_]+)`", README) if name != CLIENT_KEY_VARIABLE}

    assert named
    assert {name.removeprefix(PREFIX).lower() for name in named} <= set(Settings.model_fields)


def test_the_commands_it_names_exist() -> None:
    """Every command that the README shows is one."""
    from serve_app.cli import app

    commands = {
        command.name or command.callback.__name__ for command in app.registered_commands if command.callback
    }
    shown = set(re.findall(r"decalogo ((?:[a-z-]+(?: \| )?)+)", README))
    commands |= {group.name for group in app.registered_groups if group.name}
    named = {name for group in shown for name in group.split(" | ")}

    assert {"up", "down", "evaluate", "submit", "watch", "results", "jobs", "cancel", "doctor"} <= commands
    assert named <= commands
