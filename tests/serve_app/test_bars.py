"""Bars of the command line: rates and times as people say them, in one line of a terminal of 80."""

from __future__ import annotations

from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from serve_app.cli import bars
from serve_app.cli.bars import duration, evaluation_bar, rate, sending_bar

STATE = {
    "status": "processing",
    "document_count": 100,
    "documents_by_status": {"succeeded": 40, "failed": 2, "running": 3, "queued": 55},
    "progress": {"completed_steps": 560, "total_steps": 1300},
    "estimated_seconds": 4_000.0,
}


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> StringIO:
    """What a terminal of 80 columns is given."""
    output = StringIO()
    # Wider than the terminal: what is too long must not be hidden by being cut.
    monkeypatch.setattr(bars, "errors", Console(file=output, force_terminal=True, width=200, no_color=True))
    return output


def test_rates_and_times_are_said_in_the_unit_that_fits() -> None:
    """Nobody wants to read 0.02 per second, or 5,400 seconds."""
    assert [rate(value) for value in (None, 0.0, 12.34, 0.5, 0.005)] == [
        "",
        "",
        "12,3/s",
        "30,0/min",
        "18,0/h",
    ]
    assert [duration(value) for value in (4.4, 95, 5400)] == ["4 s", "1 min 35 s", "1 h 30 min"]


def test_the_bar_of_a_job_tells_how_far_how_fast_and_how_long(shown: StringIO) -> None:
    """The remaining time is the service's own estimate: who comes back later has seen nothing of the beginning."""
    with evaluation_bar(quiet=False) as show:
        show({**STATE, "documents_by_status": {"succeeded": 40, "queued": 60}})
        show(STATE)

    line = max(shown.getvalue().split("\r"), key=len).splitlines()[0]
    assert "42/100" in line
    assert "43 %" in line
    assert "faltan 1 h 6 min" in line
    assert "/s" in line or "/min" in line


def test_a_full_line_fits_into_a_terminal_of_80(shown: StringIO) -> None:
    """The longest values both bars may show."""
    with evaluation_bar(quiet=False) as show:
        show({**STATE, "documents_by_status": {"queued": 100}})
        show({**STATE, "estimated_seconds": 359_000.0})
    with sending_bar(100, quiet=False) as told:
        for _ in range(99):
            told(Path("plan.pdf"))

    lines = [
        Console(width=1000).render_str(line) for line in shown.getvalue().replace("\r", "\n").splitlines()
    ]
    plain = [bars.Text.from_ansi(line.plain).plain.rstrip() for line in lines]
    assert any("faltan 99 h" in line for line in plain)
    assert max(map(len, plain)) <= 80
