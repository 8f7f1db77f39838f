"""When Serve is told to replace the Dispatcher: a loop that has ended or hangs, and nothing that only takes long."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

import pytest

from actors.dispatcher import SILENT_SECONDS, Dispatcher, _Loop

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextlib.contextmanager
def at_a_long_step(name: str) -> Iterator[tuple[Dispatcher, asyncio.Task[None]]]:
    """A Dispatcher with nothing but this loop, which began its first step more than a minute ago."""

    async def step() -> float:
        await asyncio.Event().wait()
        return 300.0

    loop = _Loop(name, step)
    dispatcher = object.__new__(Dispatcher)
    task = asyncio.get_running_loop().create_task(loop.run())
    dispatcher._loops, dispatcher._tasks = {name: loop}, [task]
    loop.alive_at -= SILENT_SECONDS + 1
    yield dispatcher, task
    task.cancel()


async def test_a_long_sweep_is_no_hang() -> None:
    """After a long rest there is much to remove, from a storage that may be slow: the Dispatcher goes on."""
    with at_a_long_step("sweeping") as (dispatcher, task):
        await dispatcher.check_health()
        task.cancel()
        await asyncio.wait({task})
        with pytest.raises(RuntimeError, match="sweeping"):
            await dispatcher.check_health()


async def test_a_loop_of_the_queue_that_hangs_is_replaced() -> None:
    """Taking entries and recovering them is what a Dispatcher is for."""
    with at_a_long_step("tending") as (dispatcher, _), pytest.raises(RuntimeError, match="tending"):
        await dispatcher.check_health()
