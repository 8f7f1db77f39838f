"""A part of the service in a process of its own, without Ray, so that it can end at a failpoint.

    python failing_process.py serve PORT | evaluate | aggregate JOB

Settings come from the environment. ``evaluate`` takes one document, ``aggregate`` completes one job.
"""

from __future__ import annotations

import asyncio
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import uvicorn

from actors.aggregator import Aggregator
from actors.attempt import Attempt, Workshop
from actors.bench import Bench
from actors.evaluator import extraction_limits
from actors.flights import Flights
from cluster.jobs import JobStore
from cluster.records import Claim
from cluster.settings import Settings
from cluster.storage import Storage
from pipeline.evaluation import Engine
from pipeline.extraction import ExtractionWorker
from serve_app.plain import make_service

SECONDS_MAX = 60


async def evaluate() -> None:
    """Claim the next document, whether it is new or was left behind, and make one attempt."""
    settings = Settings.load()
    store = await JobStore.connect(settings)
    with ThreadPoolExecutor(1) as thread, ExtractionWorker(limits=extraction_limits(settings)) as extraction:
        bench = Bench(Engine.load(threads=1), extraction, Storage(settings))
        claim = await _claim(store)
        await Attempt(claim, workshop=Workshop(store, bench, Flights(settings), thread, settings)).run()
    await store.close()


async def _claim(store: JobStore) -> Claim:
    async with asyncio.timeout(SECONDS_MAX):
        while True:
            entries = await store.next_entries(consumer="test", count=1, block_ms=100)
            for entry in entries or await store.recover_expired(consumer="test", count=1):
                claim = await store.claim(entry, worker_id="test")
                if isinstance(claim, Claim):
                    return claim


async def aggregate(job_id: str) -> None:
    """Complete the job, as soon as nobody else has the right to."""
    nobody: Any = None
    aggregator = Aggregator(nobody)
    async with asyncio.timeout(SECONDS_MAX):
        while await aggregator.aggregate(job_id) is None:  # noqa: ASYNC110  nobody tells when a lease ends
            await asyncio.sleep(0.1)


def main(command: str, *arguments: str) -> None:
    """Do what the command line says."""
    if command == "serve":
        uvicorn.run(make_service(Settings.load()), port=int(arguments[0]), log_level="error")
    elif command == "evaluate":
        asyncio.run(evaluate())
    else:
        asyncio.run(aggregate(*arguments))


if __name__ == "__main__":
    main(*sys.argv[1:])
