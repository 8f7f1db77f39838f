"""Deploying the applications of ``ray_config.yaml`` on a running Ray, over its REST interface."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import yaml  # type: ignore[import-untyped]

from cluster.lifecycle_ray import LOOPBACK

if TYPE_CHECKING:
    from collections.abc import Callable

    from cluster.settings import Settings

CONFIG_FILE = "ray_config.yaml"
PACKAGED_CONFIG = Path(__file__).resolve().parent.parent / CONFIG_FILE

READY_SECONDS = 180.0
POLL_SECONDS = 0.2
REQUEST_SECONDS = 60.0
"""The first request makes Ray start Serve's controller."""


class DeployError(RuntimeError):
    """The applications did not come up; the message is Serve's own."""


@dataclass(frozen=True, slots=True)
class Replica:
    """A process of a deployment."""

    application: str
    deployment: str
    replica_id: str
    pid: int


@dataclass(frozen=True, slots=True)
class Applications:
    """What Serve says: the state of every application, and the running replicas."""

    states: dict[str, str]
    messages: dict[str, str]
    replicas: tuple[Replica, ...]

    @property
    def ready(self) -> int:
        """How many applications run."""
        return sum(state == "RUNNING" for state in self.states.values())


def effective_config(settings: Settings) -> dict[str, Any]:
    """``ray_config.yaml`` with what the settings decide: address, port, sizes and times of the pool."""
    config: dict[str, Any] = yaml.safe_load(PACKAGED_CONFIG.read_text("utf-8"))
    # Ray and its replicas stay on loopback; the proxy in front listens where the settings say.
    config["http_options"] |= {"host": LOOPBACK, "port": settings.http_port}
    for application in config["applications"]:
        for deployment in application.get("deployments", []):
            if deployment["name"] == "Evaluator":
                _apply_pool(deployment, settings=settings)
    return config


def _apply_pool(deployment: dict[str, Any], *, settings: Settings) -> None:
    deployment["max_ongoing_requests"] = settings.in_flight_per_evaluator
    deployment["graceful_shutdown_timeout_s"] = settings.hard_limit_seconds + settings.lease_seconds
    least, most = settings.evaluators_min, settings.evaluators_max
    deployment["autoscaling_config"]["policy"]["policy_kwargs"]["at_once"] = settings.running_per_node
    deployment["autoscaling_config"] |= {
        "min_replicas": least,
        "initial_replicas": max(least, min(most, settings.running_per_node)),
        "max_replicas": most,
    }


def write_config(settings: Settings) -> Path:
    """Write the effective configuration into ``run_dir``, as ``serve deploy`` takes it."""
    path = settings.run_dir / CONFIG_FILE
    path.write_text(yaml.safe_dump(effective_config(settings), sort_keys=False, allow_unicode=True), "utf-8")
    return path


class ServeClient:
    """Serve's REST interface on the dashboard of one Ray, with its token."""

    def __init__(self, *, dashboard_port: int, token: str) -> None:
        self._http = httpx.Client(
            base_url=f"http://{LOOPBACK}:{dashboard_port}",
            headers={"Authorization": f"Bearer {token}"},
            timeout=REQUEST_SECONDS,
            # A proxy of the environment has no business on loopback.
            trust_env=False,
        )

    def deploy(self, config: dict[str, Any]) -> None:
        """Make the applications what ``config`` says; returns before they run.

        Raises:
            DeployError: Serve refuses the configuration or cannot be reached.
        """
        try:
            answer = self._http.put("/api/serve/applications/", json=config)
        except httpx.HTTPError as error:
            raise DeployError(f"Serve cannot be reached: {type(error).__name__}") from error
        if answer.is_error:
            raise DeployError(answer.text[-2000:])

    def applications(self) -> Applications:
        """What runs now.

        Raises:
            DeployError: Serve cannot be reached.
        """
        try:
            answer = self._http.get("/api/serve/applications/").raise_for_status().json()
        except httpx.HTTPError as error:
            raise DeployError(f"Serve cannot be reached: {type(error).__name__}") from error
        found = answer["applications"]
        return Applications(
            states={name: details["status"] for name, details in found.items()},
            messages={name: details["message"] for name, details in found.items()},
            replicas=tuple(
                Replica(name, deployment, replica["replica_id"], replica["pid"])
                for name, details in found.items()
                for deployment, parts in details["deployments"].items()
                for replica in parts["replicas"]
                if replica["state"] == "RUNNING" and replica["pid"]
            ),
        )

    def await_running(self, names: list[str], *, tell: Callable[[int, int], None]) -> None:
        """Wait until all of ``names`` run, saying how many do.

        Raises:
            DeployError: one failed to start, or time is up.
        """
        deadline = time.monotonic() + READY_SECONDS
        while time.monotonic() < deadline:
            found = self.applications()
            failed = [name for name, state in found.states.items() if state == "DEPLOY_FAILED"]
            if failed:
                raise DeployError(f"{failed[0]}: {found.messages[failed[0]][-2000:]}")
            tell(found.ready, len(names))
            if found.ready == len(names):
                return
            time.sleep(POLL_SECONDS)
        raise DeployError(f"not all applications run after {READY_SECONDS:.0f} s: {found.states}")

    def close(self) -> None:
        """Close the connections."""
        self._http.close()


def await_routes(settings: Settings, *, prefixes: list[str]) -> None:
    """Wait until the HTTP proxy has a server behind every route prefix.

    Raises:
        DeployError: it does not in time.
    """
    deadline = time.monotonic() + READY_SECONDS
    missing = prefixes
    with httpx.Client(base_url=f"http://{settings.http_host}:{settings.http_port}", trust_env=False) as http:
        while time.monotonic() < deadline:
            missing = [prefix for prefix in missing if not _answers(http, prefix)]
            if not missing:
                return
            time.sleep(POLL_SECONDS)
    raise DeployError(f"no answer from {', '.join(missing)}")


def _answers(http: httpx.Client, prefix: str) -> bool:
    try:
        answer = http.get(prefix)
    except httpx.HTTPError:
        return False
    # The proxy itself says 503 where it has no server; an application may, but not 404 or 405.
    return answer.status_code < httpx.codes.INTERNAL_SERVER_ERROR
