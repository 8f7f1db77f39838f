"""A process that no longer reacts ends itself, and one that is paused holds nobody up."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from actors.flights import Flights
from actors.watch import Stopped, Watch
from cluster.settings import Settings

if TYPE_CHECKING:
    from pathlib import Path

PATIENCE_SECONDS = 120
AT_WORK = """
import asyncio, ctypes, sys, time
from actors.watchdog import watchdog

async def main():
    with watchdog(seconds=1.0):
        {work}
    print("done")

asyncio.run(main())
"""
KEY = "a" * 64


def at_work(work: str) -> subprocess.CompletedProcess[str]:
    """A process that does ``work`` under the watchdog."""
    command = [sys.executable, "-c", AT_WORK.format(work=work)]
    return subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_SECONDS, check=False)


def test_a_process_that_is_held_in_c_code_ends_itself() -> None:
    """A C function that never returns and keeps the interpreter lock: the process ends and says where it stood."""
    ended = at_work("ctypes.PyDLL(None).sleep(3600)")
    assert ended.returncode == 1
    assert "Timeout" in ended.stderr


def test_a_process_that_reacts_is_left_alone() -> None:
    """Work that lasts longer than the watchdog's patience, in a loop that turns, comes to its end."""
    ended = at_work("await asyncio.sleep(2.5)")
    assert (ended.returncode, ended.stdout) == (0, "done\n")


@pytest.fixture
def flights(tmp_path: Path) -> Flights:
    """Flights of an evaluator with short leases."""
    return Flights(Settings.load(data_dir=tmp_path, lease_seconds=2.0, lease_renewal_seconds=0.5))


async def test_whoever_waits_for_a_paused_process_goes_on_after_a_lease(flights: Flights) -> None:
    """Somebody holds the flight and does not move: the next one evaluates all the same, and frees nothing of his."""
    watch = Watch(soft_limit_seconds=60)
    async with flights.alone(KEY, watch=watch):
        async with flights.alone(KEY, watch=watch):
            pass
        third = asyncio.create_task(_wait(flights, watch))
        done, _ = await asyncio.wait({third}, timeout=0.1)
        assert not done
    await third


async def test_whoever_waits_can_be_stopped(flights: Flights) -> None:
    """A cancelled document does not wait for an equal one."""
    watch = Watch(soft_limit_seconds=60)
    async with flights.alone(KEY, watch=watch):
        stopped = Watch(soft_limit_seconds=60)
        stopped.stop()
        with pytest.raises(Stopped):
            await _wait(flights, stopped)


async def _wait(flights: Flights, watch: Watch) -> None:
    async with flights.alone(KEY, watch=watch):
        pass
