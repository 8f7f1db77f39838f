"""The guides can be followed: their commands and snippets run, and what they name exists."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from cluster.settings import CLIENT_KEY_VARIABLE, PREFIX, Settings
from pipeline.scoring import BANDS, HIGHEST_BAND

if TYPE_CHECKING:
    from conftest import Service

ROOT = Path(__file__).resolve().parents[1]
GUIDES = ("README.md", "docs/guia-del-analista.md", "docs/operators.md", "docs/developers.md")
DEFAULT_URL = "http://127.0.0.1:8000"


def text_of(page: str) -> str:
    """A page of the documentation."""
    return (ROOT / page).read_text("utf-8")


def blocks(page: str, *, language: str) -> str:
    """All blocks of a language, in order, as one program."""
    return "\n".join(re.findall(rf"^```{language}\n(.*?)^```", text_of(page), re.MULTILINE | re.DOTALL))


def run(command: list[str], *, service: Service, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a program as a reader would: beside the sample plans, with the environment's commands at hand."""
    (folder / "examples").symlink_to(ROOT / "examples")
    (folder / "planes").symlink_to(ROOT / "examples")
    (folder / ".venv").symlink_to(sys.prefix)
    environment = {
        **os.environ,
        "BASE": service.url,
        "PYTHONPATH": str(ROOT),
        "DECALOGO_DATA_DIR": str(service.settings.data_dir),
    }
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=240, check=False
    )


@pytest.mark.service
def test_the_operators_commands_can_be_given(service: Service, tmp_path: Path) -> None:
    """All shell blocks of the operator's guide, in order, on the running service."""
    ran = run(
        ["bash", "-eu", "-c", blocks("docs/operators.md", language="sh")], service=service, folder=tmp_path
    )

    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert '"status":"ready"' in ran.stdout
    assert re.search(r"^evaluators_alive [1-9]", ran.stdout, re.MULTILINE)


@pytest.mark.service
@pytest.mark.parametrize("page", ["README.md", "docs/developers.md"])
def test_the_snippets_run(service: Service, tmp_path: Path, page: str) -> None:
    """Each page's Python as one program, the address of the service put in."""
    program = blocks(page, language="python").replace(DEFAULT_URL, service.url)
    ran = run([sys.executable, "-c", program], service=service, folder=tmp_path)

    assert program
    assert ran.returncode == 0, ran.stdout + ran.stderr
    if page == "README.md":
        assert {path.suffix for path in (tmp_path / "resultados").iterdir()} == {
            ".json",
            ".csv",
            ".pdf",
            ".zip",
        }


@pytest.mark.parametrize("page", GUIDES)
def test_what_is_named_exists(page: str) -> None:
    """Commands, targets of make, settings and files."""
    from serve_app.cli import app

    commands = {one.name or one.callback.__name__ for one in app.registered_commands if one.callback}
    commands |= {group.name for group in app.registered_groups if group.name}
    targets = set(re.findall(r"^([a-z]+):", text_of("Makefile"), re.MULTILINE))
    text = text_of(page)

    assert set(re.findall(r"(?:bin/|`| )decalogo ([a-z-]+)\b", text)) <= commands
    assert set(re.findall(r"(?:^|`|    )make ([a-z]+)", text, re.MULTILINE)) <= targets
    named = set(re.findall(r"`?(DECALOGO_[A-Z0-9_]+)", text)) - {CLIENT_KEY_VARIABLE, PREFIX}
    assert {name.removeprefix(PREFIX).lower() for name in named} <= set(Settings.model_fields)
    files = re.findall(r"`((?:serve_app|cluster|actors|pipeline|tests|docs)/[\w/.-]+\.\w+)`", text)
    assert [name for name in files if not (ROOT / name).exists()] == []


def test_the_analysts_table_has_the_bands_of_the_program() -> None:
    """Names and bounds are those that scores are put into bands with."""
    guide = text_of("docs/guia-del-analista.md")
    for bound, name in BANDS:
        assert re.search(rf"menos de {float(bound):.2f} \| {name} \|".replace(".", ","), guide), name
    assert re.search(rf"2,25 o más \| {HIGHEST_BAND} \|", guide)
