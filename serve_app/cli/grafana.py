"""The dashboards, put where Grafana looks for them."""

from __future__ import annotations

from importlib.resources import files
from typing import TYPE_CHECKING

from serve_app.cli.output import console

if TYPE_CHECKING:
    from pathlib import Path


def put_dashboards(folder: Path, *, quiet: bool = False) -> None:
    """Write every dashboard into a folder that Grafana provisions; what has another name there stays.

    Raises:
        OSError: the folder cannot be made or written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    found = [entry for entry in files("dashboards").iterdir() if entry.name.endswith(".json")]
    for entry in found:
        (folder / entry.name).write_bytes(entry.read_bytes())
    if not quiet:
        console.print(f"{len(found)} tableros en {folder}", highlight=False, soft_wrap=True)
