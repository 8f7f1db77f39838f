"""What a service refuses, as its clients see it, and which failures are worth another try."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx
from tenacity import (
    retry_if_exception,
    stop_any,
    stop_before_delay,
    stop_when_event_set,
    wait_random_exponential,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from threading import Event

    from tenacity import RetryCallState

PASSING_STATUSES = frozenset({408, 429, 502, 503, 504})
"""Too slow, busy, or the proxy has nobody behind it just now: whoever says so, with or without a problem as body."""
CONFLICT = 409
FILE_CODES = frozenset({"upload_not_pdf", "upload_empty", "file_too_large", "invalid_file_name"})
"""Refusals that concern one file and not the batch."""
LOST_PAUSE_SECONDS_MAX = 5.0

_lost_pause = wait_random_exponential(multiplier=0.3, max=LOST_PAUSE_SECONDS_MAX)


class NoIdentifier(ValueError):
    """What was given as the identifier of a job cannot be one, such as nothing at all. Nothing was asked."""

    def __init__(self, given: str) -> None:
        super().__init__(f"«{given}» no es el identificador de un trabajo")


class ApiError(RuntimeError):
    """The service refused. ``code`` is stable; ``problem`` is the whole RFC 9457 body."""

    def __init__(self, status: int, problem: Mapping[str, Any]) -> None:
        self.status = status
        self.problem = dict(problem)
        self.code = str(problem.get("code", "unexpected"))
        detail = str(problem.get("detail") or "")
        errors = "; ".join(f"{e['field']}: {e['message']}" for e in problem.get("errors") or ())
        super().__init__(
            " ".join(part for part in (str(problem.get("title", status)), errors or detail) if part)
        )

    @property
    def retry_after_seconds(self) -> float:
        """How long the service asks to wait before the next try."""
        wait = str(self.problem.get("retry_after", ""))
        return float(wait) if wait.isdigit() else 1.0


def error_of(answer: httpx.Response) -> ApiError:
    """The refusal that an answer is; its body must have been read."""
    try:
        problem = dict(answer.json())
    except ValueError:
        problem = {"title": f"El servicio respondió {answer.status_code}."}
    if "Retry-After" in answer.headers:
        problem["retry_after"] = answer.headers["Retry-After"]
    return ApiError(answer.status_code, problem)


def is_passing(error: BaseException) -> bool:
    """Whether the same call may succeed a little later: a busy service or a cut connection, but no refusal.

    What the service itself calls ``retryable`` is passing, but for a conflict: that a job has not ended is no failure.
    """
    if isinstance(error, ApiError):
        said = error.problem.get("retryable") is True and error.status != CONFLICT
        return said or error.status in PASSING_STATUSES
    return isinstance(error, httpx.TransportError)


def is_passing_when_reached(error: BaseException) -> bool:
    """The same for a first call: a service that is not there at all is said at once."""
    return is_passing(error) and not isinstance(error, httpx.ConnectError | httpx.ConnectTimeout)


def retry_policy(
    *,
    patience_seconds: float,
    first: bool,
    waiting: Callable[[BaseException], None] | None = None,
    stop: Event | None = None,
) -> dict[str, Any]:
    """How tenacity tries again, in threads as in tasks.

    Args:
        patience_seconds: for how long.
        first: a service that is not there at all is not waited for.
        waiting: hears what is waited for, before each pause.
        stop: once it is set, nothing is tried again.
    """

    def before_sleep(state: RetryCallState) -> None:
        error = state.outcome.exception() if state.outcome else None
        if waiting and error:
            waiting(error)

    stops = [stop_before_delay(patience_seconds), *([stop_when_event_set(stop)] if stop else [])]
    return {
        "retry": retry_if_exception(is_passing_when_reached if first else is_passing),
        "wait": _pause_seconds,
        "stop": stop_any(*stops),
        "before_sleep": before_sleep,
        "reraise": True,
    }


def _pause_seconds(state: RetryCallState) -> float:
    error = state.outcome.exception() if state.outcome else None
    # Senders that were turned away together must not come back together.
    jitter = _lost_pause(state)
    return error.retry_after_seconds + jitter / 4 if isinstance(error, ApiError) else jitter
