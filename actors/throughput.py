"""Documents per hour of work, over the last minutes."""

from __future__ import annotations

import time
from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

WINDOW_SECONDS = 300.0
SECONDS_PER_HOUR = 3600.0


class Throughput:
    """Fed with a counter now and then; an idle time between two notes is no time of work."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._notes: deque[tuple[float, float, int]] = deque()
        """Time of the note, seconds of work since the one before, documents ended since then."""
        self._last: tuple[float, int] | None = None
        self._was_working = False

    def note(self, ended: int, *, working: bool) -> None:
        """Take down how many documents have ended so far, and whether there is work now."""
        now = self._clock()
        if self._last is not None:
            before, count = self._last
            worked = now - before if self._was_working or ended > count else 0.0
            # A counter that went back belongs to another Redis.
            self._notes.append((now, worked, max(0, ended - count)))
        self._last = (now, ended)
        self._was_working = working
        while self._notes and self._notes[0][0] < now - WINDOW_SECONDS:
            self._notes.popleft()

    def per_hour(self) -> float:
        """0 when there was no work."""
        worked = sum(seconds for _, seconds, _ in self._notes)
        ended = sum(count for _, _, count in self._notes)
        return ended * SECONDS_PER_HOUR / worked if worked > 0 else 0.0
