"""Slots limit what runs on a node, and outlive no process."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from registry_steps import eventually

from cluster.settings import Settings
from cluster.slots import Slots

if TYPE_CHECKING:
    from pathlib import Path

HOLDER = """
import asyncio, sys
from cluster.settings import Settings
from cluster.slots import Slots
async def hold():
    async with Slots(Settings.load()).acquire():
        print("held", flush=True)
        await asyncio.sleep(600)
asyncio.run(hold())
"""


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Two slots."""
    return Settings.load(data_dir=tmp_path, running_per_node=2)


def holder(settings: Settings) -> subprocess.Popen[bytes]:
    """A process that holds a slot."""
    environment = {"PATH": "/usr/bin:/bin", **settings.to_environment()}
    process = subprocess.Popen([sys.executable, "-c", HOLDER], env=environment, stdout=subprocess.PIPE)
    assert process.stdout
    assert process.stdout.readline() == b"held\n"
    return process


async def test_no_more_than_the_slots_run_at_once(settings: Settings) -> None:
    """Of ten tasks over several holders, two are inside at any time, and all get in."""
    inside = most = entered = 0

    async def work() -> None:
        nonlocal inside, most, entered
        async with Slots(settings).acquire():
            inside += 1
            most = max(most, inside)
            await asyncio.sleep(0.01)
            entered += 1
            inside -= 1

    await asyncio.gather(*(work() for _ in range(10)))
    assert (most, entered) == (2, 10)


async def test_cancelling_the_wait_holds_nothing(settings: Settings) -> None:
    """A waiter that is told to stop leaves; the slots are free for the next."""
    slots = Slots(settings)
    async with slots.acquire(), slots.acquire():
        waiter = asyncio.create_task(slots.acquire().__aenter__())
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(waiter, 0.05)
    async with slots.acquire() as first, slots.acquire() as second:
        assert {first, second} == {0, 1}


async def test_a_killed_process_frees_its_slots(settings: Settings) -> None:
    """Slots are shared between processes, and the kernel takes them back from the dead."""
    holders = [await asyncio.to_thread(holder, settings) for _ in range(2)]
    slots = Slots(settings)
    try:
        assert slots.places.take() is None
    finally:
        for process in holders:
            process.kill()
            process.communicate()

    async def free() -> bool:
        async with slots.acquire():
            return True

    assert await eventually(free, "the slots are free again")
