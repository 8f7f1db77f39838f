"""Starting and ending Ray on this node: loopback, token, ports and folder of its own."""

from __future__ import annotations

import contextlib
import itertools
import os
import secrets
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import psutil

from cluster.embedded_redis import write_secret
from cluster.lean_ray import lean_environment
from cluster.lifecycle_edge import prepare_edge
from cluster.lifecycle_keeper import (
    LOG_FILE,
    ORDERS_FILE,
    RAY_FOLDER,
    KeeperState,
    Orders,
    read_state,
    remove_folder,
)
from cluster.lifecycle_processes import attached_to, descendants, end, free_ports
from cluster.loopback_ports import SETUP_ENVIRONMENT

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cluster.settings import Settings

LOOPBACK = "127.0.0.1"
TOKEN_FILE = "ray-token"  # noqa: S105  the name of the file

OBJECT_STORE_BYTES = 100 * 2**20
"""Documents and results never pass through it; Ray's smallest sensible store is 75 MB."""
SOCKET_PATH_MAX = 107
"""Longest path of a Unix socket on Linux; macOS allows 103."""
SOCKET_BELOW_TEMP = 70
"""``/session_<date>_<time>_<pid>/sockets/plasma_store`` with some room."""

START_SECONDS = 180.0
END_SECONDS = 30.0
PATIENCE_SECONDS = 2.0
POLL_SECONDS = 0.05
WORKER_PORTS = (10_002, 19_999)
"""Ray's own choice for its workers. They take ports of it at random, so what is to be found must lie elsewhere."""


class RayPorts(msgspec.Struct, frozen=True):
    """Ports Ray listens on that somebody has to know. All on loopback, or protected by the token."""

    gcs: int
    dashboard: int
    metrics: int
    agent: int
    client: int
    fallback_proxy: int

    @classmethod
    def choose(cls, *, dashboard: int, metrics: int) -> RayPorts:
        """The given ports, and free ones for 0 and for the others."""
        free = free_ports(6)
        return cls(free[0], dashboard or free[1], metrics or free[2], *free[3:])


class RayStartError(RuntimeError):
    """Ray did not start; the message is the end of its own log."""


def ray_token(settings: Settings) -> str:
    """The secret of this service's Ray, made at first use; mode 0600."""
    path = settings.run_dir / TOKEN_FILE
    with contextlib.suppress(FileNotFoundError):
        return path.read_text("ascii").strip()
    token = secrets.token_hex(32)
    write_secret(path, token.encode())
    return token


def ray_environment(settings: Settings, *, ports: RayPorts) -> dict[str, str]:
    """The environment of everything that Ray starts, evaluators and HTTP applications included.

    The caller's own ``RAY_*`` and ``DECALOGO_*`` variables do not pass: what counts are the settings.
    """
    inherited = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("RAY_", "DECALOGO_")) and name not in {"REDIS_URL", "REDIS_PASSWORD"}
    }
    return {
        **inherited,
        **settings.to_environment(),
        "RAY_AUTH_MODE": "token",
        "RAY_AUTH_TOKEN_PATH": str(settings.run_dir / TOKEN_FILE),
        # Otherwise Ray replaces 127.0.0.1 by an outer address, and breaks when a laptop changes network.
        "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",
        "RAY_USAGE_STATS_ENABLED": "0",
        "RAY_DISABLE_IMPORT_WARNING": "1",
        # A worker that dies takes what it started along.
        "RAY_process_group_cleanup_enabled": "1",
        # One thread for each evaluator: BLAS threads of several evaluators fight over the cores.
        "OPENBLAS_NUM_THREADS": "1",
        "OMP_NUM_THREADS": "1",
        "MKL_NUM_THREADS": "1",
        "RAY_SERVE_FALLBACK_PROXY_HTTP_PORT": str(ports.fallback_proxy),
        **SETUP_ENVIRONMENT,
    }


def start_ray(settings: Settings, *, ports: RayPorts) -> KeeperState:
    """Start Ray below a keeper of its own; returns once the raylet is there.

    Raises:
        RayStartError: it did not start; nothing of it is left.
    """
    settings.run_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    ray_token(settings)
    temp_dir = private_folder()
    environment = {
        **ray_environment(settings, ports=ports),
        **lean_environment(settings, folder=temp_dir / "unwanted"),
        **prepare_edge(settings, folder=temp_dir / "haproxy"),
    }
    command = _start_command(ports, temp_dir=temp_dir, http_port=settings.http_port)
    orders = Orders(command, str(temp_dir))
    (settings.run_dir / ORDERS_FILE).write_bytes(msgspec.json.encode(orders))
    with (settings.run_dir / "keeper.log").open("ab") as log:
        keeper = subprocess.Popen(
            [sys.executable, "-m", "cluster.lifecycle_keeper", str(settings.run_dir)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env=environment,
            # Ctrl-C in the starting shell must not reach it.
            start_new_session=True,
        )
    state = _await_running(settings, keeper=keeper)
    # It outlives us; nobody here will wait for it.
    keeper.returncode = 0
    return state


def living_keeper(settings: Settings) -> KeeperState | None:
    """The keeper of this ``data_dir`` while it lives and Ray has started, else None."""
    state = read_state(settings.run_dir)
    return state if state and state.phase == "running" and state.identity.process() else None


def end_ray(settings: Settings) -> bool:
    """End the keeper and all that is below it; also what is left of a keeper that was killed.

    Returns:
        Whether anything was there to be ended.
    """
    state = read_state(settings.run_dir)
    if state is None:
        return False
    keeper = state.identity.process()
    if keeper is not None:
        keeper.terminate()
        with contextlib.suppress(psutil.TimeoutExpired):
            keeper.wait(END_SECONDS)
        if read_state(settings.run_dir) is None:
            # It has ended all of it and said so.
            (settings.run_dir / ORDERS_FILE).unlink(missing_ok=True)
            return True
    left = _leftovers(state)
    end(left, patience_seconds=PATIENCE_SECONDS)
    remove_folder(settings.run_dir, temp_dir=state.temp_dir)
    for name in ("keeper.json", ORDERS_FILE):
        (settings.run_dir / name).unlink(missing_ok=True)
    return keeper is not None or bool(left)


def _leftovers(state: KeeperState) -> list[psutil.Process]:
    found: dict[int, psutil.Process] = {}
    keeper = state.identity.process()
    roots = attached_to(Path(state.temp_dir)) + ([keeper] if keeper else [])
    for root in roots:
        found |= {process.pid: process for process in [root, *descendants(root)]}
    return list(found.values())


def worker_ports(taken: Iterable[int]) -> tuple[int, int]:
    """The longest part of ``WORKER_PORTS``, ends included, that holds none of ``taken``."""
    first, last = WORKER_PORTS
    edges = [first - 1, *sorted(port for port in taken if first <= port <= last), last + 1]
    gaps = [(low + 1, high - 1) for low, high in itertools.pairwise(edges)]
    return max(gaps, key=lambda gap: gap[1] - gap[0])


def _start_command(ports: RayPorts, *, temp_dir: Path, http_port: int) -> list[str]:
    # Some twenty actors are promised fractions of a core; slots decide how many documents run at once.
    cores = max(2, os.cpu_count() or 1)
    first, last = worker_ports([http_port, *msgspec.structs.astuple(ports)])
    return [
        sys.executable,
        "-m",
        "ray.scripts.scripts",
        "start",
        "--head",
        f"--node-ip-address={LOOPBACK}",
        f"--port={ports.gcs}",
        f"--num-cpus={cores}",
        f"--temp-dir={temp_dir / RAY_FOLDER}",
        f"--object-store-memory={OBJECT_STORE_BYTES}",
        "--include-dashboard=true",
        f"--dashboard-host={LOOPBACK}",
        f"--dashboard-port={ports.dashboard}",
        f"--dashboard-agent-listen-port={ports.agent}",
        f"--metrics-export-port={ports.metrics}",
        f"--min-worker-port={first}",
        f"--max-worker-port={last}",
        f"--ray-client-server-port={ports.client}",
        "--include-log-monitor=false",
        "--disable-usage-stats",
        # The autoscaler of clusters of machines; one node has nothing to scale.
        "--no-monitor",
    ]


def private_folder() -> Path:
    """A new folder of mode 0700 for one start: what is executed lies in it, and Ray's own folder below it.

    Ray gives its ``--temp-dir`` to every user of the machine: whoever may write where the proxy's program or a module
    of a worker lies is the service's user a moment later.

    Raises:
        RayStartError: no temporary folder has a path short enough for the sockets below it.
    """
    longest = SOCKET_PATH_MAX - SOCKET_BELOW_TEMP - len(f"/pdm-12345678/{RAY_FOLDER}")
    for parent in (tempfile.gettempdir(), "/tmp"):  # noqa: S108  mkdtemp makes it for this user alone
        if len(parent) <= longest and os.access(parent, os.W_OK):
            return Path(tempfile.mkdtemp(prefix="pdm-", dir=parent)).resolve()
    raise RayStartError("no temporary folder with a path short enough for Unix sockets")


def _await_running(settings: Settings, *, keeper: subprocess.Popen[bytes]) -> KeeperState:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and keeper.poll() is None:
        state = read_state(settings.run_dir)
        if state and state.identity.pid == keeper.pid and state.phase == "running":
            return state
        time.sleep(POLL_SECONDS)
    end_ray(settings)
    raise RayStartError(_log_tail(settings.run_dir / LOG_FILE))


def _log_tail(path: Path) -> str:
    with contextlib.suppress(FileNotFoundError):
        return " | ".join(path.read_text("utf-8", "replace").splitlines()[-5:])
    return "no log"
