"""Ends this process when it no longer reacts, whatever holds it."""

from __future__ import annotations

import asyncio
import contextlib
import faulthandler
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

SIGNS_PER_PERIOD = 4


@contextlib.contextmanager
def watchdog(*, seconds: float) -> Iterator[None]:
    """End the process when its event loop stands still for ``seconds``, telling where on stderr.

    A hang in C code that holds the interpreter lock stops every Python thread; faulthandler's timer is a
    thread of C. A loop that stands still renews no lease, so nothing is lost that was not lost already.
    Not to be nested.
    """

    async def give_signs() -> None:
        while True:
            faulthandler.dump_traceback_later(seconds, exit=True)
            await asyncio.sleep(seconds / SIGNS_PER_PERIOD)

    faulthandler.dump_traceback_later(seconds, exit=True)
    signs = asyncio.get_running_loop().create_task(give_signs())
    try:
        yield
    finally:
        signs.cancel()
        faulthandler.cancel_dump_traceback_later()
