"""The one process that all of Ray descends from: ``python -m cluster.lifecycle_keeper RUN_DIR``.

It starts Ray as ``run/keeper-orders.json`` says, adopts every process that Ray detaches (Linux: child
subreaper) and ends them all when it gets SIGTERM, when the GCS or the raylet has died, or when Ray does not
start. So "what was started" is always "what is below the keeper", and nothing needs to be found by name.
Its own state stands in ``run/keeper.json``. It imports neither Ray nor anything of the service.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import FrameType  # noqa: TC003  the handler's signature is read at run time
from typing import Literal

import msgspec
import psutil

from cluster.lifecycle_processes import Identity, attached_to, descendants, end

ORDERS_FILE = "keeper-orders.json"
STATE_FILE = "keeper.json"
LOG_FILE = "ray-start.log"
LAST_LOGS = "last-logs"
RAY_FOLDER = "r"
"""Ray's own folder inside the private one, of one letter because paths of sockets are short. Ray opens it to every
user of the machine (mode 0777), so nothing of ours lies in it, and it is reached through the private one only."""

PATIENCE_SECONDS = 2.0
"""Between SIGTERM and SIGKILL. What is lost by a kill is a running attempt, which is repeated."""
LOOK_SECONDS = 0.5
_PR_SET_CHILD_SUBREAPER = 36

ESSENTIAL = ("gcs_server", "raylet")
UNWANTED = "ray.util.client.server"
"""Ray Client runs code that is sent to it; nothing here uses it, and ``ray start`` has no switch for it."""

Phase = Literal["starting", "running", "failed"]


class Orders(msgspec.Struct, frozen=True):
    """What to start. ``temp_dir`` is the private folder of this start, with Ray's in it; removed at the end."""

    command: list[str]
    temp_dir: str


class KeeperState(msgspec.Struct, frozen=True):
    """What the keeper says about itself."""

    identity: Identity
    phase: Phase
    temp_dir: str


def write_state(run_dir: Path, state: KeeperState) -> None:
    """Replace the state file in one step."""
    path = run_dir / STATE_FILE
    temporary = path.with_suffix(".new")
    temporary.write_bytes(msgspec.json.encode(state))
    temporary.replace(path)


def read_state(run_dir: Path) -> KeeperState | None:
    """The last state a keeper wrote there; says nothing about it being alive."""
    with contextlib.suppress(FileNotFoundError, msgspec.DecodeError):
        return msgspec.json.decode((run_dir / STATE_FILE).read_bytes(), type=KeeperState)
    return None


def logs_of(temp_dir: str) -> Path:
    """Where the processes of a start write their logs."""
    return Path(temp_dir) / RAY_FOLDER / "session_latest" / "logs"


def remove_folder(run_dir: Path, *, temp_dir: str) -> None:
    """Remove the private folder of a start that has ended, however it ended.

    Its logs are kept in ``run/last-logs``, in place of those of the start before: what ended it may stand there.
    """
    logs, kept = logs_of(temp_dir), run_dir / LAST_LOGS
    with contextlib.suppress(OSError):
        if logs.is_dir():
            shutil.rmtree(kept, ignore_errors=True)
            shutil.move(logs.resolve(), kept)
    shutil.rmtree(temp_dir, ignore_errors=True)


class _Keeper:
    def __init__(self, run_dir: Path) -> None:
        self._run_dir = run_dir
        self._orders = msgspec.json.decode((run_dir / ORDERS_FILE).read_bytes(), type=Orders)
        self._identity = Identity.of(os.getpid())
        self._leave = False

    def keep(self) -> int:
        signal.signal(signal.SIGTERM, self._on_term)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        _adopt_orphans()
        self._say("starting")
        phase: Phase = "failed"
        try:
            if self._start_ray() and not self._leave:
                phase = "running"
                self._say(phase)
                self._watch()
        finally:
            self._end_all()
            if phase == "failed" and not self._leave:
                self._say(phase)
            else:
                (self._run_dir / STATE_FILE).unlink(missing_ok=True)
        return 0 if self._leave else 1

    def _on_term(self, _number: int, _frame: FrameType | None) -> None:
        self._leave = True

    def _say(self, phase: Phase) -> None:
        write_state(self._run_dir, KeeperState(self._identity, phase, self._orders.temp_dir))

    def _start_ray(self) -> bool:
        with (self._run_dir / LOG_FILE).open("wb") as log:
            starter = subprocess.Popen(
                self._orders.command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self._orders.temp_dir,
            )
            while starter.poll() is None:
                if self._leave:
                    return False
                time.sleep(0.05)
        for process in self._ours():
            with contextlib.suppress(psutil.Error):
                if UNWANTED in process.cmdline():
                    process.kill()
        return starter.returncode == 0

    def _watch(self) -> None:
        essential = [process for process in self._ours() if _name(process) in ESSENTIAL]
        while not self._leave and len(essential) >= len(ESSENTIAL) and all(map(_lives, essential)):
            time.sleep(LOOK_SECONDS)
            _bury_orphans()

    def _ours(self) -> list[psutil.Process]:
        found = {process.pid: process for process in descendants(psutil.Process())}
        if not found or sys.platform != "linux":
            found |= {process.pid: process for process in attached_to(Path(self._orders.temp_dir))}
        return list(found.values())

    def _end_all(self) -> None:
        # A dying raylet may start nothing more, but its workers may have just been starting theirs.
        for _ in range(3):
            living = self._ours()
            if not living:
                break
            end(living, patience_seconds=PATIENCE_SECONDS)
            _bury_orphans()
        remove_folder(self._run_dir, temp_dir=self._orders.temp_dir)


def _name(process: psutil.Process) -> str:
    try:
        return process.name()
    except psutil.Error:
        return ""


def _lives(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


def _adopt_orphans() -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def _bury_orphans() -> None:
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


if __name__ == "__main__":
    sys.exit(_Keeper(Path(sys.argv[1])).keep())
