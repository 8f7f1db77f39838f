"""What the thread that evaluates and the event loop tell each other about one document."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipeline.errors import TIMEOUT, LimitExceeded

if TYPE_CHECKING:
    from collections.abc import Callable


class Stopped(Exception):
    """The evaluation was told to stop: the lease was lost, or the job cancelled."""


@dataclass(frozen=True, slots=True)
class Progress:
    """The step that is being worked on."""

    step: int
    total: int
    node: str


class Watch:
    """Progress one way, "stop" the other way; keeps the time of each step. Safe for threads."""

    def __init__(self, *, soft_limit_seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._began = clock()
        self._soft_limit_seconds = soft_limit_seconds
        self._stop = threading.Event()
        self._node_began = self._began
        self._progress: Progress | None = None
        self._node_seconds: dict[str, float] = {}
        self._visits: list[tuple[str, float, float]] = []
        # Spans are told in the time of the calendar.
        self._epoch = time.time() - self._began

    def observe(self, node: str, step: int, total: int) -> None:
        """Called before each step, in the thread that evaluates.

        Raises:
            Stopped: ``stop`` was called.
            LimitExceeded: TIMEOUT, the soft limit is over.
        """
        self.check()
        self._close_node()
        self._progress = Progress(step, total, node)

    def check(self) -> None:
        """Raise what ``observe`` would, without beginning a step."""
        if self._stop.is_set():
            raise Stopped
        if self.elapsed_seconds > self._soft_limit_seconds:
            raise LimitExceeded(TIMEOUT, "soft limit")

    def stop(self) -> None:
        """Ask the thread to stop at its next step; any thread may call."""
        self._stop.set()

    @property
    def stopped(self) -> bool:
        """Whether it was told to stop."""
        return self._stop.is_set()

    @property
    def elapsed_seconds(self) -> float:
        """Since the watch was made."""
        return self._clock() - self._began

    @property
    def left_seconds(self) -> float:
        """Until the soft limit, at least a little."""
        return max(0.1, self._soft_limit_seconds - self.elapsed_seconds)

    @property
    def progress(self) -> Progress | None:
        """The latest step."""
        return self._progress

    def node_seconds(self) -> dict[str, float]:
        """Seconds of every step so far, by node."""
        self._close_node()
        return dict(self._node_seconds)

    def visits(self) -> list[tuple[str, float, float]]:
        """Each step so far in its order: node, beginning and end in seconds since the epoch."""
        self._close_node()
        return list(self._visits)

    def _close_node(self) -> None:
        now = self._clock()
        if self._progress is not None:
            spent = self._node_seconds.get(self._progress.node, 0.0)
            self._node_seconds[self._progress.node] = spent + now - self._node_began
            if now > self._node_began:
                self._visits.append((self._progress.node, self._epoch + self._node_began, self._epoch + now))
        self._node_began = now
