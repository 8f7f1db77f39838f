"""Structured logs: one event a line, never document text, file names, fields of forms or secrets."""

from __future__ import annotations

import logging
import secrets
import socket
import sys
import traceback
from typing import TYPE_CHECKING

import structlog

if TYPE_CHECKING:
    from cluster.settings import Settings

FRAMES_MAX = 8
NODE = socket.gethostname()


def configure(settings: Settings) -> None:
    """Log to stderr (Ray keeps it in the worker's log): JSON, or for people when ``log_format`` says so."""
    renderer: structlog.typing.Processor = (
        structlog.processors.JSONRenderer()
        if settings.log_format == "json"
        else structlog.dev.ConsoleRenderer(colors=False)
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            _add_node,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(getattr(logging, settings.log_level)),
        logger_factory=structlog.PrintLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=False,
    )


def _add_node(_logger: object, _method: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    event["node"] = NODE
    return event


def new_reference() -> str:
    """A short random name that ties what a user is told to a line of the log."""
    return secrets.token_hex(6)


def describe(error: BaseException) -> dict[str, object]:
    """Kind and place of an error. Not its message: that may quote a document or what somebody sent."""
    frames = traceback.extract_tb(error.__traceback__)[-FRAMES_MAX:]
    return {
        "error": type(error).__name__,
        "where": [f"{frame.filename.rpartition('/')[2]}:{frame.lineno} {frame.name}" for frame in frames],
    }
