"""How the command line speaks: tables and sentences for people, JSON for programs."""

from __future__ import annotations

import logging
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import msgspec
import structlog
import typer
from rich.console import Console
from rich.markup import escape

from pipeline.scoring import hundredths

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

console = Console()
errors = Console(stderr=True)


def keep_logs_quiet() -> None:
    """What happens is said in sentences; of the log only errors, and never between the output."""
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR),
        # What standard error is, is asked each time: it may be another one by then, and the old one closed.
        logger_factory=lambda *_arguments: structlog.PrintLogger(sys.stderr),
    )


def show_json(value: Any) -> None:
    """Print a value as JSON, and nothing else."""
    sys.stdout.write(msgspec.json.format(msgspec.json.encode(value), indent=2).decode() + "\n")


def fail(sentence: str, *, exit_code: int, code: str = "") -> int:
    """Say on standard error what went wrong; returns the exit code."""
    suffix = f" [dim]({code})[/]" if code else ""
    errors.print(f"[bold red]Error[/]: {escape(sentence)}{suffix}", highlight=False, soft_wrap=True)
    return exit_code


def warn(sentence: str, *, code: str) -> None:
    """Say on standard error what did not go as wished, and go on."""
    errors.print(f"[yellow]Aviso[/]: {escape(sentence)} [dim]({code})[/]", highlight=False, soft_wrap=True)


def advise(sentence: str) -> None:
    """Say on standard error what can be done next."""
    errors.print(escape(sentence), highlight=False, soft_wrap=True)


@contextmanager
def writing(target: Path) -> Iterator[None]:
    """What cannot be written is a wrong use of the command, and a sentence.

    Raises:
        typer.BadParameter: the system refuses to write there.
    """
    try:
        yield
    except OSError as error:
        raise typer.BadParameter(f"no se puede escribir en {target}: {error.strerror or error}") from error


def number(value: float | None) -> str:
    """A score as people here write it."""
    return "–" if value is None else str(hundredths(value)).replace(".", ",")
