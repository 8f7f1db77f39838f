"""Starting and ending: exactly what was started, whatever happened in between."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import msgspec
import psutil
import pytest
import yaml

from cluster import embedded_redis, lifecycle, metrics
from cluster.lifecycle import SERVICE_FILE, LifecycleError, RunningService
from cluster.lifecycle_keeper import LAST_LOGS, ORDERS_FILE, KeeperState, Orders, logs_of, read_state
from cluster.lifecycle_processes import Identity, attached_to, free_ports, is_free
from cluster.lifecycle_ray import (
    WORKER_PORTS,
    RayPorts,
    _start_command,
    end_ray,
    private_folder,
    worker_ports,
)
from cluster.lifecycle_serve import PACKAGED_CONFIG, effective_config
from cluster.settings import Settings
from serve_app.cli.doctor import findings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from conftest import Service

PATIENCE_SECONDS = 30.0
DIRECT_INGRESS_HTTP = 30_000
"""Where Serve's replicas begin to look for a port (``RAY_SERVE_DIRECT_INGRESS_MIN_HTTP_PORT``)."""

STARTER = """
import pathlib, subprocess, sys
folder = pathlib.Path(sys.argv[1])
for name in ("gcs_server", "raylet", "worker"):
    log = (folder / f"{name}.log").open("wb")
    subprocess.Popen([folder.parent / "bin" / name, "600"], stdout=log, start_new_session=True)
"""
"""Stands for ``ray start``: leaves detached processes behind that nobody waits for."""


def wait_until(condition: Callable[[], bool], *, what: str) -> None:
    """Wait for ``condition``."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.02)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """A data folder of this test."""
    return Settings.load(data_dir=tmp_path / "data", allow_anonymous=True)


@pytest.fixture
def kept(settings: Settings, tmp_path: Path) -> Iterator[KeeperState]:
    """A keeper with processes that only sleep below it."""
    (tmp_path / "bin").mkdir()
    for name in ("gcs_server", "raylet", "worker"):
        shutil.copy(shutil.which("sleep") or "/bin/sleep", tmp_path / "bin" / name)
    folder = tmp_path / "ray"
    folder.mkdir()
    settings.run_dir.mkdir(parents=True)
    orders = Orders([sys.executable, "-c", STARTER, str(folder)], str(folder))
    (settings.run_dir / ORDERS_FILE).write_bytes(msgspec.json.encode(orders))
    keeper = subprocess.Popen(
        [sys.executable, "-m", "cluster.lifecycle_keeper", str(settings.run_dir)], start_new_session=True
    )
    # Somebody has to bury it when it ends; the real one belongs to a shell that has gone.
    try:
        wait_until(lambda: _phase(settings) == "running", what="the keeper")
        state = read_state(settings.run_dir)
        assert state
        yield state
    finally:
        with contextlib.suppress(ProcessLookupError):
            keeper.kill()
        keeper.wait()
        for process in attached_to(folder):
            process.kill()


def _phase(settings: Settings) -> str:
    state = read_state(settings.run_dir)
    return state.phase if state else ""


def _sleepers(state: KeeperState) -> list[psutil.Process]:
    return attached_to(Path(state.temp_dir))


def test_the_keeper_ends_what_detached_itself(settings: Settings, kept: KeeperState) -> None:
    """Processes in sessions of their own, whose starter has gone, end with the keeper, as does its folder."""
    assert len(_sleepers(kept)) == 3
    assert end_ray(settings)
    assert not _sleepers(kept)
    assert not Path(kept.temp_dir).exists()
    assert not end_ray(settings)


def test_a_dead_raylet_ends_the_rest(settings: Settings, kept: KeeperState) -> None:
    """Half a Ray is none: when the raylet dies, the keeper ends everything and goes."""
    raylet = next(process for process in _sleepers(kept) if process.name() == "raylet")
    raylet.kill()
    wait_until(lambda: not _sleepers(kept), what="the end of the others")
    assert lifecycle.status(settings) is None


def test_a_killed_keeper_leaves_nothing_behind(settings: Settings, kept: KeeperState) -> None:
    """What a killed keeper can no longer end is found by the files it holds open."""
    os.kill(kept.identity.pid, signal.SIGKILL)
    wait_until(lambda: kept.identity.process() is None, what="the end of the keeper")
    assert len(_sleepers(kept)) == 3
    assert end_ray(settings)
    assert not _sleepers(kept)
    assert not Path(kept.temp_dir).exists()


@pytest.mark.parametrize("killed", [False, True], ids=["asked to leave", "killed"])
def test_the_last_logs_are_kept(settings: Settings, kept: KeeperState, *, killed: bool) -> None:
    """However a start ends, what its processes said is in ``run/last-logs`` afterwards, in place of older ones."""
    older = settings.run_dir / LAST_LOGS
    older.mkdir()
    (older / "older.err").write_text("before", "utf-8")
    session = logs_of(kept.temp_dir).parent.with_name("session_1")
    (session / "logs").mkdir(parents=True)
    (session / "logs" / "worker-1.err").write_text("the reason", "utf-8")
    session.with_name("session_latest").symlink_to(session)

    if killed:
        os.kill(kept.identity.pid, signal.SIGKILL)
        wait_until(lambda: kept.identity.process() is None, what="the end of the keeper")
    assert end_ray(settings)

    assert [path.name for path in older.iterdir()] == ["worker-1.err"]
    assert (older / "worker-1.err").read_text("utf-8") == "the reason"


def test_what_a_start_executes_is_no_part_of_rays_folder() -> None:
    """Ray's folder, which it opens to every user of the machine, lies below one that nobody else may enter."""
    folder = private_folder()
    try:
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        command = _start_command(RayPorts(*range(20_000, 20_006)), temp_dir=folder, http_port=8000)
        (given,) = (word for word in command if word.startswith("--temp-dir="))
        given_to_ray = Path(given.removeprefix("--temp-dir="))
        assert given_to_ray.parent == folder
        # A socket below it: /session_<date>_<time>_<pid>/sockets/plasma_store.
        assert len(str(given_to_ray)) + 70 <= 107
    finally:
        folder.rmdir()


def test_a_recycled_process_number_is_not_ours() -> None:
    """A process with our number but another start is somebody else's; so is one of another boot."""
    mine = Identity.of(os.getpid())
    assert mine.process()
    assert Identity(mine.pid, mine.started).process()
    assert Identity(mine.pid, mine.started - 60).process() is None
    if sys.platform == "linux":
        assert Identity(mine.pid, mine.started, mine.ticks + 1, mine.boot).process() is None
        assert Identity(mine.pid, mine.started, mine.ticks, "before").process() is None


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere start times do not move with the clock")
def test_a_step_of_the_clock_changes_nothing_about_what_is_ours(
    settings: Settings, kept: KeeperState, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The kernel's time of the boot moves with the wall clock: the keeper is known all the same, and can be ended."""
    real = psutil._pslinux.boot_time
    monkeypatch.setattr(psutil._pslinux, "boot_time", lambda: real() + 10)
    assert kept.identity.process()
    assert end_ray(settings)
    assert kept.identity.process() is None
    assert not _sleepers(kept)


def test_a_taken_port_is_named(settings: Settings) -> None:
    """When the HTTP port is taken, the operator learns which, and how to choose another."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(LifecycleError, match=f"{port}.*DECALOGO_HTTP_PORT"):
            lifecycle.up(settings.model_copy(update={"http_port": port}))
    assert not lifecycle.down(settings)


def test_chosen_ports_are_handed_out_by_nobody_else() -> None:
    """A port that is free now and bound in ten seconds is not one that a worker or the kernel may take meanwhile."""
    chosen = free_ports(200)
    assert len(set(chosen)) == 200
    first, last = WORKER_PORTS
    replicas = range(DIRECT_INGRESS_HTTP, 65_536)
    for port in chosen:
        assert not first <= port <= last
        assert port not in replicas
    local = Path("/proc/sys/net/ipv4/ip_local_port_range")
    if local.exists():
        lowest = int(local.read_text("ascii").split()[0])
        assert all(port < lowest for port in chosen) or lowest < first


def test_a_port_that_is_taken_is_not_chosen() -> None:
    """Whoever listens, on whichever address."""
    (port,) = free_ports(1)
    with socket.create_server(("127.0.0.1", port)):
        assert not is_free(port, host="")
    assert is_free(port, host="")


@pytest.mark.parametrize(
    ("taken", "left"),
    [
        ([8000, 25_000], WORKER_PORTS),
        ([10_002], (10_003, 19_999)),
        ([19_999], (10_002, 19_998)),
        ([12_000, 18_080], (12_001, 18_079)),
    ],
)
def test_workers_keep_away_from_ports_that_were_chosen(taken: list[int], left: tuple[int, int]) -> None:
    """An HTTP port among those of Ray's workers is not taken by one of them before HAProxy gets to it."""
    assert worker_ports(taken) == left


def test_the_written_configuration_is_that_of_the_defaults(settings: Settings) -> None:
    """``serve deploy ray_config.yaml`` and ``up`` with default settings deploy the same."""
    written = yaml.safe_load(PACKAGED_CONFIG.read_text("utf-8"))
    default = effective_config(settings.model_copy(update={"running_per_node": 3}))
    assert default == written


def test_settings_decide_the_size_of_the_pool(settings: Settings) -> None:
    """Ports and sizes of the settings stand in the effective configuration."""
    chosen = settings.model_copy(
        update={"http_port": 8123, "evaluators_min": 2, "evaluators_max": 4, "in_flight_per_evaluator": 7}
    )
    config = effective_config(chosen)
    (evaluator,) = [
        deployment
        for application in config["applications"]
        for deployment in application.get("deployments", [])
        if deployment["name"] == "Evaluator"
    ]
    scaling = evaluator["autoscaling_config"]
    assert config["http_options"] == {"host": "127.0.0.1", "port": 8123}
    assert (scaling["min_replicas"], scaling["max_replicas"]) == (2, 4)
    assert 2 <= scaling["initial_replicas"] <= 4
    assert evaluator["max_ongoing_requests"] == 7


def test_up_says_when_the_running_service_does_not_answer(
    settings: Settings, kept: KeeperState, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A keeper that lives is not all: without an answer over HTTP the operator is told how to restart."""
    (port,) = free_ports(1)
    service = RunningService(
        http_host="127.0.0.1",
        http_port=port,
        dashboard_port=0,
        metrics_port=0,
        ray_address="",
        temp_dir=kept.temp_dir,
        keeper_pid=kept.identity.pid,
        started_at=0.0,
    )
    (settings.run_dir / SERVICE_FILE).write_bytes(msgspec.json.encode(service))
    monkeypatch.setattr(lifecycle, "ANSWER_SECONDS", 0.0)
    try:
        assert lifecycle.status(settings)
        with pytest.raises(LifecycleError, match=f"{port} no responde.*decalogo down"):
            lifecycle.up(settings)
    finally:
        embedded_redis.stop(settings)


def test_what_counts_are_the_settings_the_service_was_started_with(
    settings: Settings, tmp_path: Path
) -> None:
    """Read from another environment, with this shell's own variables left out."""
    started = settings.model_copy(
        update={"evaluators_max": 3, "redis_url": "redis://127.0.0.1:9/1", "allow_anonymous": True}
    )
    environment = started.model_copy().to_environment() | {
        "DECALOGO_EVALUATORS_MAX": "3",
        "DECALOGO_REDIS_URL": "redis://127.0.0.1:9/1",
        "PATH": "/bin",
    }
    with pytest.MonkeyPatch.context() as shell:
        shell.setenv("DECALOGO_EVALUATORS_MAX", "7")
        shell.setenv("DECALOGO_MIN_FREE_DISK_BYTES", "99999999999")
        shell.setenv("REDIS_URL", "redis://elsewhere/0")
        found = Settings.of_environment(environment)
    assert found.data_dir == tmp_path / "data"
    assert (found.evaluators_max, found.redis_url, found.allow_anonymous) == (
        3,
        "redis://127.0.0.1:9/1",
        True,
    )
    assert found.min_free_disk_bytes == Settings.model_fields["min_free_disk_bytes"].default


@pytest.mark.service
def test_doctor_judges_the_service_and_not_the_shell(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a shell has otherwise is named, and what it lacks is not held against the service."""
    monkeypatch.setenv("REDIS_URL", "redis://127.0.0.1:9/0")
    # Any free port: which one the service has got is no difference.
    shell = Settings.load(data_dir=service.settings.data_dir, http_port=0, min_free_disk_bytes=2**60)
    assert not shell.allow_anonymous

    found = {finding.topic: finding for finding in findings(shell)}

    assert found["Ajustes"].state == "aviso"
    for name in ("DECALOGO_ALLOW_ANONYMOUS", "DECALOGO_MIN_FREE_DISK_BYTES", "DECALOGO_REDIS_URL"):
        assert name in found["Ajustes"].sentence
    assert "DECALOGO_HTTP_PORT" not in found["Ajustes"].sentence
    for topic in ("Servicio", "Llaves", "Redis", "Registro", "Disco"):
        assert found[topic].state == "bien", found[topic]


@pytest.mark.service
def test_up_starts_a_valkey_that_has_died(service: Service) -> None:
    """The runbook's first advice: `up` on a running service brings its registry back, with what it knew."""
    before = embedded_redis.running(service.settings)
    assert before
    with httpx.Client(base_url=service.url, trust_env=False, timeout=30) as http:
        assert http.get("/readyz").is_success
        psutil.Process(before.pid).kill()
        wait_until(lambda: http.get("/readyz").status_code == 503, what="a registry that is away")

        again = lifecycle.up(service.settings)

        assert again.already_running
        assert again.keeper_pid == service.running.keeper_pid
        wait_until(lambda: http.get("/readyz").is_success, what="the registry")
    after = embedded_redis.running(service.settings)
    assert after
    assert after.pid != before.pid


@pytest.mark.service
def test_up_twice_is_harmless(service: Service) -> None:
    """A second ``up`` finds the running service and starts nothing."""
    again = lifecycle.up(service.settings)
    assert again.already_running
    assert again.keeper_pid == service.running.keeper_pid


@pytest.mark.service
def test_the_dashboard_asks_for_the_token(service: Service) -> None:
    """Without the token of this service, Ray's dashboard tells nothing and deploys nothing."""
    answer = httpx.get(f"{service.running.dashboard_url}/api/serve/applications/", trust_env=False)
    assert answer.status_code in {401, 403}


@pytest.mark.service
def test_instruments_arrive_under_their_names(service: Service) -> None:
    """The gauges of the dispatcher and the evaluators stand on Ray's metrics page with its prefix."""
    page = f"http://127.0.0.1:{service.running.metrics_port}/metrics"
    wanted = [metrics.QUEUE_DEPTH, metrics.THROUGHPUT, metrics.WORKER_UTILIZATION, metrics.ENGINE_LOADS]

    def there() -> bool:
        with contextlib.suppress(httpx.HTTPError):
            text = httpx.get(page, trust_env=False, timeout=10).text
            return all(f"\nray_{family.name}{{" in text for family in wanted)
        return False

    wait_until(there, what="the metrics page")
