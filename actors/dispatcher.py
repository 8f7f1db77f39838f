"""Takes entries from the queue and gives each to the evaluator pool through its deployment handle.

It owns nothing: an entry it has read and lost comes back by itself, and what an evaluator has claimed goes on
without it. So it may die at any moment.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import random
from typing import TYPE_CHECKING, Any

import structlog
from ray.exceptions import ActorDiedError, ActorUnavailableError

from actors.patience import is_redis_away, until_answered
from actors.registry_watch import RegistryWatch
from actors.throughput import Throughput
from cluster import metrics
from cluster.jobs import JobStore
from cluster.logs import configure, describe
from cluster.registry_identity import RegistryMismatchError
from cluster.registry_metrics import ExportedTotals, gauges
from cluster.settings import Settings
from cluster.storage import Storage
from cluster.sweeping import sweep

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from ray.serve.handle import DeploymentHandle

    from cluster.records import QueueEntry

log = structlog.get_logger("dispatcher")

CONSUMER = "dispatcher"
"""One name for all dispatchers that follow one another: what one has read, the next may hold and release."""

TEND_SECONDS = 1.0
"""Between two looks at expired leases, delayed retries and jobs to aggregate."""
BLOCK_MS = 500
GAUGES_SECONDS = 5.0
SWEEP_SECONDS = 300.0
PAUSE_FIRST_SECONDS = 0.2
PAUSE_MAX_SECONDS = 5.0
CALLBACKS_AT_ONCE = 5
"""Receivers that do not answer must not keep the Aggregator from its work."""
SILENT_SECONDS = 60.0
"""A loop that has not come round for so long is dead; waiting for Redis is no silence."""
UNHURRIED = frozenset({"sweeping"})
"""Loops whose step takes as long as the storage does: an hour after a long rest. A storage that hangs is no better for
a new dispatcher, and the queue does not wait for it."""


class Dispatcher:
    """The one replica. Deployed by ``actors.application``; nobody calls it."""

    def __init__(self, evaluators: DeploymentHandle[Any], aggregator: DeploymentHandle[Any]) -> None:
        self._settings = Settings.load()
        configure(self._settings)
        self._evaluators = evaluators
        self._aggregator = aggregator
        self._store = JobStore.lazily(self._settings)
        self._storage = Storage(self._settings)
        self._throughput = Throughput()
        self._registry_watch = RegistryWatch()
        self._exported = ExportedTotals()
        self._in_flight: dict[asyncio.Task[None], QueueEntry] = {}
        self._aggregations: dict[str, asyncio.Task[None]] = {}
        self._callbacks: dict[str, asyncio.Task[None]] = {}
        self._room = asyncio.Event()
        self._has_taken_over = False
        self._loops = {
            name: _Loop(name, step)
            for name, step in {
                "intake": self._take_entries,
                "tending": self._tend,
                "holding": self._hold,
                "gauges": self._publish,
                "sweeping": self._sweep,
            }.items()
        }
        loop = asyncio.get_running_loop()
        self._tasks = [loop.create_task(each.run()) for each in self._loops.values()]

    async def check_health(self) -> None:
        """Called by Serve, which replaces a replica that raises.

        Raises:
            RuntimeError: one of its loops has ended or hangs.
        """
        now = asyncio.get_running_loop().time()
        for task, each in zip(self._tasks, self._loops.values(), strict=True):
            silent = now - each.alive_at > each.silent_seconds + each.longest_pause
            if task.done() or silent:
                raise RuntimeError(f"the loop {each.name} is dead")

    # ------------------------------------------------------------------ entries

    async def _take_entries(self) -> float:
        free = self._settings.in_flight_max - len(self._in_flight)
        if free <= 0:
            self._room.clear()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._room.wait(), TEND_SECONDS)
            return 0.0
        if not self._has_taken_over:
            for entry in await self._store.take_over(consumer=CONSUMER, count=free):
                log.info("entry_taken_over", job_id=entry.job_id, document_id=entry.document_id)
                self._dispatch(entry)
            self._has_taken_over = True
            return 0.0
        for entry in await self._store.next_entries(consumer=CONSUMER, count=free, block_ms=BLOCK_MS):
            self._dispatch(entry)
        return 0.0

    async def _tend(self) -> float:
        await self._store.promote_delayed()
        free = max(0, self._settings.in_flight_max - len(self._in_flight))
        if free:
            for entry in await self._store.recover_expired(consumer=CONSUMER, count=free):
                log.info("entry_recovered", job_id=entry.job_id, document_id=entry.document_id)
                self._dispatch(entry)
        for job_id in await self._store.jobs_to_aggregate():
            self._aggregate(job_id)
        for job_id in await self._store.callbacks_due():
            if len(self._callbacks) < CALLBACKS_AT_ONCE:
                self._call_back(job_id)
        return TEND_SECONDS

    async def _hold(self) -> float:
        await self._store.hold(tuple(self._in_flight.values()), consumer=CONSUMER)
        return self._settings.lease_renewal_seconds

    def _dispatch(self, entry: QueueEntry) -> None:
        task = asyncio.get_running_loop().create_task(self._deliver(entry))
        self._in_flight[task] = entry
        task.add_done_callback(self._delivered)

    def _delivered(self, task: asyncio.Task[None]) -> None:
        del self._in_flight[task]
        self._room.set()

    async def _deliver(self, entry: QueueEntry) -> None:
        where = {"job_id": entry.job_id, "document_id": entry.document_id}
        try:
            answer = await self._evaluators.evaluate.remote(entry)
        except ActorDiedError:
            log.warning("evaluator_died", **where)
            metrics.add(metrics.EVALUATOR_DEATHS)
            await self._release(entry, evaluator_died=True)
        except ActorUnavailableError:
            # It may still be at work: its lease tells.
            log.warning("evaluator_unavailable", **where)
        except Exception as error:  # noqa: BLE001  whatever a delivery ends with, the loop goes on
            log.warning("delivery_failed", **where, **describe(error))
            await self._release(entry, evaluator_died=False)
        else:
            if answer["status"] == "unclaimed":
                await self._release(entry, evaluator_died=False)
            if answer["last"]:
                self._aggregate(entry.job_id)

    async def _release(self, entry: QueueEntry, *, evaluator_died: bool) -> None:
        # Until Redis is back it stays in flight here: a delivery that failed because Redis was away is then
        # repeated at once, not a lease later.
        await until_answered(lambda: self._store.release(entry, evaluator_died=evaluator_died))

    # ------------------------------------------------------------------ aggregation

    def _aggregate(self, job_id: str) -> None:
        if job_id not in self._aggregations:
            task = asyncio.get_running_loop().create_task(self._await_aggregation(job_id))
            self._aggregations[job_id] = task
            task.add_done_callback(lambda _task: self._aggregations.pop(job_id, None))

    async def _await_aggregation(self, job_id: str) -> None:
        try:
            await self._aggregator.aggregate.remote(job_id)
        except Exception as error:  # noqa: BLE001  the job stays on the list of jobs to aggregate
            log.warning("aggregation_failed", job_id=job_id, **describe(error))

    def _call_back(self, job_id: str) -> None:
        if job_id not in self._callbacks:
            task = asyncio.get_running_loop().create_task(self._await_callback(job_id))
            self._callbacks[job_id] = task
            task.add_done_callback(lambda _task: self._callbacks.pop(job_id, None))

    async def _await_callback(self, job_id: str) -> None:
        try:
            await self._aggregator.send_callback.remote(job_id)
        except Exception as error:  # noqa: BLE001  it stays on the list of callbacks that are due
            log.warning("callback_not_tried", job_id=job_id, **describe(error))

    # ------------------------------------------------------------------ figures and tidying

    async def _publish(self) -> float:
        figures = await self._store.queue_figures()
        totals = await self._store.totals()
        if self._registry_watch.has_lost_data(totals):
            log.error("registry_lost_data", totals=totals)
            metrics.add(metrics.REGISTRY_LOSSES)
        self._exported.note(totals)
        for reading in gauges(figures):
            metrics.put(reading.family, reading.value, **reading.labels)
        metrics.put(metrics.IN_FLIGHT, len(self._in_flight))
        ended = totals["documents_succeeded"] + totals["documents_failed"]
        self._throughput.note(ended, working=figures.work_present)
        metrics.put(metrics.THROUGHPUT, self._throughput.per_hour())
        return GAUGES_SECONDS

    async def _sweep(self) -> float:
        try:
            swept = await sweep(self._store, storage=self._storage)
        except RegistryMismatchError:
            log.error("registry_mismatch")  # noqa: TRY400  what it means stands in the runbook, no trace does
            return SWEEP_SECONDS
        if swept.jobs or swept.results or swept.temporary_files:
            log.info("swept", jobs=swept.jobs, results=swept.results, temporary=swept.temporary_files)
        return SWEEP_SECONDS


class _Loop:
    """Calls ``step`` for ever, pausing as long as it says; while Redis is away, longer and longer."""

    def __init__(self, name: str, step: Callable[[], Awaitable[float]]) -> None:
        self.name = name
        self.silent_seconds = math.inf if name in UNHURRIED else SILENT_SECONDS
        self.alive_at = asyncio.get_running_loop().time()
        self.longest_pause = 0.0
        self._step = step

    async def run(self) -> None:
        failures = 0
        while True:
            try:
                pause = await self._step()
                failures = 0
            except Exception as error:  # noqa: BLE001  a loop that ends would need somebody to notice
                failures += 1
                pause = self._pause(failures)
                away = is_redis_away(error)
                if failures == 1 or not away:
                    event = "redis_unavailable" if away else "loop_interrupted"
                    log.warning(event, loop=self.name, **describe(error))
            self.longest_pause = max(self.longest_pause, pause)
            self.alive_at = asyncio.get_running_loop().time()
            await asyncio.sleep(pause)

    @staticmethod
    def _pause(failures: int) -> float:
        full: float = min(PAUSE_MAX_SECONDS, PAUSE_FIRST_SECONDS * 2.0 ** min(failures, 10))
        return full * random.uniform(0.5, 1.0)  # noqa: S311  no secret
