"""A real Prometheus watches the running service: every query of every dashboard and alert finds what it asks for."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from cluster.lifecycle_processes import free_ports
from cluster.lifecycle_watching import NODES_LINK
from dashboards.build import BOARDS, HERE
from serve_app.client import BatchClient

if TYPE_CHECKING:
    from collections.abc import Iterator

    from conftest import Service

pytestmark = [pytest.mark.service, pytest.mark.external]

ROOT = Path(__file__).resolve().parents[2]
METADATA = {"municipality": "Prueba", "department": "Caquetá", "year": 2024, "period": "2024-2027"}
PATIENCE_SECONDS = 90.0
SCRAPE_SECONDS = 1
MAY_BE_EMPTY = {
    "document_retries_total": "nothing had to be tried again",
}
"""Counters of a process, by code, that appear with their first event."""


GROWING = (
    "batch_document_processing_latency_seconds_count",
    "document_queue_wait_seconds_count",
    "upload_bytes_total",
    "evaluator_cpu_seconds_total",
    "pages_processed_total",
)


@pytest.fixture(scope="module")
def prometheus(service: Service, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a Prometheus with our configuration, pointed at the service of the tests."""
    program = shutil.which("prometheus")
    if program is None and not os.environ.get("CI"):
        pytest.skip("prometheus is not installed (Debian: prometheus)")
    assert program, "prometheus is not installed (Debian: prometheus)"
    folder = tmp_path_factory.mktemp("prometheus")
    config = yaml.safe_load((ROOT / "cluster" / "prometheus.yml").read_text("utf-8"))
    config["global"]["scrape_interval"] = config["global"]["evaluation_interval"] = f"{SCRAPE_SECONDS}s"
    config["rule_files"] = [str(ROOT / "alert_rules" / "*.rules.yml")]
    for job in config["scrape_configs"]:
        if job["job_name"] == "decalogo":
            job["static_configs"] = [{"targets": [service.url.removeprefix("http://")]}]
        else:
            job["file_sd_configs"][0]["files"] = [str(service.settings.data_dir / NODES_LINK)]
    (folder / "prometheus.yml").write_text(yaml.safe_dump(config), "utf-8")
    with _running(program, folder=folder) as url:
        yield url


@contextmanager
def _running(program: str, *, folder: Path) -> Iterator[str]:
    (port,) = free_ports(1)
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [
                program,
                f"--config.file={folder / 'prometheus.yml'}",
                f"--storage.tsdb.path={folder / 'data'}",
                f"--web.listen-address=127.0.0.1:{port}",
            ],
            stdout=log,
            stderr=log,
        )
    url = f"http://127.0.0.1:{port}"
    try:
        _until(lambda: _ready(url), "Prometheus does not start")
        yield url
    finally:
        process.terminate()
        process.wait(timeout=30)


def _ready(url: str) -> bool:
    try:
        return httpx.get(f"{url}/-/ready", trust_env=False).is_success
    except httpx.TransportError:
        return False


def _until(condition: Any, what: str) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.2)


def _ask(url: str, expr: str) -> list[Any]:
    answer = httpx.get(f"{url}/api/v1/query", params={"query": expr}, trust_env=False, timeout=30)
    assert answer.is_success, f"{expr}: {answer.text}"
    result: list[Any] = answer.json()["data"]["result"]
    return result


@pytest.fixture(scope="module")
def watched(prometheus: str, service: Service, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The same Prometheus, after it has watched two batches, one of them with a document that fails."""
    _until(lambda: len(_ask(prometheus, "up == 1")) >= 2, "not all targets are scraped")
    broken = tmp_path_factory.mktemp("broken") / "broken.pdf"
    broken.write_bytes(b"%PDF-1.7\nnothing more")
    samples = sorted((ROOT / "examples").glob("*.pdf"))
    refused = httpx.post(f"{service.url}/upload", data=METADATA, trust_env=False)
    assert refused.status_code == 415
    with BatchClient(service.url) as client:
        # Ray exports some seconds late, and a rate needs a counter that was there before it grew.
        for paths, seen in (
            ([*samples, broken], "{name}"),
            ([samples[0]], "rate({name}[5m]) > 0"),
        ):
            list(
                client.watch(client.send(_copies(paths, tmp_path_factory.mktemp("sent")), metadata=METADATA))
            )
            for name in GROWING:
                expr = seen.format(name=name)
                _until(lambda expr=expr: _ask(prometheus, expr), f"nothing for {expr}")

        def work_is_seen() -> bool:
            # Ray exports every few seconds: a batch may be over before that there was work is known.
            sent = client.send(_copies(samples, tmp_path_factory.mktemp("more")), metadata=METADATA)
            list(client.watch(sent))
            return bool(_ask(prometheus, "count_over_time((work_present == 1)[10m:1s])"))

        _until(work_is_seen, "no work is seen")
    return prometheus


def _copies(paths: list[Path], folder: Path) -> list[Path]:
    """The same files under other hashes, so that the cache knows none of them."""
    for path in paths:
        (folder / path.name).write_bytes(path.read_bytes() + f"\n%% {folder}\n".encode())
    return [folder / path.name for path in paths]


def test_both_pages_are_scraped(watched: str) -> None:
    """The service's own page, and Ray's exporter as its list of nodes says."""
    assert {found["metric"]["job"] for found in _ask(watched, "up == 1")} == {"decalogo", "ray"}
    assert _ask(watched, "ray_worker_utilization")
    assert _ask(watched, "worker_utilization")


def test_every_panel_of_every_dashboard_has_data(watched: str) -> None:
    """Queries that find nothing are about events that have not happened, and say so here."""
    empty = {}
    for board in BOARDS:
        for panel in json.loads((HERE / f"{board.uid}.json").read_text("utf-8"))["panels"]:
            for target in panel.get("targets", ()):
                expr = target["expr"].replace("$price", "0.04")
                # Some show something only while there is work.
                if not _ask(watched, f"count_over_time(({expr})[10m:1s])") and not any(
                    name in expr for name in MAY_BE_EMPTY
                ):
                    empty[f"{board.uid}: {panel['title']}"] = expr
    assert not empty


def test_every_alert_can_be_evaluated(watched: str) -> None:
    """Prometheus has loaded all rules, none has failed, and what they watch is there."""
    groups = httpx.get(f"{watched}/api/v1/rules", trust_env=False).json()["data"]["groups"]
    rules = [rule for group in groups for rule in group["rules"]]
    assert len(rules) >= 16
    assert {rule["health"] for rule in rules} == {"ok"}
    names = {
        name
        for rule in rules
        for name in re.findall(r"\b[a-z]+(?:_[a-z0-9]+)+\b", re.sub(r"\{[^}]*\}", "", rule["query"]))
    } - {"histogram_quantile"}
    missing = {name for name in names if not _ask(watched, name)}
    assert missing <= set(MAY_BE_EMPTY)


def test_the_page_is_well_formed(watched: str, service: Service) -> None:
    """Prometheus's own check has nothing to say against it, and it is there within a second."""
    assert watched
    began = time.perf_counter()
    page = httpx.get(f"{service.url}/metrics", trust_env=False).text
    sys.stderr.write(f"/metrics: {time.perf_counter() - began:.2f} s, {len(page)} bytes\n")
    names = [family.name for family in text_string_to_metric_families(page)]
    assert len(names) == len(set(names))
    promtool = shutil.which("promtool")
    assert promtool
    checked = subprocess.run(
        [promtool, "check", "metrics"], input=page, capture_output=True, text=True, check=False
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr
