"""The whole service, real, once for all tests that ask for it; and the project's sample plans."""

from __future__ import annotations

import logging
import shutil
import tempfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from moto.server import ThreadedMotoServer
from xdist.scheduler import LoadScopeScheduling

from benchmarks.own_service import ended_with_this_process
from cluster import lifecycle
from cluster.lifecycle_processes import free_ports
from cluster.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from xdist.remote import Producer

    from cluster.lifecycle import RunningService

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"


class OneService(LoadScopeScheduling):
    """Gives whole files to workers, so that there are never more than two services at once.

    Files that share the running service go to one worker, where it starts once; those that harm one or start one of
    their own go to another. Where nearly all harm one (``-m faults``), those that start one of their own leave it.

    The plugin's own groups are lost with this version of pytest: it changes names of tests that no longer change.
    """

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        group = _service_of(file)
        if self.config.option.markexpr == "faults" or group == "the service":
            return group or file
        return "other services" if group else file


@cache
def _service_of(file: str) -> str:
    text = (EXAMPLES.parent / file).read_text("utf-8")
    if "victim: FaultService" in text:
        return "the victim"
    if "own_service(" in text:
        return "services of their own"
    shares = "service: Service" in text and not file.startswith("tests/faults/")
    return "the service" if shares or file.startswith("tests/edge/") else ""


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> OneService:
    """Called with several workers only."""
    return OneService(config, log)


@dataclass(frozen=True)
class Service:
    """A running service of the tests: Ray, Valkey and all applications, on free ports of loopback."""

    settings: Settings
    running: RunningService

    @property
    def url(self) -> str:
        """Where HTTP answers."""
        return self.running.url


@pytest.fixture(scope="session")
def service() -> Iterator[Service]:
    """Start the service with short leases and a pool of up to 3; end exactly what was started."""
    # pytest's own folders have long paths, and are kept after the run.
    data_dir = Path(tempfile.mkdtemp(prefix="pdm-test-"))
    settings = Settings.load(
        data_dir=data_dir,
        http_port=0,
        dashboard_port=0,
        evaluators_min=1,
        evaluators_max=3,
        running_per_node=2,
        lease_seconds=3,
        lease_renewal_seconds=0.8,
        retry_base_seconds=0.2,
        retry_cap_seconds=1,
        min_free_memory_bytes=0,
        min_free_disk_bytes=0,
        storage_floor_bytes=0,
        header_seconds=4,
        body_silence_seconds=5,
        answer_silence_seconds=8,
        allow_anonymous=True,
    )
    with ended_with_this_process(data_dir):
        try:
            yield Service(settings, lifecycle.up(settings))
        finally:
            lifecycle.down(settings)
            shutil.rmtree(data_dir, ignore_errors=True)


@pytest.fixture(scope="session")
def s3() -> Iterator[str]:
    """The address of an S3 on a free port of loopback, which the environment names as the one to use."""
    # It tells of each request.
    logging.getLogger("werkzeug").setLevel(logging.WARNING)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=free_ports(1)[0], verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("AWS_ENDPOINT_URL", f"http://{host}:{port}")
        environment.setenv("AWS_ACCESS_KEY_ID", "tests")
        environment.setenv("AWS_SECRET_ACCESS_KEY", "tests")
        environment.setenv("AWS_DEFAULT_REGION", "us-east-1")
        yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture(scope="session")
def sample_plans() -> tuple[bytes, ...]:
    """The fictional plans of ``examples/``, each a few pages long."""
    plans = tuple(path.read_bytes() for path in sorted(EXAMPLES.glob("*.pdf")))
    assert plans
    return plans
