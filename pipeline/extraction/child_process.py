"""One extraction child: started confined, spoken to with deadlines, killed as a process group."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import sys
import sysconfig
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.extraction.child.channel import LENGTH

if TYPE_CHECKING:
    from collections.abc import Sequence

_HERE = Path(__file__).resolve().parent
_BOOT = "import sys; sys.path[:0] = sys.argv[1:3]; from child.main import main; main(sys.argv[3:])"
_CHUNK_BYTES = 1 << 20


class ChildGone(Exception):
    """The child closed its pipe: it crashed, was killed or ran into a resource limit."""


class DeadlinePassed(Exception):
    """The child did not read or answer in time."""


class FrameTooLong(Exception):
    """The child announced more bytes than an answer may have."""


class ChildProcess:
    """A child and the thread that started it.

    The thread lives as long as the child: the signal that ends the child with its parent
    (PR_SET_PDEATHSIG) is sent when the *thread* that forked it ends, and callers come and go.
    """

    def __init__(self, arguments: Sequence[str], *, boot: str = _BOOT) -> None:
        """Start a child that runs ``boot`` with the search paths and ``arguments`` in ``sys.argv``."""
        self._command = [
            sys.executable, "-I", "-S", "-B", "-X", "utf8", "-c", boot,
            str(_HERE), sysconfig.get_path("platlib"), *arguments,
        ]  # fmt: skip
        self._process: subprocess.Popen[bytes] | None = None
        self._failure: OSError | None = None
        self._started = threading.Event()
        self._keeper = threading.Thread(target=self._keep, name="extraction-child", daemon=True)
        self._keeper.start()
        self._started.wait()
        if self._failure is not None:
            raise self._failure

    def _keep(self) -> None:
        try:
            process = subprocess.Popen(
                self._command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                bufsize=0,
                env={},
                cwd="/",
                start_new_session=True,
            )
        except OSError as error:
            self._failure = error
            self._started.set()
            return
        assert process.stdin is not None  # noqa: S101  piped above
        assert process.stdout is not None  # noqa: S101
        os.set_blocking(process.stdin.fileno(), False)
        os.set_blocking(process.stdout.fileno(), False)
        self._process = process
        self._started.set()
        process.wait()

    @property
    def _running(self) -> subprocess.Popen[bytes]:
        assert self._process is not None  # noqa: S101  set before the constructor returns
        return self._process

    @property
    def pid(self) -> int:
        """Process id, which is also the id of its process group."""
        return self._running.pid

    @property
    def waits(self) -> bool:
        """Whether the child lives and is silent, as it must be between two requests."""
        stdout = self._running.stdout
        assert stdout is not None  # noqa: S101  piped
        poll = select.poll()
        poll.register(stdout.fileno(), select.POLLIN)
        return not poll.poll(0)

    def send(self, payloads: Sequence[bytes], *, deadline: float) -> None:
        """Send frames; ``deadline`` is of ``time.monotonic()``. Raises ``ChildGone``, ``DeadlinePassed``."""
        stdin = self._running.stdin
        assert stdin is not None  # noqa: S101  piped
        for payload in payloads:
            for part in (LENGTH.pack(len(payload)), payload):
                view = memoryview(part)
                while view:
                    _wait(stdin.fileno(), event=select.POLLOUT, deadline=deadline)
                    try:
                        view = view[os.write(stdin.fileno(), view[:_CHUNK_BYTES]) :]
                    except BlockingIOError:
                        continue
                    except BrokenPipeError as error:
                        raise ChildGone from error

    def receive(self, *, deadline: float, max_bytes: int) -> bytes:
        """Receive one frame of at most ``max_bytes``. Raises ``FrameTooLong`` besides those of ``send``."""
        (size,) = LENGTH.unpack(self._read(LENGTH.size, deadline=deadline))
        if size > max_bytes:
            raise FrameTooLong(f"{size} bytes")
        return self._read(size, deadline=deadline)

    def _read(self, size: int, *, deadline: float) -> bytes:
        stdout = self._running.stdout
        assert stdout is not None  # noqa: S101  piped
        data = bytearray()
        while len(data) < size:
            try:
                part = os.read(stdout.fileno(), min(size - len(data), _CHUNK_BYTES))
            except BlockingIOError:
                _wait(stdout.fileno(), event=select.POLLIN, deadline=deadline)
                continue
            if not part:
                raise ChildGone
            data += part
        return bytes(data)

    def kill(self) -> None:
        """Kill the whole process group at once; may be called from any thread, more than once."""
        if self._running.poll() is None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._running.pid, signal.SIGKILL)

    def end(self) -> int | None:
        """Kill the child if it still runs, close the pipes, and return how it ended (negative: signal)."""
        self.kill()
        self._keeper.join(timeout=10.0)
        for pipe in (self._running.stdin, self._running.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()
        return self._running.returncode

    def wait_for_end(self, *, seconds: float) -> int | None:
        """How the child ended, giving it ``seconds`` to do so by itself; ``None`` while it still runs."""
        self._keeper.join(timeout=seconds)
        return self._running.returncode


def _wait(descriptor: int, *, event: int, deadline: float) -> None:
    left = deadline - time.monotonic()
    if left <= 0:
        raise DeadlinePassed
    poll = select.poll()
    poll.register(descriptor, event)
    if not poll.poll(left * 1000):
        raise DeadlinePassed
