"""Run in every worker of Ray on a single node: what would listen on all interfaces listens on loopback.

Each Serve replica opens a port for calls between deployments with ``[::]`` as its address, which no option changes,
and unpickles what it is sent there. On one node nobody else has business with it. ``up`` names ``bind_to_loopback``
as the set-up of its workers; a cluster of several machines, deployed otherwise, is not touched.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

LOOPBACK = "127.0.0.1"
EVERYWHERE = ("[::]:", "0.0.0.0:")
SETUP_ENVIRONMENT = {"__RAY_WORKER_PROCESS_SETUP_HOOK_ENV_VAR": "cluster.loopback_ports.bind_to_loopback"}
"""What ``worker_process_setup_hook`` of a job becomes; Serve's controller is started by a job that is not ours."""


def on_loopback(address: str) -> str:
    """The same port of loopback when ``address`` means all interfaces, else ``address``."""
    for prefix in EVERYWHERE:
        if address.startswith(prefix):
            return f"{LOOPBACK}:{address.removeprefix(prefix)}"
    return address


def bind_to_loopback() -> None:
    """Replace the function with which Ray's Python code opens gRPC ports."""
    from ray._common import tls_utils  # noqa: PLC0415  in a worker only

    original: Callable[[Any, str], Any] = tls_utils.add_port_to_grpc_server

    def add_port(server: Any, address: str) -> Any:
        return original(server, on_loopback(address))

    tls_utils.add_port_to_grpc_server = add_port
