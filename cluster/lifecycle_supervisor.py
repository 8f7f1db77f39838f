"""``decalogo up --foreground``: starts the service, stays, and starts again what has died, with growing pauses.

The keeper ends everything when Ray's head has died, because half a Ray is none; somebody has to begin anew then.
This is that somebody, for a laptop or below systemd (``cluster/decalogo.service``). What was accepted stands in
Redis and goes on after the restart. SIGTERM, SIGINT and ``decalogo down`` end it together with the service.
"""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import time
from typing import TYPE_CHECKING

import msgspec
import structlog
from tenacity import Retrying, retry_if_exception_type, stop_never, wait_random_exponential

from cluster import embedded_redis, lifecycle
from cluster.embedded_redis import EmbeddedRedisError
from cluster.lifecycle_processes import Identity

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from cluster.lifecycle import RunningService, Step
    from cluster.settings import Settings

log = structlog.get_logger()

SUPERVISOR_FILE = "supervisor.json"
LOOK_SECONDS = 0.5
FIRST_PAUSE_SECONDS = 1.0
LONGEST_PAUSE_SECONDS = 60.0
END_SECONDS = 90.0


class _LeaveError(Exception):
    """It was asked to end while it waited."""


class Supervisor:
    """Keeps one service up. ``run`` returns when it was told to leave; the service has ended then."""

    def __init__(
        self, settings: Settings, *, tell: Callable[[Step], None], started: Callable[[str], None]
    ) -> None:
        self._settings = settings
        self._tell = tell
        self._started = started
        self._leave = threading.Event()

    def run(self) -> None:
        """Start, stay, start again.

        Raises:
            LifecycleError: the first start fails; later ones are repeated for ever.
        """
        settings = self._settings
        with self._signals(), self._announced():
            try:
                service = lifecycle.up(settings, tell=self._tell)
                self._started(service.url)
                # The same address after every restart, also where any free one was good enough at first.
                ports = {"http_port": service.http_port, "dashboard_port": service.dashboard_port}
                self._settings = settings.model_copy(update=ports)
                while self._watch():
                    log.warning("service_died", data_dir=str(settings.data_dir))
                    self._started(self._up_again().url)
            except _LeaveError:
                pass
            finally:
                lifecycle.down(settings)

    def _watch(self) -> bool:
        """Wait until the service has died (True) or this process was told to leave (False)."""
        while not self._leave.wait(LOOK_SECONDS):
            if lifecycle.status(self._settings) is None:
                return True
            self._tend_valkey()
        return False

    def _tend_valkey(self) -> None:
        if self._settings.redis_url is None and embedded_redis.running(self._settings) is None:
            log.warning("valkey_died")
            # Its clients come back by themselves; what it had accepted stands in its append-only file.
            with contextlib.suppress(EmbeddedRedisError):
                embedded_redis.start(self._settings)

    def _up_again(self) -> RunningService:
        attempts = Retrying(
            stop=stop_never,
            retry=retry_if_exception_type(lifecycle.LifecycleError),
            wait=wait_random_exponential(FIRST_PAUSE_SECONDS, max=LONGEST_PAUSE_SECONDS),
            sleep=self._pause,
            before_sleep=lambda state: log.warning("service_did_not_start", attempt=state.attempt_number),
        )
        return attempts(lifecycle.up, self._settings, tell=self._tell)

    def _pause(self, seconds: float) -> None:
        if self._leave.wait(seconds):
            raise _LeaveError

    @contextlib.contextmanager
    def _signals(self) -> Iterator[None]:
        before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
        for number in before:
            signal.signal(number, lambda *_: self._leave.set())
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    @contextlib.contextmanager
    def _announced(self) -> Iterator[None]:
        path = self._settings.run_dir / SUPERVISOR_FILE
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.write_bytes(msgspec.json.encode(Identity.of(os.getpid())))
        try:
            yield
        finally:
            path.unlink(missing_ok=True)


def end_supervisor(settings: Settings) -> bool:
    """Ask the supervisor of this ``data_dir`` to leave with its service, and wait for it. False: there is none."""
    try:
        identity = msgspec.json.decode((settings.run_dir / SUPERVISOR_FILE).read_bytes(), type=Identity)
    except (FileNotFoundError, msgspec.DecodeError):
        return False
    process = identity.process()
    if process is None or process.pid == os.getpid():
        return False
    process.terminate()
    deadline = time.monotonic() + END_SECONDS
    # A zombie has ended, whether or not its parent has noticed.
    while identity.process() is not None and time.monotonic() < deadline:
        time.sleep(LOOK_SECONDS)
    return True
