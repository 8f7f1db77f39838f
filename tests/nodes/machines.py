"""Several Ray nodes on this machine: the head as ``decalogo up`` starts it, and raylets that join it on loopback.

Each node has a data folder of its own, so that nothing passes between them but Redis and S3, as between machines.
"""

from __future__ import annotations

import contextlib
import json
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import httpx
import psutil
import pytest

from cluster import embedded_redis, lifecycle
from cluster.embedded_redis import write_secret
from cluster.lifecycle_edge import prepare_edge
from cluster.lifecycle_processes import descendants, end, free_ports
from cluster.lifecycle_ray import LOOPBACK, TOKEN_FILE, RayPorts, ray_environment, ray_token
from cluster.lifecycle_serve import ServeClient, effective_config
from cluster.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from cluster.lifecycle import RunningService

ONE_NODE = Path(__file__).with_name("one_node.py")
PATIENCE_SECONDS = 180.0
CORES_PER_NODE = 2
WORKER_PORTS_FROM = 12_000
WORKER_PORTS_PER_NODE = 1_500


def until(condition: Callable[[], object], what: str) -> None:
    """Wait for ``condition``."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        if condition():
            return
        time.sleep(0.1)
    pytest.fail(f"waited {PATIENCE_SECONDS:.0f} s for: {what}")


@dataclass
class Node:
    """A raylet that joined, and everything below it."""

    settings: Settings
    process: subprocess.Popen[bytes]
    log: Path
    metrics_port: int
    _seen: dict[int, psutil.Process] = field(default_factory=dict)

    def processes(self) -> dict[int, psutil.Process]:
        """Every process of the node so far, by process id; those that have ended stay in the list."""
        with contextlib.suppress(psutil.NoSuchProcess):
            for one in descendants(psutil.Process(self.process.pid)):
                self._seen.setdefault(one.pid, one)
        return self._seen

    def holds(self, pid: int) -> bool:
        """Whether a process runs on this node."""
        return pid in self.processes()

    def exports_metrics(self) -> bool:
        """Whether its page of metrics answers: the last part of a node to be there."""
        try:
            return httpx.get(f"http://{LOOPBACK}:{self.metrics_port}/metrics", trust_env=False).is_success
        except httpx.HTTPError:
            return False

    def kill(self) -> None:
        """What happens to the processes of a machine that loses its power."""
        doomed = list(self.processes().values())
        for one in doomed:
            # A process that ended meanwhile may have given its number to another: psutil compares start times.
            with contextlib.suppress(psutil.Error):
                one.send_signal(signal.SIGKILL)
        self.process.kill()
        self.process.wait()
        psutil.wait_procs(doomed, timeout=10)


class Machines:
    """A head, its Redis elsewhere, and nodes that come and go. Use it as a context manager."""

    def __init__(self, **chosen: Any) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="pdm-nodes-"))
        self._registry = Settings.load(data_dir=self.folder / "registry")
        self._chosen = chosen
        self.nodes: list[Node] = []
        self.running: RunningService

    def __enter__(self) -> Self:
        address = embedded_redis.start(self._registry)
        self.settings = Settings.load(
            **{
                "data_dir": self.folder / "head",
                "redis_url": address.url,
                "redis_password": address.password,
                "http_port": 0,
                "dashboard_port": 0,
                "lease_seconds": 6,
                "lease_renewal_seconds": 1.5,
                "retry_base_seconds": 0.2,
                "retry_cap_seconds": 1,
                "min_free_memory_bytes": 0,
                "min_free_disk_bytes": 0,
                "storage_floor_bytes": 0,
                "allow_anonymous": True,
                **self._chosen,
            }
        )
        try:
            self.running = lifecycle.up(self.settings)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        for node in self.nodes:
            end(list(node.processes().values()), patience_seconds=2)
            node.kill()
        lifecycle.down(self.settings)
        embedded_redis.stop(self._registry)
        shutil.rmtree(self.folder, ignore_errors=True)

    def join(self) -> Node:
        """Another node, with the same settings but a folder and ports of its own."""
        number = len(self.nodes) + 1
        settings = self.settings.model_copy(
            update={"data_dir": self.folder / f"node-{number}", "http_port": free_ports(1)[0]}
        )
        settings.run_dir.mkdir(parents=True, mode=0o700)
        write_secret(settings.run_dir / TOKEN_FILE, ray_token(self.settings).encode())
        ports = RayPorts.choose(dashboard=0, metrics=0)
        log = settings.data_dir / "ray-start.log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                self._command(number, ports=ports),
                env=ray_environment(settings, ports=ports)
                | prepare_edge(settings, folder=settings.data_dir / "haproxy"),
                cwd=settings.data_dir,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        node = Node(settings, process, log, ports.metrics)
        self.nodes.append(node)
        # One after the other: two that join in the same moment take each other's files of the session.
        until(node.exports_metrics, "the metrics of a node that joins")
        return node

    def _command(self, number: int, *, ports: RayPorts) -> list[str]:
        first = WORKER_PORTS_FROM + number * WORKER_PORTS_PER_NODE
        parameters = {
            "gcs_address": self.running.ray_address,
            "node_ip_address": LOOPBACK,
            "include_log_monitor": False,
            "num_cpus": CORES_PER_NODE,
            "object_store_memory": 100 * 2**20,
            "dashboard_agent_listen_port": ports.agent,
            "metrics_export_port": ports.metrics,
            "min_worker_port": first,
            "max_worker_port": first + WORKER_PORTS_PER_NODE - 1,
        }
        return [sys.executable, str(ONE_NODE), json.dumps(parameters)]

    def evaluators(self) -> Mapping[str, int]:
        """Process ids of the evaluators by replica, as Serve tells them."""
        return {
            one.replica_id: one.pid
            for one in lifecycle.replicas(self.settings)
            if one.deployment == "Evaluator"
        }

    def grow(self, *, evaluators: int) -> None:
        """Tell Serve to keep so many evaluators."""
        config = effective_config(self.settings)
        for application in config["applications"]:
            for deployment in application.get("deployments", []):
                if deployment["name"] == "Evaluator":
                    deployment["autoscaling_config"] |= {
                        "min_replicas": evaluators,
                        "initial_replicas": evaluators,
                    }
        client = ServeClient(dashboard_port=self.running.dashboard_port, token=ray_token(self.settings))
        with contextlib.closing(client):
            client.deploy(config)
        until(lambda: len(self.evaluators()) >= evaluators, f"{evaluators} evaluators")
