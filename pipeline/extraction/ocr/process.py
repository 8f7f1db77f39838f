"""Runs Tesseract on one picture: started confined, fed and read with a deadline, killed as a process group.

What confines it stands in ``pipeline.extraction.child.program``, which the process runs first.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.errors import OCR_FAILED, OCR_LIMIT, ExtractionFailure, LimitExceeded

if TYPE_CHECKING:
    from collections.abc import Sequence

_HERE = Path(__file__).resolve().parents[1]
_BOOT = "import sys; sys.path.insert(0, sys.argv[1]); from child.program import main; main(sys.argv[2:])"
_CHUNK_BYTES = 1 << 18
MAX_ANSWER_BYTES = 8 * 2**20
"""The words of a full page are 40 kB."""


class ConfinedProgram:
    """Runs a program once per call, one call at a time; ``cancel`` may come from any thread."""

    def __init__(self, *, memory_bytes: int, cpu_seconds: int, readable: Sequence[Path]) -> None:
        """Set what each run may have.

        Args:
            memory_bytes: address space.
            cpu_seconds: processor time.
            readable: folders that the program may read, besides the system's own.
        """
        self._limits = (str(memory_bytes), str(cpu_seconds), os.pathsep.join(map(str, readable)))
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._cancelled = False

    def run(
        self, command: Sequence[str], *, given: bytes, environment: dict[str, str], deadline: float
    ) -> bytes:
        """What the program answers on its standard output.

        Args:
            command: the program's absolute path and its arguments.
            given: what it finds on its standard input.
            environment: its whole environment.
            deadline: of ``time.monotonic()``.

        Raises:
            LimitExceeded: OCR_LIMIT, too much time or processor time.
            ExtractionFailure: OCR_FAILED, it ended otherwise, was cancelled, or answered too much.
        """
        variables = os.pathsep.join(f"{name}={value}" for name, value in sorted(environment.items()))
        process = self._start([str(os.getpid()), *self._limits, variables, *command])
        try:
            answer = _exchange(process, given=given, deadline=deadline)
        finally:
            self._end(process)
        if process.returncode == -signal.SIGXCPU:
            raise LimitExceeded(OCR_LIMIT, "processor time")
        if process.returncode or self._cancelled:
            raise ExtractionFailure(OCR_FAILED, f"exit status {process.returncode}")
        return answer

    def cancel(self) -> None:
        """Kill the run in progress, if there is one."""
        with self._lock:
            self._cancelled = True
            if self._process is not None:
                _kill(self._process)

    def _start(self, arguments: list[str]) -> subprocess.Popen[bytes]:
        with self._lock:
            self._cancelled = False
            try:
                self._process = subprocess.Popen(
                    [sys.executable, "-I", "-S", "-B", "-X", "utf8", "-c", _BOOT, str(_HERE), *arguments],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.DEVNULL,
                    bufsize=0,
                    env={},
                    cwd="/",
                    start_new_session=True,
                )
            except OSError as error:
                raise ExtractionFailure(OCR_FAILED, f"not started: {error.strerror}") from error
            return self._process

    def _end(self, process: subprocess.Popen[bytes]) -> None:
        # Whatever else is in its group ends with it; until it is waited for, the group's number stays its own.
        with self._lock:
            if process.poll() is None:
                _kill(process)
            self._process = None
        process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()


def _kill(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)


def _exchange(process: subprocess.Popen[bytes], *, given: bytes, deadline: float) -> bytes:
    """Write and read at once, so that neither side waits for the other for ever."""
    stdin, stdout = process.stdin, process.stdout
    assert stdin is not None  # noqa: S101  piped above
    assert stdout is not None  # noqa: S101
    os.set_blocking(stdin.fileno(), False)
    poll = select.poll()
    poll.register(stdout.fileno(), select.POLLIN)
    poll.register(stdin.fileno(), select.POLLOUT)
    left, untrusted_answer = memoryview(given), bytearray()
    while True:
        seconds = deadline - time.monotonic()
        if seconds <= 0:
            raise LimitExceeded(OCR_LIMIT, "time")
        for descriptor, _ in poll.poll(seconds * 1000):
            if descriptor == stdout.fileno():
                part = os.read(descriptor, _CHUNK_BYTES)
                if not part:
                    _wait(process, deadline=deadline)
                    return bytes(untrusted_answer)
                untrusted_answer += part
                if len(untrusted_answer) > MAX_ANSWER_BYTES:
                    raise ExtractionFailure(OCR_FAILED, "too long an answer")
            else:
                with contextlib.suppress(BlockingIOError):
                    try:
                        left = left[os.write(descriptor, left[:_CHUNK_BYTES]) :]
                    except BrokenPipeError:
                        left = left[:0]
                if not left:
                    poll.unregister(descriptor)
                    stdin.close()


def _wait(process: subprocess.Popen[bytes], *, deadline: float) -> None:
    try:
        process.wait(timeout=max(deadline - time.monotonic(), 0.01))
    except subprocess.TimeoutExpired as error:
        raise LimitExceeded(OCR_LIMIT, "time") from error
