"""What Ray is started with so that it stays quiet and small: it says nothing when a name means nothing to it."""

from __future__ import annotations

import mmap
import os
import subprocess
import sys
from pathlib import Path

import pytest
import ray
import yaml

from cluster.lean_ray import INTERVALS, lean_environment
from cluster.settings import Settings

SEEN_BY_PYTHON = """
from ray.dashboard.modules.reporter.reporter_consts import REPORTER_UPDATE_INTERVAL_MS
from ray.serve._private.constants import CONTROL_LOOP_INTERVAL_S, RAY_SERVE_METRICS_EXPORT_INTERVAL_MS
print(CONTROL_LOOP_INTERVAL_S, RAY_SERVE_METRICS_EXPORT_INTERVAL_MS, REPORTER_UPDATE_INTERVAL_MS)
"""
IMPORTS_PANDAS = """
try:
    import pandas
except ImportError as error:
    print(error)
"""


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Default settings; no Redis is needed."""
    return Settings.load(data_dir=tmp_path / "data")


def run(program: str, *, environment: dict[str, str]) -> str:
    """What a program prints in a process that was started with these variables too."""
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=os.environ | environment,
        check=True,
        capture_output=True,
        text=True,
        timeout=120,
    )
    return done.stdout.strip()


def test_ray_reads_the_names_in_python(settings: Settings, tmp_path: Path) -> None:
    """Serve and the dashboard take the intervals: a name of another release would be ignored in silence."""
    seen = run(SEEN_BY_PYTHON, environment=lean_environment(settings, folder=tmp_path / "unwanted"))
    assert seen == "0.5 5000 15000"


def test_ray_knows_the_names_of_its_core() -> None:
    """The settings of Ray's C++ core stand in its library."""
    names = [name.removeprefix("RAY_") for name in INTERVALS if name[4:5].islower()]
    assert len(names) == 5
    with (Path(ray.__file__).parent / "_raylet.so").open("rb") as stream:
        library = mmap.mmap(stream.fileno(), 0, prot=mmap.PROT_READ)
        assert [name for name in names if library.find(name.encode()) < 0] == []


def test_nothing_imports_pandas(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process of Ray cannot import it, and finds what its starter's own path held."""
    monkeypatch.setenv("PYTHONPATH", "/of/the/caller")
    environment = lean_environment(settings, folder=tmp_path / "unwanted")
    assert environment["PYTHONPATH"].split(os.pathsep)[1:] == ["/of/the/caller"]
    assert "no use" in run(IMPORTS_PANDAS, environment=environment)


def test_an_encoder_of_somebody_else_may_import_what_it_likes(settings: Settings, tmp_path: Path) -> None:
    """Nothing is kept from a model of ``sentence-transformers``."""
    chosen = settings.model_copy(update={"encoder": "/models/one"})
    assert "PYTHONPATH" not in lean_environment(chosen, folder=tmp_path / "unwanted")


def test_figures_are_as_new_as_prometheus_asks() -> None:
    """The dashboard's agent looks at least as often as Prometheus comes for what it saw."""
    watching = yaml.safe_load(Path("cluster/prometheus.yml").read_text("utf-8"))
    seconds = int(watching["global"]["scrape_interval"].removesuffix("s"))
    assert int(INTERVALS["REPORTER_UPDATE_INTERVAL_MS"]) <= 1000 * seconds
