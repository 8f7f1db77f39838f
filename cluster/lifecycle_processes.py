"""Which processes are ours, and how they are ended: by identity or by what they hold open, never by name."""

from __future__ import annotations

import contextlib
import os
import random
import socket
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import psutil

if TYPE_CHECKING:
    from collections.abc import Iterable

QUIET_PORTS = range(20_000, 30_000)
"""Above the ports of Ray's workers, below those of Serve's replicas (30000) and the kernel's own (32768)."""
_RANDOM = random.SystemRandom()
SAME_START_SECONDS = 2.0
"""Start times in seconds since 1970 are computed from clock ticks and boot time, which are rounded."""
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_STAT_START_TICKS = 19
"""Where the start stands in ``/proc/PID/stat``, counted from behind the name, which may hold anything."""


class Identity(msgspec.Struct, frozen=True):
    """A process, told apart from a later one with the same number by when it started.

    On Linux in clock ticks of a boot: seconds since 1970 are computed from the time of the boot, which moves with
    every step of the wall clock, and a service must not disown its own processes then.
    """

    pid: int
    started: float
    """Seconds since 1970; decides only where there are no ticks, as on macOS and in notes of earlier builds."""
    ticks: int = 0
    """Clock ticks between the boot and the start."""
    boot: str = ""
    """Which boot; empty where the kernel does not say."""

    @classmethod
    def of(cls, pid: int) -> Identity:
        """The identity of a living process; raises ``psutil.NoSuchProcess``."""
        return cls(pid, psutil.Process(pid).create_time(), *_start_of(pid))

    def process(self) -> psutil.Process | None:
        """The process while it lives, None once it has ended (a zombie has ended)."""
        try:
            process = psutil.Process(self.pid)
            if self.ticks:
                same = (self.ticks, self.boot) == _start_of(self.pid)
            else:
                same = abs(process.create_time() - self.started) < SAME_START_SECONDS
            return process if same and process.status() != psutil.STATUS_ZOMBIE else None
        except psutil.Error:
            return None


def _start_of(pid: int) -> tuple[int, str]:
    """Ticks and boot of a process's start; 0 and nothing where the system does not tell, or it has ended."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_bytes()
    except OSError:
        return 0, ""
    ticks = int(stat.rpartition(b")")[2].split()[_STAT_START_TICKS])
    try:
        return ticks, _BOOT_ID.read_text("ascii").strip()
    except OSError:
        return ticks, ""


def descendants(process: psutil.Process) -> list[psutil.Process]:
    """All living processes below ``process``, deepest generations last."""
    with contextlib.suppress(psutil.NoSuchProcess):
        return process.children(recursive=True)
    return []


def attached_to(folder: Path) -> list[psutil.Process]:
    """Processes of this user that name ``folder`` on their command line or hold a file below it open.

    Ray's workers rename themselves, but each keeps its log in the session folder open.
    """
    inside = f"{folder}{os.sep}"
    return [
        process for process in psutil.process_iter() if _is_attached(process, folder=folder, inside=inside)
    ]


def _is_attached(process: psutil.Process, *, folder: Path, inside: str) -> bool:
    try:
        if process.pid == os.getpid() or process.uids().real != os.getuid():
            return False
        if any(inside in part or part.endswith(str(folder)) for part in process.cmdline()):
            return True
        return any(file.path.startswith(inside) for file in process.open_files())
    except (psutil.Error, OSError):
        return False


def end(processes: Iterable[psutil.Process], *, patience_seconds: float) -> None:
    """End processes: SIGTERM to all, SIGKILL to those that still live ``patience_seconds`` later."""
    asked = [process for process in processes if _signal(process, hard=False)]
    _, living = psutil.wait_procs(asked, timeout=patience_seconds)
    killed = [process for process in living if _signal(process, hard=True)]
    psutil.wait_procs(killed, timeout=patience_seconds)


def _signal(process: psutil.Process, *, hard: bool) -> bool:
    try:
        if process.status() == psutil.STATUS_ZOMBIE:
            return False
        if hard:
            process.kill()
        else:
            process.terminate()
    except psutil.Error:
        return False
    return True


def free_ports(count: int) -> list[int]:
    """Different TCP ports that nobody listens on at this moment, on any interface.

    From a range that neither the kernel nor Ray hands out by itself: a port that is chosen now and bound in ten
    seconds must not be the one that some worker gets meanwhile.
    """
    chosen: list[int] = []
    for port in _RANDOM.sample(QUIET_PORTS, len(QUIET_PORTS)):
        if len(chosen) == count:
            break
        if is_free(port, host=""):
            chosen.append(port)
    return chosen


def is_free(port: int, *, host: str) -> bool:
    """Whether ``port`` can be listened on at ``host``."""
    with socket.socket() as probe:
        # What a server that has just ended leaves behind does not hinder its successor.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True
