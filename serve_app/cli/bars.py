"""Bars with rate and remaining time, on standard error: the output is for what comes out."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
)
from rich.text import Text

from serve_app.cli.output import errors
from serve_app.web.pages import STATES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from rich.progress import Task

BAR_WIDTH = 16
"""The whole line fits into a terminal of 80."""
MINUTE = 60
HOUR = 3600
ENDED = ("succeeded", "failed", "cancelled")


class _Rate(ProgressColumn):
    """How many things a second, a minute or an hour, whichever is easiest to read."""

    def render(self, task: Task) -> Text:
        # Of the whole time: what rich computes from the last steps jumps with every group of uploads.
        mean = task.completed / task.elapsed if task.elapsed else None
        return Text(rate(task.fields.get("speed", mean)), style="progress.data.speed")


class _Remaining(ProgressColumn):
    """How long it will still take, as far as one can tell."""

    def render(self, task: Task) -> Text:
        if task.finished:
            return Text("")
        seconds = task.fields.get("remaining", task.time_remaining)
        return Text("" if seconds is None else f"faltan {duration(seconds)}", style="progress.remaining")


def rate(per_second: float | None) -> str:
    """A rate as people say it."""
    if not per_second:
        return ""
    for factor, unit in ((1, "s"), (MINUTE, "min"), (HOUR, "h")):
        if per_second * factor >= 1 or unit == "h":
            return f"{per_second * factor:.1f}/{unit}".replace(".", ",")
    raise AssertionError


def duration(seconds: float) -> str:
    """A time that is only roughly known."""
    whole = round(seconds)
    if whole < MINUTE:
        return f"{whole} s"
    if whole < HOUR:
        return f"{whole // MINUTE} min {whole % MINUTE} s"
    return f"{whole // HOUR} h {whole % HOUR // MINUTE} min"


@contextmanager
def sending_bar(count: int, *, quiet: bool) -> Iterator[Callable[[Path], None]]:
    """Gives what is to be called after each file."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(BAR_WIDTH),
        MofNCompleteColumn(),
        _Rate(),
        TimeElapsedColumn(),
        _Remaining(),
    )
    with Progress(*columns, console=errors, disable=quiet) as progress:
        task = progress.add_task("Enviando", total=count)
        yield lambda _path: progress.advance(task)


@contextmanager
def evaluation_bar(*, quiet: bool) -> Iterator[Callable[[dict[str, Any]], None]]:
    """Gives what is to be called with each state of a job."""
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(BAR_WIDTH),
        TextColumn("{task.percentage:>3.0f} %"),
        TextColumn("{task.fields[documents]}"),
        _Rate(),
        TimeElapsedColumn(),
        _Remaining(),
    )
    with Progress(*columns, console=errors, disable=quiet) as progress:
        task = progress.add_task("Evaluando", total=1, documents="", speed=None, remaining=None)

        at_first: int | None = None

        def show(state: dict[str, Any]) -> None:
            nonlocal at_first
            ended = sum(state["documents_by_status"].get(name, 0) for name in ENDED)
            # Who comes back later has not seen those end.
            at_first = ended if at_first is None else at_first
            elapsed = progress.tasks[0].elapsed or 0.0
            progress.update(
                task,
                total=max(1, state["progress"]["total_steps"]),
                completed=state["progress"]["completed_steps"],
                description=STATES[state["status"]].capitalize(),
                documents=f"{ended}/{state['document_count']}",
                speed=(ended - at_first) / elapsed if elapsed else None,
                # The service knows since when the job runs; who comes back later does not.
                remaining=state["estimated_seconds"],
            )

        yield show
