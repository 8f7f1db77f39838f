"""A Redis or Valkey server of the tests' own: started, killed, paused and continued at will."""

from __future__ import annotations

import contextlib
import shutil
import signal
import subprocess
import time
from typing import TYPE_CHECKING

import redis

if TYPE_CHECKING:
    from pathlib import Path

START_SECONDS = 30.0


class RedisServer:
    """A server with an append-only file in ``folder``; it keeps its port and password over restarts."""

    def __init__(self, folder: Path, *, port: int, password: str) -> None:
        self.folder = folder
        self.port = port
        self.password = password
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Its address, without the password."""
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        """Start it on what is in ``folder``; returns once it answers."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / "server.log").open("ab") as log:
            self._process = subprocess.Popen(self._command(), stdout=log, stderr=log, start_new_session=True)
        deadline = time.monotonic() + START_SECONDS
        client = redis.Redis(host="127.0.0.1", port=self.port, password=self.password)
        with contextlib.closing(client):
            while time.monotonic() < deadline:
                with contextlib.suppress(redis.RedisError):
                    if client.ping():
                        return
                time.sleep(0.05)
        raise AssertionError("the Redis of the tests does not start")

    def _command(self) -> list[str]:
        options = {
            "bind": "127.0.0.1",
            "port": str(self.port),
            "dir": str(self.folder),
            "requirepass": self.password,
            "appendonly": "yes",
            "appendfsync": "always",
            "save": "",
            "maxmemory-policy": "noeviction",
        }
        program = shutil.which("valkey-server") or shutil.which("redis-server")
        assert program
        return [program, *(part for name, value in options.items() for part in (f"--{name}", value))]

    def kill(self) -> None:
        """Kill -9; harmless when it does not run."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def stop_signal(self) -> None:
        """SIGSTOP: it accepts connections and answers nothing."""
        assert self._process
        self._process.send_signal(signal.SIGSTOP)

    def continue_signal(self) -> None:
        """SIGCONT; harmless when it does not run."""
        if self._process is not None:
            self._process.send_signal(signal.SIGCONT)
