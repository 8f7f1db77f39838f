"""The notebooks of the examples run from top to bottom against the running service, and inside its Ray."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import nbformat
import pytest
from nbclient import NotebookClient

from serve_app.client import BatchClient

if TYPE_CHECKING:
    from conftest import Service

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


@pytest.mark.service
# The kernel and its channels close their sockets after the loop has gone.
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::RuntimeWarning", "ignore::UserWarning")
def test_the_notebook_runs(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    """Three plans are compared, drawn and quoted with their pages, and what is shown stays small."""
    monkeypatch.setenv("DECALOGO_URL", service.url)
    monkeypatch.setenv("PYTHONPATH", str(EXAMPLES.parent))
    notebook = nbformat.read(EXAMPLES / "batch.ipynb", as_version=4)  # type: ignore[no-untyped-call]

    NotebookClient(notebook, timeout=180, resources={"metadata": {"path": str(EXAMPLES)}}).execute()

    shown = nbformat.writes(notebook)  # type: ignore[no-untyped-call]
    assert shown.count("puerto-arrayan.pdf") >= 2
    assert "página" in shown
    assert "image/png" in shown
    assert ".zip" in shown
    assert len(shown) < 300_000


@pytest.mark.service
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::RuntimeWarning", "ignore::UserWarning")
def test_the_notebook_inside_the_cluster_runs(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the service's token it joins Ray, evaluates with the running evaluators, and leaves no job behind."""
    monkeypatch.setenv("DECALOGO_DATA_DIR", str(service.settings.data_dir))
    monkeypatch.setenv("PYTHONPATH", str(EXAMPLES.parent))
    for name in ("RAY_AUTH_MODE", "RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH"):
        monkeypatch.delenv(name, raising=False)
    with BatchClient(service.url) as client:
        before = client.jobs(limit=200)
        notebook = nbformat.read(EXAMPLES / "on_ray.ipynb", as_version=4)  # type: ignore[no-untyped-call]

        NotebookClient(notebook, timeout=180, resources={"metadata": {"path": str(EXAMPLES)}}).execute()

        assert client.jobs(limit=200) == before
    shown = nbformat.writes(notebook)  # type: ignore[no-untyped-call]
    assert "1 nodo(s)" in shown
    assert shown.count("puerto-arrayan.pdf") >= 3
    assert "huellas distintas: True" in shown
    assert "image/png" in shown
    assert len(shown) < 300_000


@pytest.mark.parametrize("name", ["batch.ipynb", "on_ray.ipynb"])
def test_it_is_checked_in_without_outputs(name: str) -> None:
    """Outputs would name this machine and change with every run."""
    notebook = nbformat.read(EXAMPLES / name, as_version=4)  # type: ignore[no-untyped-call]
    assert not any(cell.get("outputs") or cell.get("execution_count") for cell in notebook.cells)
