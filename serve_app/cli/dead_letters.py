"""``decalogo dead-letters``: documents that failed for good after all their attempts, from the registry itself."""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from rich.table import Table

from cluster import lifecycle
from cluster.jobs import JobStore
from cluster.settings import Settings
from serve_app.cli.output import console, show_json

if TYPE_CHECKING:
    from cluster.records import DeadLetter


def show(*, limit: int, as_json: bool) -> None:
    """Print the newest of them.

    Raises:
        ServiceError: REDIS_UNAVAILABLE.
    """
    letters = asyncio.run(_read(lifecycle.settings_in_force(Settings.load()), limit=limit))
    if as_json:
        show_json([asdict(letter) for letter in letters])
    elif not letters:
        console.print("Ningún documento ha agotado sus intentos.")
    else:
        console.print(_table(letters))


async def _read(settings: Settings, *, limit: int) -> tuple[DeadLetter, ...]:
    store = await JobStore.connect(settings)
    try:
        return await store.dead_letters(limit=limit)
    finally:
        await store.close()


def _table(letters: tuple[DeadLetter, ...]) -> Table:
    table = Table(box=None, padding=(0, 1, 0, 0), pad_edge=False)
    for title in ("Cuándo", "Trabajo", "Doc.", "Código", "Int.", "Referencia"):
        # What is to be copied must be whole; a date and a code may take two lines.
        table.add_column(title, no_wrap=title not in {"Cuándo", "Código"}, overflow="fold")
    for letter in letters:
        at = datetime.fromtimestamp(letter.at, tz=UTC).astimezone().strftime("%Y-%m-%d %H:%M:%S")
        table.add_row(
            at, letter.job_id, letter.document_id, letter.code, str(letter.attempt), letter.reference
        )
    return table
