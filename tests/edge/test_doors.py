"""Who can reach what: the sockets of the running service, and what they say to strangers."""

from __future__ import annotations

import os
import socket
import stat
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import psutil
import pytest

from cluster.lifecycle_doors import Door, doors, outer_doors
from cluster.lifecycle_keeper import RAY_FOLDER
from cluster.loopback_ports import on_loopback

if TYPE_CHECKING:
    from conftest import Service

pytestmark = pytest.mark.service

KINDS = {
    "gcs_server",
    "raylet",
    "haproxy",
    "ServeController",
    "Upload",
    "Status",
    "Evaluator",
    "DashboardAgent",
}


def test_nothing_listens_beyond_loopback(service: Service) -> None:
    """No process of Ray, Serve, HAProxy or Valkey can be reached from another machine, not by a single port."""
    found = doors(service.settings)

    # Without them the walk would have missed what it is about.
    assert {door.process for door in found} >= KINDS
    assert any("valkey" in door.process for door in found)
    assert service.running.http_port in {door.port for door in found}
    assert [str(door) for door in found if door.is_outer] == []
    assert outer_doors(service.settings) == ()


@pytest.mark.parametrize(
    ("host", "outer"),
    [
        ("127.0.0.1", False),
        ("::1", False),
        ("::ffff:127.0.0.1", False),
        ("0.0.0.0", True),  # noqa: S104  an address to be told apart
        ("::", True),
        ("192.0.2.7", True),
        ("fe80::1%eth0", True),
    ],
)
def test_what_counts_as_beyond_loopback(host: str, *, outer: bool) -> None:
    """All interfaces are outside as well, and a mapped loopback address is inside."""
    assert Door("x", host, 1).is_outer is outer


def test_only_all_interfaces_are_moved() -> None:
    """An address that was chosen stays as it was chosen."""
    assert on_loopback("[::]:0") == "127.0.0.1:0"
    assert on_loopback("0.0.0.0:77") == "127.0.0.1:77"
    assert on_loopback("192.0.2.7:77") == "192.0.2.7:77"


def test_the_proxy_can_be_steered_by_its_owner_only(service: Service) -> None:
    """HAProxy's admin socket, its configuration and its folder are for the user that runs the service."""
    folder = Path(service.running.temp_dir) / "haproxy"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    (socket_file,) = folder.glob("*/admin.sock")
    assert stat.S_IMODE(socket_file.stat().st_mode) == 0o600


def test_ray_opens_only_what_lies_in_a_folder_of_our_own(service: Service) -> None:
    """Ray gives its folder to all users of the machine; what is executed lies beside it, where nobody else enters.

    Whoever could rename ``haproxy`` or ``unwanted`` would be the service's user at the next restart of the proxy.
    """
    private = Path(service.running.temp_dir)
    assert stat.S_IMODE(private.stat().st_mode) == 0o700
    opened = [path for path in private.iterdir() if path.stat().st_mode & 0o022]
    assert [path.name for path in opened] == [RAY_FOLDER]
    keeper = psutil.Process(service.running.keeper_pid)
    environment = keeper.environ()
    named = (environment["RAY_SERVE_HAPROXY_BINARY_PATH"], *environment["PYTHONPATH"].split(os.pathsep))
    ours = [Path(path) for path in named if Path(path).is_relative_to(private)]
    assert len(ours) == 2
    assert not any(path.is_relative_to(private / RAY_FOLDER) for path in ours)


def test_neither_ray_nor_the_proxy_tell_strangers_anything(service: Service) -> None:
    """Ray's dashboard wants its token; the proxy's own pages of routes and statistics are not there."""
    with httpx.Client(trust_env=False, timeout=30) as stranger:
        for path in ("/api/serve/applications/", "/api/jobs/", "/nodes?view=summary", "/api/cluster_status"):
            assert stranger.get(f"{service.running.dashboard_url}{path}").status_code in {401, 403}
        for path in ("/-/routes", "/-/healthz", "/stats", "/;csv"):
            answer = stranger.get(f"{service.url}{path}")
            assert answer.status_code == 404
            assert answer.json()["code"] == "not_found"
            assert "server" not in answer.headers


def test_ports_between_replicas_do_not_answer_without_the_token(service: Service) -> None:
    """A process of another user on this machine, which can reach loopback, gets no call through to a replica."""
    grpc = pytest.importorskip("grpc")
    keeper = psutil.Process(service.running.keeper_pid)
    asked = 0
    for process in keeper.children(recursive=True):
        if not process.name().startswith("ray::ServeRepl"):
            continue
        for connection in process.net_connections("tcp"):
            port = connection.laddr.port
            if connection.status != psutil.CONN_LISTEN or 30_000 <= port <= 31_000:
                continue
            with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
                call = channel.unary_unary("/ray.serve.ASGIService/HandleRequest")
                with pytest.raises(grpc.RpcError) as refused:
                    call(b"", timeout=20)
            assert refused.value.code() in {
                grpc.StatusCode.UNAUTHENTICATED,
                grpc.StatusCode.PERMISSION_DENIED,
                grpc.StatusCode.UNIMPLEMENTED,
            }
            asked += 1
    assert asked


def test_loopback_only_is_what_the_kernel_says_too(service: Service) -> None:
    """The HTTP port cannot be reached by the machine's outer address."""
    outer = {
        address.address
        for addresses in psutil.net_if_addrs().values()
        for address in addresses
        if address.family == socket.AF_INET and not address.address.startswith("127.")
    }
    if not outer:
        pytest.skip("this machine has no address but loopback")
    for host in outer:
        with pytest.raises(OSError, match="refused"):
            socket.create_connection((host, service.running.http_port), timeout=5)
