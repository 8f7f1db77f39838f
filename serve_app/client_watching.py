"""What a client that follows a job decides: when it has ended, when its service is gone, what an event is."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field
from typing import Any

from serve_app.client_errors import is_passing, is_passing_when_reached

POLL_SECONDS = 0.5
FINAL = frozenset({"completed", "failed", "cancelled"})
LOST_SECONDS_MAX = 60.0
"""A service that does not answer for so long while a job is watched is taken for gone."""


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened to a job; kinds are ``job``, ``document`` and ``progress``."""

    event_id: str
    kind: str
    data: dict[str, Any]


class Watching:
    """Decides between two looks at a job."""

    def __init__(self) -> None:
        self._lost_since: float | None = None
        self._seen = False

    def ended(self, state: dict[str, Any]) -> bool:
        """Whether this was the last look."""
        self._seen, self._lost_since = True, None
        return state["status"] in FINAL

    def lost(self, error: Exception) -> None:
        """Hear that a look failed.

        Raises:
            Exception: ``error`` itself, when it is final, or the service has been away too long or was never there.
        """
        passing = is_passing if self._seen else is_passing_when_reached
        now = time.monotonic()
        self._lost_since = now if self._lost_since is None else self._lost_since
        if not passing(error) or now - self._lost_since > LOST_SECONDS_MAX:
            raise error


@dataclass(slots=True)
class EventLines:
    """Server-Sent Events from the lines of an answer."""

    _fields: dict[str, str] = field(default_factory=dict)

    def take(self, line: str) -> Event | None:
        """The event that this line completes, if any."""
        name, _, value = line.partition(":")
        if name:
            self._fields[name] = value.removeprefix(" ")
            return None
        fields, self._fields = self._fields, {}
        if "id" in fields and "data" in fields:
            return Event(fields["id"], fields["event"], json.loads(fields["data"]))
        return None
