"""Where the running service listens: every TCP socket and every UDP socket of its processes."""

from __future__ import annotations

import contextlib
import ipaddress
import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING

import psutil

from cluster import embedded_redis
from cluster.lifecycle_processes import descendants
from cluster.lifecycle_ray import living_keeper

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cluster.settings import Settings


@dataclass(frozen=True, slots=True, order=True)
class Door:
    """An address at which a process of the service takes what others send."""

    process: str
    host: str
    port: int

    @property
    def is_outer(self) -> bool:
        """Whether somebody on another machine could reach it."""
        address = ipaddress.ip_address(self.host.partition("%")[0])
        mapped = getattr(address, "ipv4_mapped", None)
        return not (mapped or address).is_loopback

    def __str__(self) -> str:
        return f"{self.process} {self.host}:{self.port}"


def doors(settings: Settings) -> tuple[Door, ...]:
    """All of them, sorted; empty when the service of this ``data_dir`` does not run."""
    return tuple(sorted({door for process in _processes(settings) for door in _doors_of(process)}))


def outer_doors(settings: Settings) -> tuple[Door, ...]:
    """Those that are open beyond loopback. On one node there is none but the HTTP address, if it was chosen so."""
    return tuple(door for door in doors(settings) if door.is_outer)


def _processes(settings: Settings) -> Iterator[psutil.Process]:
    keeper = living_keeper(settings)
    process = keeper.identity.process() if keeper else None
    if process:
        yield process
        yield from descendants(process)
    address = embedded_redis.running(settings)
    if address:
        with contextlib.suppress(psutil.NoSuchProcess):
            yield psutil.Process(address.pid)


def _doors_of(process: psutil.Process) -> Iterator[Door]:
    with contextlib.suppress(psutil.Error):
        # Ray adds the method at work to the name of an actor.
        name = process.name().split(":")[-1].partition(".")[0]
        for connection in process.net_connections("inet"):
            if connection.status == psutil.CONN_LISTEN or (
                connection.type == socket.SOCK_DGRAM and connection.laddr and not connection.raddr
            ):
                yield Door(name, connection.laddr.ip, connection.laddr.port)
